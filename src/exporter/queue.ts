import type { RoutedSpan } from '../encoding/routed-span.js';

/** A span on its way to one backend. */
export interface QueuedSpan {
  readonly routed: RoutedSpan;
  /** Estimated, as the encoder says. */
  readonly bytes: number;
  /** Counts the spans that this exporter has admitted, from 0. */
  readonly sequence: number;
  /** On the monotonic clock. */
  readonly acceptedAtMs: number;
}

/** Spans that are in no batch yet, first in, first out. Its bounds are kept by who fills it. */
export interface Queue {
  readonly size: number;
  /** Sum of the spans' estimated bytes. */
  readonly bytes: number;
  readonly oldest: QueuedSpan | undefined;
  push(span: QueuedSpan): void;
  /** Takes the oldest spans out, as many as both limits allow, but one at least. */
  takeOldest(maxSpans: number, maxBytes: number): QueuedSpan[];
  /** Takes the newest spans out until they hold `bytes` together, or none is left. */
  takeNewest(bytes: number, overheadBytes: number): QueuedSpan[];
}

/** Creates an empty queue. */
export function createQueue(): Queue {
  const spans: QueuedSpan[] = [];
  let bytes = 0;

  function take(from: number, count: number): QueuedSpan[] {
    const taken = spans.splice(from, count);
    bytes -= sumBytes(taken);
    return taken;
  }

  return {
    get size() {
      return spans.length;
    },
    get bytes() {
      return bytes;
    },
    get oldest() {
      return spans[0];
    },
    push(span) {
      spans.push(span);
      bytes += span.bytes;
    },
    takeOldest(maxSpans, maxBytes) {
      let count = 0;
      let total = 0;
      for (const span of spans) {
        total += span.bytes;
        if (count === maxSpans || (count > 0 && total > maxBytes)) break;
        count += 1;
      }
      return take(0, count);
    },
    takeNewest(wanted, overheadBytes) {
      let from = spans.length;
      for (let total = 0; from > 0 && total < wanted; ) {
        from -= 1;
        total += (spans[from]?.bytes ?? 0) + overheadBytes;
      }
      return take(from, spans.length - from);
    },
  };
}

/** The estimated bytes of the spans together. */
export function sumBytes(spans: readonly QueuedSpan[]): number {
  let sum = 0;
  for (const span of spans) sum += span.bytes;
  return sum;
}
