import { createLedger } from '../accounting/ledger.js';
import { createLog } from '../accounting/log.js';
import { createMetrics } from '../accounting/metrics.js';
import type { Backend } from '../config/resolved.js';
import { startDeadline } from '../deadline.js';
import { createSpanEncoders } from '../encoding/span-encoder.js';
import { createMemory } from '../exporter/memory.js';
import type { Sent } from '../exporter/observed.js';
import { openExporter } from '../exporter/open.js';
import type { ReadableSpan } from '../sdk.js';
import { createSystemClock } from '../system-clock.js';

/** More than an exporter needs beside its one attempt, in milliseconds. */
const MARGIN_MS = 2_000;

/** What is delivered. */
export interface ProbeSpan {
  readonly span: ReadableSpan;
  /** The key that is written into it. */
  readonly routeKey: string;
  /** What counts in place of the backend's own parent; `undefined` for that one. */
  readonly parent: string | undefined;
  readonly routeAttribute: string | undefined;
  readonly maxBufferedBytes: number;
}

/**
 * Sends one span through a backend's own exporter, once, and closes the exporter. Never rejects.
 *
 * @returns what became of the request; `undefined` where there was none, or no answer in all the time it had.
 */
export async function deliver(backend: Backend, probe: ProbeSpan): Promise<Sent | undefined> {
  const clock = createSystemClock();
  const log = createLog(clock);
  const ledger = createLedger({ clock, log, metrics: createMetrics(undefined) });
  const { routeAttribute, routeKey, parent, span } = probe;
  let last: Sent | undefined;
  // One attempt, now: a probe says what is, and not what a service would reach in five minutes.
  // And nothing that lasts: a spool is that of the service, whose batches a probe must not send.
  const once: Backend = {
    ...backend,
    scheduleDelayMs: 0,
    retryMaxElapsedMs: 0,
    authGraceMs: 0,
    spool: undefined,
  };
  const exporter = openExporter(once, {
    routeAttribute,
    encoderOf: createSpanEncoders(routeAttribute),
    memory: createMemory(probe.maxBufferedBytes),
    ledger: ledger.backend(once),
    log,
    clock,
    observe: (_, sent) => {
      last = sent;
    },
  });
  const deadline = startDeadline(clock, backend.timeoutMs + MARGIN_MS);
  exporter.accept({ span, routeKey, lane: { parent, countedKey: undefined } });
  await exporter.flush(deadline.passed);
  await exporter.shutdown(deadline);
  deadline.cancel();
  return last;
}
