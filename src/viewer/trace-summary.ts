import type { HeldSpan } from './held-span.js';
import type { TraceFlag, TraceRow } from './messages.js';

/** A trace of which spans are held. */
export interface HeldTrace {
  /** Counts traces in the order in which they appeared. */
  readonly number: number;
  readonly traceId: string;
  /** In the order of arrival; never empty. */
  readonly spans: HeldSpan[];
  readonly firstArrivalAt: number;
  lastArrivalAt: number;
  /** What was made of `spans`; forgotten when they change. */
  summary: TraceSummary | undefined;
}

/** What lists and filters ask of a trace. */
export interface TraceSummary extends Omit<TraceRow, 'number' | 'traceId' | 'arrivedAt'> {
  readonly services: ReadonlySet<string>;
}

/**
 * How long a trace may lack copies before it counts as split, where other spans of it went to several backends:
 * each of them has batches of its own, which leave at different times.
 */
export const FAN_OUT_PATIENCE_MS = 10_000;

/** Sums a trace up; again only when its spans have changed. */
export function summarize(trace: HeldTrace, nowMs: number): TraceSummary {
  if (trace.summary !== undefined) return trace.summary;
  const mayBeIncomplete = nowMs - trace.lastArrivalAt < FAN_OUT_PATIENCE_MS;
  const { summary, isWaiting } = sumUp(trace.spans, mayBeIncomplete);
  // Time alone changes what is still waiting for its copies.
  if (!isWaiting) trace.summary = summary;
  return summary;
}

function sumUp(
  spans: readonly HeldSpan[],
  mayBeIncomplete: boolean,
): { readonly summary: TraceSummary; readonly isWaiting: boolean } {
  /** The backends that hold each span. */
  const distinct = new Map<string, string[]>();
  const keys = new Set<string>();
  const backends = new Set<string>();
  const services = new Set<string>();
  let root: HeldSpan | undefined;
  let earliest: HeldSpan | undefined;
  let endMs = Number.NEGATIVE_INFINITY;
  let errors = 0;
  let isRepeated = false;
  for (const span of spans) {
    const known = distinct.get(span.spanId);
    if (known === undefined) {
      distinct.set(span.spanId, [span.backend]);
      if (span.isError) errors += 1;
    } else if (known.includes(span.backend)) {
      isRepeated = true;
    } else {
      known.push(span.backend);
    }
    keys.add(span.key);
    backends.add(span.backend);
    services.add(span.service);
    if (span.parentSpanId === '' && root === undefined) root = span;
    if (earliest === undefined || span.startMs < earliest.startMs) earliest = span;
    endMs = Math.max(endMs, span.startMs + span.durationMs);
  }
  const copies = [...distinct.values()].map((at) => at.length);
  const lacksCopies = copies.some((count) => count < backends.size);
  // Where no span has a second copy there is no fan-out whose copies could still be on their way.
  const isWaiting = lacksCopies && mayBeIncomplete && copies.some((count) => count > 1);
  const flags: TraceFlag[] = [];
  if (lacksCopies && !isWaiting) flags.push('split');
  if (isRepeated) flags.push('repeated');
  const named = root ?? earliest;
  const startMs = earliest?.startMs ?? 0;
  return {
    isWaiting,
    summary: {
      name: named?.name ?? '',
      service: named?.service ?? '',
      isRootMissing: root === undefined,
      keys: [...keys].sort(),
      backends: [...backends].sort(),
      services,
      spans: distinct.size,
      errors,
      startMs,
      durationMs: Math.max(0, endMs - startMs),
      flags,
    },
  };
}
