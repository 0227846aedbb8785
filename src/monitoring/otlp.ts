import type { ClientRequest } from 'node:http';
import type { Clock } from '../clock.js';
import { hostGuardOf } from '../config/host-guard.js';
import type { Monitoring, MonitoringSignal, OtlpClass } from '../config/resolved.js';
import { createAgents } from '../config/stock-agent.js';
import type { ExportResult } from '../sdk.js';
import { createGuardedLookup, systemLookup } from '../transport/hosts.js';
import { VERSION } from '../version.js';

/** Sends what is told of the pipeline, through OpenTelemetry's own exporters. */
export interface OtlpSender {
  /**
   * Sends one request, once. Never rejects.
   *
   * @param data - What the signal's exporter takes: plain data of its types.
   * @returns why it was not taken, in a word; `undefined` where it was.
   */
  send(signal: MonitoringSignal, data: unknown): Promise<string | undefined>;
  /** Ends what is under way, and sends nothing any more. */
  close(): void;
}

/**
 * Creates the sender of one processor. Nothing is opened before the first request.
 *
 * The exporters would merge the headers of `OTEL_EXPORTER_OTLP_HEADERS` with these, retry on timers that keep the process
 * alive, and wait for an answer as long as bytes of it come, of which older ones keep all. So their agent lets no other
 * headers through, makes every failure one that is not retried (the next report has the same counts), and ends a request
 * when its time is over, or its answer is too long. The sockets do not keep the process alive, and connect to allowed addresses only.
 */
export function createOtlpSender(monitoring: Monitoring, clock: Clock): OtlpSender {
  const { signals, headers, ca, hosts, timeoutMs } = monitoring;
  const lookup = createGuardedLookup(hostGuardOf(hosts), systemLookup);
  const closers = new Set<() => void>();
  const exporters = new Map<MonitoringSignal, OtlpExporter>();
  /** What each signal's last request was answered with. */
  const statuses = new Map<MonitoringSignal, number>();
  let isClosed = false;

  function prepare(signal: MonitoringSignal, request: ClientRequest): void {
    const cancel = clock.schedule(() => request.destroy(new Error('timeout')), timeoutMs);
    request.once('close', cancel);
    request.once('socket', (socket) => socket.unref());
    // Called before the exporter's own listeners, which see what these have made of it.
    request.prependListener('error', makeFinal);
    request.prependListener('response', (response) => {
      const { statusCode = 0 } = response;
      statuses.set(signal, statusCode);
      if (RETRYABLE.has(statusCode)) response.statusCode = 500;
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_RESPONSE_BYTES) request.destroy(new Error('oversized'));
      });
    });
  }

  function open(signal: MonitoringSignal): OtlpExporter {
    const found = signals[signal];
    if (found === undefined) throw new TypeError(`no exporter for ${signal}`);
    const { url, OtlpExporter } = found;
    const agents = createAgents(new URL(url), headers, ca === undefined ? {} : { ca }, {
      lookup,
      prepare: (request) => prepare(signal, request),
    });
    closers.add(() => agents.destroy());
    return new OtlpExporter({
      url,
      headers,
      compression: 'none',
      timeoutMillis: timeoutMs,
      userAgent: `signalbox/${VERSION}`,
      httpAgentOptions: agents.create,
      // Of metrics; by itself it would read a variable.
      temporalityPreference: CUMULATIVE,
    });
  }

  function exportTo(signal: MonitoringSignal, data: unknown): Promise<ExportResult> {
    return new Promise((resolve) => {
      const exporter = exporters.get(signal) ?? open(signal);
      exporters.set(signal, exporter);
      // The one place where plain data meets the class that the signal has chosen.
      exporter.export(data as never, resolve);
    });
  }

  return {
    async send(signal, data) {
      if (isClosed) return 'it is shut down';
      statuses.delete(signal);
      try {
        const { code } = await exportTo(signal, data);
        if (code === 0) return undefined;
      } catch (error) {
        // Of another version than those that are known, it may not take what it is given.
        return error instanceof Error ? error.name : 'no error';
      }
      // Without the error's own words: they are the receiver's, or have its address.
      const status = statuses.get(signal);
      if (status === undefined) return 'no answer';
      return status < 300 ? 'an answer that can not be read' : `HTTP ${status}`;
    },
    close() {
      isClosed = true;
      for (const close of closers) close();
    },
  };
}

type OtlpExporter = InstanceType<OtlpClass>;

/** Most that is read of an answer: more than OTLP has to say, and as much as is read of a backend's. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Answers that an exporter retries. */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** `AggregationTemporalityPreference.CUMULATIVE` of the metrics' exporter. */
const CUMULATIVE = 1;

/** An error with a code that the exporter knows would be retried by it. */
function makeFinal(error: Error): void {
  Reflect.deleteProperty(error, 'code');
}
