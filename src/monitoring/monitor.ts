import { randomUUID } from 'node:crypto';
import { millisToHrTime } from '@opentelemetry/core';
import { boundStats } from '../accounting/health.js';
import type { Log } from '../accounting/log.js';
import type { Cancel, Clock } from '../clock.js';
import type { Monitoring, MonitoringSignal } from '../config/resolved.js';
import { type Deadline, startDeadline } from '../deadline.js';
import { runDetached } from '../detached.js';
import { VERSION } from '../version.js';
import { pipelineMetrics, statusMetrics, usageMetrics } from './backend-figures.js';
import { sampleHeap } from './heap-profile.js';
import { createMetricMaker, type Metric } from './metric-data.js';
import { createOtlpSender } from './otlp.js';
import { heapMetrics, processMetrics } from './process-figures.js';
import { type Sender, toLogRecord, toProfileRecord, toSpan } from './records.js';
import type { HeapProfileOptions, Seen, Snapshots } from './watch.js';

/** Tells of one pipeline, each interval. */
export interface Monitor {
  /** See {@link Watch.sendHeapProfile}. */
  sendHeapProfile(options?: HeapProfileOptions): Promise<boolean>;
  /** See {@link Watch.close}. */
  close(exportersClosed: Promise<unknown>, deadline: Deadline): Promise<void>;
}

/** What a monitor depends on. */
export interface MonitorParts {
  readonly seen: Seen;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  /** Where it says that it can not tell. */
  readonly log: Pick<Log, 'warn' | 'once'>;
}

/** How long a heap is sampled: long enough to meet what a service does, and short enough to wait for. */
const PROFILE_MS = 10_000;

/**
 * Longest that the last report is waited for. A receiver that is well takes it in a round trip or two, and one that is
 * not must not hold up the end of the process.
 */
const LAST_REPORT_MS = 2_000;

/** The part of a shutdown's time after which the last report leaves, although there are exporters that are not closed. */
const LAST_REPORT_AT = 0.75;

/**
 * Starts to tell of one pipeline: a report each interval, one at a time, so that a receiver that hangs holds one at the
 * most. No timer or socket keeps the process alive.
 */
export function startMonitor(
  monitoring: Monitoring,
  { seen, snapshots, clock, log }: MonitorParts,
): Monitor {
  const { telemetry, intervalMs } = monitoring;
  const otlp = createOtlpSender(monitoring, clock);
  const startTime = millisToHrTime(clock.epochMs());
  const sender: Sender = {
    resource: {
      attributes: {
        'service.name': monitoring.serviceName,
        // Several processors of a process, and processes of a service, are told apart by it.
        'service.instance.id': randomUUID(),
        'telemetry.distro.name': 'signalbox',
        'telemetry.distro.version': VERSION,
      },
    },
    instrumentationScope: { name: 'signalbox', version: VERSION },
  };
  let cancelTimer: Cancel | undefined;
  let running: Promise<void> = Promise.resolve();
  let profiling: Promise<boolean> | undefined;
  let endProfile = () => {};
  let isClosing = false;

  async function send(signal: MonitoringSignal, data: unknown): Promise<boolean> {
    const failure = await runDetached(() => otlp.send(signal, data));
    if (failure === undefined) return true;
    log.warn('monitoring', `telemetry about the pipeline can not be delivered (${failure})`);
    return false;
  }

  function collectMetrics(): Metric[] {
    const make = createMetricMaker(startTime, millisToHrTime(clock.epochMs()));
    const stats = snapshots.stats();
    const backends = boundStats(stats.backends, seen.names.of);
    const { tallies } = seen;
    const metrics: Metric[] = [];
    if (telemetry.has('status')) {
      metrics.push(...statusMetrics(make, snapshots.health(seen.names.of)));
    }
    if (telemetry.has('metrics')) {
      metrics.push(
        ...processMetrics(make),
        ...pipelineMetrics(make, stats, backends, tallies.requests()),
      );
    }
    if (telemetry.has('metrics') && seen.requests !== undefined) {
      metrics.push(
        ...make.counter(
          {
            name: 'signalbox.monitoring.requests.lost',
            unit: '{request}',
            description: 'Requests to backends that are not told of as spans: there were too many.',
          },
          [{ value: seen.requests.lost }],
        ),
      );
    }
    if (telemetry.has('usage')) metrics.push(...usageMetrics(make, backends, tallies.bytes()));
    if (telemetry.has('memprof')) metrics.push(...heapMetrics(make));
    return metrics;
  }

  async function sendMetrics(): Promise<void> {
    const metrics = collectMetrics();
    if (metrics.length === 0) return;
    const { resource, instrumentationScope: scope } = sender;
    await send('metrics', { resource, scopeMetrics: [{ scope, metrics }] });
  }

  async function sendLogs(): Promise<void> {
    const diagnostics = seen.diagnostics?.take() ?? [];
    if (diagnostics.length === 0) return;
    const nowMs = clock.epochMs();
    const records = diagnostics.map((each) => toLogRecord(each, sender, nowMs));
    if (!(await send('logs', records))) seen.diagnostics?.putBack(diagnostics);
  }

  async function sendTraces(): Promise<void> {
    const requests = seen.requests?.take() ?? [];
    if (requests.length === 0) return;
    const spans = requests.map((each) => toSpan(each, sender));
    if (!(await send('traces', spans))) seen.requests?.putBack(requests);
  }

  /** Never rejects. */
  async function report(): Promise<void> {
    try {
      await Promise.all([sendMetrics(), sendLogs(), sendTraces()]);
    } catch (error) {
      // What the system says of the process may be refused; else it is a bug, and the next report may do better.
      const name = error instanceof Error ? error.name : 'no error';
      log.warn(
        'monitoring report',
        `telemetry about the pipeline could not be collected (${name})`,
      );
    }
  }

  function schedule(): void {
    cancelTimer = clock.schedule(() => {
      running = report();
      void running.then(() => {
        if (!isClosing) schedule();
      });
    }, intervalMs);
  }

  async function profile(durationMs: number): Promise<boolean> {
    const startMs = clock.now();
    const ended = new Promise<void>((resolve) => {
      const cancel = clock.schedule(resolve, durationMs);
      endProfile = () => {
        cancel();
        resolve();
      };
    });
    try {
      const text = await sampleHeap(ended);
      const sampledMs = Math.round(clock.now() - startMs);
      return await send('logs', [toProfileRecord(text, sampledMs, sender, clock.epochMs())]);
    } catch (error) {
      const name = error instanceof Error ? error.name : 'no error';
      log.warn('heap profile', `the heap could not be sampled (${name})`);
      return false;
    } finally {
      profiling = undefined;
    }
  }

  schedule();
  return {
    async sendHeapProfile({ durationMs = PROFILE_MS } = {}) {
      if (!telemetry.has('memprof') || profiling !== undefined || isClosing) return false;
      profiling = runDetached(() => profile(durationMs));
      return profiling;
    },
    async close(exportersClosed, { passed, endsAtMs }) {
      isClosing = true;
      cancelTimer?.();
      endProfile();
      const leftMs = Math.max(0, endsAtMs - clock.now());
      const late = startDeadline(clock, leftMs * LAST_REPORT_AT, false);
      await Promise.race([exportersClosed, late.passed]);
      late.cancel();
      const limit = startDeadline(clock, LAST_REPORT_MS, false);
      const last = Promise.all([profiling, running.then(report)]);
      await Promise.race([last, limit.passed, passed]);
      limit.cancel();
      otlp.close();
    },
  };
}
