import type { SendFailure } from '../transport/result.js';
import { type QueuedSpan, sumBytes } from './queue.js';

/** What one request carries, from when its spans leave the queue until they are settled. */
export interface Batch<P> {
  /** Oldest first; at least one. */
  readonly spans: readonly QueuedSpan[];
  /** The spans' estimated bytes. */
  readonly bytes: number;
  /** Waiting for its turn or its retry; being encoded and compressed; on the wire; done with. */
  state: 'waiting' | 'packing' | 'inFlight' | 'settled';
  /** Encoded once, and kept for every attempt. */
  parcel: P | undefined;
  /** Attempts that failed in a way that may pass. */
  failures: number;
  /** When the next attempt may be made. */
  notBeforeMs: number;
  /** When the first attempt of this batch began, which is when its operation began. */
  firstSentAtMs: number | undefined;
  /**
   * When retrying ends; `undefined` before the first attempt. The halves of a batch inherit it: they are
   * different requests, but their spans have been tried for as long.
   */
  retryUntilMs: number | undefined;
  /** Why the last attempt failed. */
  failure: SendFailure | undefined;
  /** Aborts the attempt that is under way. */
  aborter: AbortController | undefined;
}

/** Creates a batch that waits for its turn. */
export function createBatch<P>(
  spans: readonly QueuedSpan[],
  retryUntilMs: number | undefined = undefined,
): Batch<P> {
  return {
    spans,
    bytes: sumBytes(spans),
    state: 'waiting',
    parcel: undefined,
    failures: 0,
    notBeforeMs: Number.NEGATIVE_INFINITY,
    firstSentAtMs: undefined,
    retryUntilMs,
    failure: undefined,
    aborter: undefined,
  };
}

/** The batch as two smaller ones. */
export function halve<P>({ spans, retryUntilMs }: Batch<P>): [Batch<P>, Batch<P>] {
  const middle = Math.ceil(spans.length / 2);
  return [
    createBatch(spans.slice(0, middle), retryUntilMs),
    createBatch(spans.slice(middle), retryUntilMs),
  ];
}
