import type { Health } from '../accounting/health.js';
import type { Log } from '../accounting/log.js';
import type { RoutingStats } from '../accounting/stats.js';
import type { Clock } from '../clock.js';
import type { Monitoring } from '../config/resolved.js';
import type { Deadline } from '../deadline.js';
import { runDetached } from '../detached.js';
import type { Sent } from '../exporter/observed.js';
import { createDiagnostics, type Diagnostics } from './diagnostics.js';
import type { Monitor } from './monitor.js';
import { createNames, type Names } from './names.js';
import { createSentRequests, describeSent, type SentRequests } from './sent-requests.js';
import { createTallies, type Tallies } from './tallies.js';

/** What the processor says of itself when it is asked. */
export interface Snapshots {
  stats(): RoutingStats;
  /** @param nameOf - The name under which a backend is told of. */
  health(nameOf: (backend: string) => string): Health;
}

/** What was seen of the pipeline since it began. A part that no type of telemetry asks for is absent. */
export interface Seen {
  readonly names: Names;
  readonly diagnostics: Diagnostics | undefined;
  readonly requests: SentRequests | undefined;
  readonly tallies: Tallies;
}

/** How a heap profile is taken. */
export interface HeapProfileOptions {
  /**
   * How long allocations are sampled, in milliseconds; a shutdown ends it earlier.
   *
   * @default 10_000
   */
  readonly durationMs?: number;
}

/**
 * Watches one pipeline, and tells of it.
 *
 * What it takes in are names of backends, counts, and words of a closed list: nothing of a span reaches it, nor a word
 * of a backend's answers.
 */
export interface Watch {
  /** The log, or one whose warnings are counted here as well. */
  log(log: Log): Log;
  /** A request to a backend has ended. Once per request. */
  onSent(backend: string, sent: Sent): void;
  /** Spans of so many bytes have left a backend's queue. Once per batch. */
  onLeave(backend: string, bytes: number): void;
  /** Begins to tell, each interval. */
  start(snapshots: Snapshots, log: Log): void;
  /** Samples the heap and sends the profile; `true` once the receiver has it. Never rejects. */
  sendHeapProfile(options?: HeapProfileOptions): Promise<boolean>;
  /**
   * Tells a last time, once the exporters are closed or most of the time is over, and ends by the deadline at the latest.
   */
  close(exportersClosed: Promise<unknown>, deadline: Deadline): Promise<void>;
}

/**
 * Creates the watch of one processor. What sends is loaded when it starts, so that an application without monitoring
 * loads none of it.
 *
 * @param isConfigured - Whether the configuration has a backend of the name.
 */
export function createWatch(
  monitoring: Monitoring,
  clock: Clock,
  isConfigured: (backend: string) => boolean,
): Watch {
  const { telemetry } = monitoring;
  const names = createNames(isConfigured);
  const seen: Seen = {
    names,
    diagnostics: telemetry.has('logs') ? createDiagnostics(names) : undefined,
    requests: telemetry.has('traces') ? createSentRequests() : undefined,
    tallies: createTallies(),
  };
  let monitor: Promise<Monitor | undefined> = Promise.resolve(undefined);

  return {
    log: (log) => seen.diagnostics?.watch(log) ?? log,
    onSent(backend, sent) {
      const request = describeSent(names.of(backend), sent, clock.epochMs());
      seen.tallies.addRequest(request);
      seen.requests?.add(request);
    },
    onLeave: (backend, bytes) => seen.tallies.addAccepted(names.of(backend), bytes),
    start(snapshots, log) {
      monitor = runDetached(() => load(monitoring, { seen, snapshots, clock, log }));
    },
    async sendHeapProfile(options) {
      return (await monitor)?.sendHeapProfile(options) ?? false;
    },
    async close(exportersClosed, deadline) {
      await Promise.race([
        monitor.then((started) => started?.close(exportersClosed, deadline)),
        deadline.passed,
      ]);
    },
  };
}

/** Never rejects: nobody waits for it. */
async function load(
  monitoring: Monitoring,
  parts: Parameters<typeof import('./monitor.js').startMonitor>[1],
): Promise<Monitor | undefined> {
  try {
    const { startMonitor } = await import('./monitor.js');
    return startMonitor(monitoring, parts);
  } catch (error) {
    const name = error instanceof Error ? error.name : 'no error';
    parts.log.once('monitoring', `monitoring could not be started (${name}): nothing is sent`);
    return undefined;
  }
}
