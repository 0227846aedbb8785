import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { SPAN_OBJECT_BYTES } from '../encoding/estimate.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import { asError } from '../encoding/span-encoder.js';
import type { ExportResult, ReadableSpan, SpanExporter } from '../sdk.js';
import type { SendFailure, SendResult } from '../transport/result.js';
import type { Courier, Parcel } from './courier.js';
import type { Run } from './run.js';

/** Spans as an exporter takes them. */
export interface SpanList extends Parcel {
  readonly spans: ReadableSpan[];
}

/** An exporter made elsewhere, and what stands between it and the queue. */
export interface StockOptions {
  readonly backend: Pick<Backend, 'name' | 'timeoutMs'>;
  readonly exporter: SpanExporter;
  readonly estimateBytes: (span: RoutedSpan) => number;
  /** Shows the backend a span as it may see it. */
  readonly view: (span: RoutedSpan) => ReadableSpan;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Creates the courier that hands batches to an exporter made elsewhere.
 *
 * "Export" of the SDK specification: it is never called concurrently, nor after its shutdown, and its own
 * retries are its own matter, so that a failure is final. Nor is it called again before it has called back:
 * one that never does holds its backend's spans until they are dropped, and is warned of.
 */
export function createStock(options: StockOptions): Courier<SpanList> {
  const { backend, exporter, estimateBytes, view, log, clock } = options;

  function warn(what: string): void {
    log.warn(`${backend.name} ${what}`, `backend ${backend.name}: its exporter ${what}`);
  }

  /** In the clock's context: requests that the exporter makes must not be traced as its caller's. */
  async function attempt(what: string, call: (() => Promise<void>) | undefined): Promise<void> {
    if (call === undefined) return;
    try {
      await new Promise<void>((resolve) => {
        clock.schedule(() => resolve(run(call)), 0);
      });
    } catch (error) {
      warn(`${what} (${describe(error)})`);
    }
  }

  return {
    maxConcurrent: 1,
    spanOverheadBytes: SPAN_OBJECT_BYTES,
    take: (routed) => ({ chunk: undefined, index: 0, size: estimateBytes(routed), routed }),
    // The configuration has none stand by for another.
    copy: () => new TypeError('an exporter that was made elsewhere takes spans'),
    undo() {},
    release() {},
    rest() {},
    trim() {},
    pack(runs) {
      try {
        return { parcel: { spans: listSpans(runs, view), bytes: 0 }, runs };
      } catch (error) {
        // What a backend may not see of a span that can not be read, nobody knows.
        return asError(error);
      }
    },
    compress: async (list) => list,
    async send({ spans }) {
      const cancel = clock.schedule(
        () => warn('has not called back in time; it is called no more until it does'),
        backend.timeoutMs,
      );
      try {
        return readResult(await exportSpans(exporter, spans));
      } catch (error) {
        return { status: 'refused', failure: readFailure(error) };
      } finally {
        cancel();
      }
    },
    flush: () => attempt('failed to flush', exporter.forceFlush?.bind(exporter)),
    close: () => attempt('failed to shut down', exporter.shutdown.bind(exporter)),
  };
}

function listSpans(runs: readonly Run[], view: (span: RoutedSpan) => ReadableSpan): ReadableSpan[] {
  return runs.flatMap(({ kept }) => (kept === undefined ? [] : [view(kept.routed)]));
}

/** Makes a throw a rejection. */
async function run(call: () => Promise<void>): Promise<void> {
  await call();
}

function exportSpans(exporter: SpanExporter, spans: ReadableSpan[]): Promise<ExportResult> {
  return new Promise((resolve, reject) => {
    const returned: unknown = exporter.export(spans, resolve);
    // Not in the interface, but an `async export` that throws would end the application.
    if (returned instanceof Promise) returned.catch(reject);
  });
}

function readResult({ code, error }: ExportResult): SendResult {
  return code === 0
    ? { status: 'success', rejectedSpans: 0 }
    : { status: 'refused', failure: readFailure(error) };
}

/** An exporter's message may hold its URL or headers: the log gets the error's name and code alone. */
function readFailure(error: unknown): SendFailure {
  const { name, code } = nameAndCode(error);
  return { message: describe(error), errorType: code ?? name };
}

function describe(error: unknown): string {
  const { name, code } = nameAndCode(error);
  return code === undefined ? name : `${name} ${code}`;
}

function nameAndCode(error: unknown): { name: string; code: string | undefined } {
  if (!(error instanceof Error)) return { name: 'failed', code: undefined };
  const code = 'code' in error ? error.code : undefined;
  const isCode = typeof code === 'number' || typeof code === 'string';
  return { name: error.name, code: isCode ? String(code) : undefined };
}
