import type { SendFailure } from '../transport/result.js';
import type { Lane } from './lanes.js';
import { countSpans, type Run, splitRuns, sumBytes } from './run.js';

/** What one request carries, from when its spans leave the queue until they are settled. */
export interface Batch<P> {
  /** Where its spans were queued. */
  readonly lane: Lane;
  /** Oldest first; at least one. Those that are not bytes yet are replaced as they are encoded. */
  runs: readonly Run[];
  /** How many spans it has. */
  readonly spans: number;
  /** How many bytes they take, estimates included. */
  bytes: number;
  /** Waiting for its turn or its retry; being encoded and compressed; on the wire; done with. */
  state: 'waiting' | 'packing' | 'inFlight' | 'settled';
  /** Encoded once, and kept for every attempt. */
  parcel: P | undefined;
  /** How often its spans have gone onto the wire, here or in a larger batch. */
  sends: number;
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
  /** When it may no longer be held for other credentials; `undefined` before it was first refused for them. */
  graceUntilMs: number | undefined;
  /** Why the last attempt failed. */
  failure: SendFailure | undefined;
  /** Whether an attempt at its spans has ended without an answer: the backend may have taken them. */
  isUnanswered: boolean;
  /** Aborts the attempt that is under way. */
  aborter: AbortController | undefined;
}

/** Creates a batch that waits for its turn. */
export function createBatch<P>(
  lane: Lane,
  runs: readonly Run[],
  retryUntilMs: number | undefined = undefined,
): Batch<P> {
  return {
    lane,
    runs,
    spans: countSpans(runs),
    bytes: sumBytes(runs),
    state: 'waiting',
    parcel: undefined,
    sends: retryUntilMs === undefined ? 0 : 1,
    failures: 0,
    notBeforeMs: Number.NEGATIVE_INFINITY,
    firstSentAtMs: undefined,
    retryUntilMs,
    graceUntilMs: undefined,
    failure: undefined,
    isUnanswered: false,
    aborter: undefined,
  };
}

/** The batch as two smaller ones. */
export function halve<P>(batch: Batch<P>): [Batch<P>, Batch<P>] {
  const { lane, runs, spans, retryUntilMs, graceUntilMs, isUnanswered } = batch;
  const [first, second] = splitRuns(runs, Math.ceil(spans / 2));
  return [
    { ...createBatch<P>(lane, first, retryUntilMs), graceUntilMs, isUnanswered },
    { ...createBatch<P>(lane, second, retryUntilMs), graceUntilMs, isUnanswered },
  ];
}

/** The batch with nothing done for it, but what its spans have been through. */
export function renew<P>(one: Batch<P>): Batch<P> {
  const { lane, runs, retryUntilMs, parcel, failure, state, isUnanswered } = one;
  const batch = createBatch<P>(lane, runs, retryUntilMs);
  batch.parcel = parcel;
  batch.failure = failure;
  batch.isUnanswered = isUnanswered || state === 'inFlight';
  return batch;
}

/** Whether nobody has settled the batch, or put others in its place, meanwhile. */
export function isUnsettled({ state }: Batch<unknown>): boolean {
  return state !== 'settled';
}
