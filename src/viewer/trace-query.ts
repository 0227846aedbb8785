import type { HeldSpan } from './held-span.js';
import type { TracePage, TraceRow } from './messages.js';
import type { SpanStore } from './span-store.js';
import { type HeldTrace, summarize, type TraceSummary } from './trace-summary.js';

/** Which traces to list. A filter that is `undefined` takes all; the empty string takes those without a value. */
export interface TraceFilter {
  readonly backend: string | undefined;
  readonly key: string | undefined;
  readonly service: string | undefined;
  /** Found anywhere in a span's name, status or attributes, whatever the case; or the beginning of an id. */
  readonly text: string;
  readonly isFlagged: boolean;
}

/** Which part of the list. */
export interface TraceWindow {
  /** Newer traces are left out, so that a list stands still while somebody reads it. */
  readonly upTo: number;
  readonly offset: number;
  readonly limit: number;
}

/** Lists the traces that match, newest first. */
export type TraceQuery = (
  filter: TraceFilter,
  window: TraceWindow,
  nowMs: number,
) => Omit<TracePage, 'revision'>;

/**
 * Creates the list of a store's traces.
 *
 * It looks at every trace that is held, which takes some milliseconds for 100,000: less than an index would cost at
 * each arrival. A text takes longer to look for, and so what was found in a trace is remembered until the trace or
 * the question changes; a page asks the same again and again.
 */
export function createTraceQuery(store: Pick<SpanStore, 'traces'>): TraceQuery {
  let question = '';
  let found = new WeakMap<TraceSummary, boolean>();

  function hasSpan(trace: HeldTrace, summary: TraceSummary, filter: TraceFilter): boolean {
    const known = found.get(summary);
    if (known !== undefined) return known;
    const isFound = trace.spans.some((span) => isWanted(span, filter));
    found.set(summary, isFound);
    return isFound;
  }

  return (filter, window, nowMs) => {
    const { backend, key, text } = filter;
    const asked = JSON.stringify([backend, key, text]);
    if (asked !== question) {
      question = asked;
      found = new WeakMap();
    }
    // One span must fit all of it: a tenant's key at a backend, and not the key here and the backend there.
    const needsSpan = text !== '' || (backend !== undefined && key !== undefined);
    const traces = store.traces();
    const rows: TraceRow[] = [];
    let total = 0;
    let newer = 0;
    let newest = 0;
    for (let index = traces.length - 1; index >= 0; index -= 1) {
      const trace = traces[index];
      if (trace === undefined) continue;
      const summary = summarize(trace, nowMs);
      if (!isListed(summary, filter)) continue;
      if (needsSpan && !hasSpan(trace, summary, filter)) continue;
      if (newest === 0) newest = trace.number;
      if (trace.number > window.upTo) {
        newer += 1;
        continue;
      }
      if (total >= window.offset && rows.length < window.limit) rows.push(toRow(trace, summary));
      total += 1;
    }
    return { total, newest, newer, offset: window.offset, rows };
  };
}

/** The trace as a row of the list. */
export function toRow(trace: HeldTrace, { services: _, ...summary }: TraceSummary): TraceRow {
  return {
    ...summary,
    number: trace.number,
    traceId: trace.traceId,
    arrivedAt: trace.firstArrivalAt,
    name: summary.name.slice(0, MAX_NAME_LENGTH),
    keys: summary.keys.slice(0, MAX_NAMES),
    backends: summary.backends.slice(0, MAX_NAMES),
  };
}

/** What a row has room for. */
const MAX_NAME_LENGTH = 300;
const MAX_NAMES = 20;

/** What a trace as a whole can tell. */
function isListed(summary: TraceSummary, filter: TraceFilter): boolean {
  const { backend, key, service, isFlagged } = filter;
  if (isFlagged && summary.flags.length === 0) return false;
  if (backend !== undefined && !summary.backends.includes(backend)) return false;
  if (key !== undefined && !summary.keys.includes(key)) return false;
  return service === undefined || summary.services.has(service);
}

function isWanted(span: HeldSpan, { backend, key, text }: TraceFilter): boolean {
  if (backend !== undefined && span.backend !== backend) return false;
  if (key !== undefined && span.key !== key) return false;
  return span.text.includes(text) || span.traceId.startsWith(text) || span.spanId.startsWith(text);
}
