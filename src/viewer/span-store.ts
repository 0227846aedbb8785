import type { Clock } from '../clock.js';
import type { ReceivedRequest, ReceivedSpan } from '../receiver/received.js';
import {
  type HeldRequest,
  type HeldSpan,
  holdRequest,
  milliseconds,
  searchText,
  stringAttribute,
} from './held-span.js';
import { createTally, type Tally } from './tally.js';
import type { HeldTrace } from './trace-summary.js';

/** What bounds a store, and how it reads keys. */
export interface SpanStoreOptions {
  /** The newest that are held. */
  readonly capacity: number;
  /** Of bodies, and of what is kept beside them, about. */
  readonly maxBytes: number;
  /** The attribute that carries the route key. */
  readonly routeAttribute: string;
}

/** The newest spans that arrived, by trace. */
export interface SpanStore {
  /** Holds a request's spans, and lets go of the oldest where there are too many. Returns those that it took. */
  add(request: ReceivedRequest, httpStatus: number): readonly HeldSpan[];
  span(number: number): HeldSpan | undefined;
  trace(traceId: string): HeldTrace | undefined;
  /** In the order in which they appeared. */
  traces(): HeldTrace[];
  readonly received: number;
  readonly held: number;
  readonly heldBytes: number;
  readonly traceCount: number;
  /** Values of the spans that are held. */
  readonly keys: Pick<Tally, 'top'>;
  readonly services: Pick<Tally, 'top'>;
}

/** What an entry takes beside its strings and its share of the body: measured, and rounded up. */
const SPAN_BYTES = 500;

/** Creates an empty store. */
export function createSpanStore(
  options: SpanStoreOptions,
  clock: Pick<Clock, 'epochMs'>,
): SpanStore {
  const { capacity, maxBytes, routeAttribute } = options;
  // A ring: the span with the number n is at n % capacity.
  const ring: (HeldSpan | undefined)[] = [];
  const traces = new Map<string, HeldTrace>();
  const keys = createTally();
  const services = createTally();
  let next = 0;
  let oldest = 0;
  let heldBytes = 0;
  let nextTrace = 1;

  function hold(
    span: ReceivedSpan,
    request: HeldRequest,
    index: number,
    backend: string,
  ): HeldSpan {
    const trace = traceOf(span.traceId, request.receivedAt);
    const held: HeldSpan = {
      number: next,
      traceId: trace.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId,
      name: span.name,
      service: services.add(stringAttribute(span.resource.attributes, 'service.name')),
      key: keys.add(stringAttribute(span.attributes, routeAttribute)),
      backend,
      kind: span.kind,
      isError: span.status.code === 2,
      startMs: milliseconds(span.startTimeUnixNano),
      durationMs: Math.max(0, Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1_000_000),
      text: searchText(span),
      request,
      index,
    };
    ring[next % capacity] = held;
    next += 1;
    heldBytes += bytesOf(held);
    trace.spans.push(held);
    trace.lastArrivalAt = request.receivedAt;
    trace.summary = undefined;
    return held;
  }

  function traceOf(traceId: string, receivedAt: number): HeldTrace {
    const known = traces.get(traceId);
    if (known !== undefined) return known;
    const trace: HeldTrace = {
      number: nextTrace,
      traceId,
      spans: [],
      firstArrivalAt: receivedAt,
      lastArrivalAt: receivedAt,
      summary: undefined,
    };
    nextTrace += 1;
    traces.set(traceId, trace);
    return trace;
  }

  function letGoOfOldest(): void {
    const held = ring[oldest % capacity];
    ring[oldest % capacity] = undefined;
    oldest += 1;
    if (held === undefined) return;
    heldBytes -= bytesOf(held);
    held.request.heldSpans -= 1;
    if (held.request.heldSpans === 0) heldBytes -= held.request.body.length;
    keys.remove(held.key);
    services.remove(held.service);
    const trace = traces.get(held.traceId);
    if (trace === undefined) return;
    // The oldest of all is the oldest of its trace.
    trace.spans.shift();
    trace.summary = undefined;
    if (trace.spans.length === 0) traces.delete(held.traceId);
  }

  return {
    add(received, httpStatus) {
      if (received.spans.length === 0) return [];
      const request = holdRequest(received, httpStatus, clock.epochMs());
      heldBytes += request.body.length;
      const taken = received.spans.map((span, index) => {
        if (next - oldest === capacity) letGoOfOldest();
        return hold(span, request, index, received.backend ?? '');
      });
      while (heldBytes > maxBytes && oldest < next) letGoOfOldest();
      return taken;
    },
    span(number) {
      return number >= oldest && number < next ? ring[number % capacity] : undefined;
    },
    trace: (traceId) => traces.get(traceId),
    traces: () => [...traces.values()],
    get received() {
      return next;
    },
    get held() {
      return next - oldest;
    },
    get heldBytes() {
      return heldBytes;
    },
    get traceCount() {
      return traces.size;
    },
    keys,
    services,
  };
}

function bytesOf({ name, text }: HeldSpan): number {
  return SPAN_BYTES + 2 * (name.length + text.length);
}
