import type { Clock } from '../clock.js';
import type { RateLimit } from '../config/resolved.js';
import type { Courier, Parcel } from './courier.js';

/** What part of the requests of a window may leave at once, after a pause. */
const BURST_PART = 0.1;

/** Holds one backend's requests to a limit. */
export interface RateLimiter {
  /** Before then no further batch is begun. */
  earliestMs(nowMs: number): number;
  /** Whether the batch that is begun now may have to last for a while: the one behind it would have to wait. */
  isTight(nowMs: number): boolean;
  /** A batch is begun: the request that it will be has its place. */
  reserve(): void;
  /** A request is sent, in the place that was reserved for it. */
  spend(nowMs: number): void;
  /** A batch was begun that has become no request: its place is free. */
  release(): void;
}

/**
 * Creates the limiter of one backend: no window of the limit's length, wherever it begins, has more requests.
 *
 * A token bucket, reckoned by the generic cell rate algorithm: a tenth of the window's requests may leave at once
 * after a pause, and the others are held apart evenly. A bucket of `burst` tokens that gets a new one every
 * `windowMs / (maxRequests + 1 - burst)` gives out `maxRequests` in a window at the most. It does so at nine tenths of
 * the rate or more, at no cost in memory; to send all of a window's requests at its beginning would let spans wait
 * for the rest of it.
 *
 * The request is counted when it is sent, not when its batch is begun: how long packing takes differs, and would push
 * requests together. Between the two its place is reserved.
 */
export function createRateLimiter(limit: RateLimit | undefined): RateLimiter {
  if (limit === undefined) return unlimited;
  const { maxRequests, windowMs } = limit;
  const burst = Math.ceil(maxRequests * BURST_PART);
  // A thousandth of a millisecond longer, so that rounding can not bring two windows' requests into one.
  const spacingMs = windowMs / (maxRequests + 1 - burst) + 0.001;
  /** When the bucket will be full again. */
  let fullAtMs = Number.NEGATIVE_INFINITY;
  let reserved = 0;

  /** When there are so many tokens, were those that are reserved taken out now. */
  function hasAtMs(tokens: number, nowMs: number): number {
    return Math.max(fullAtMs, nowMs) + (reserved + tokens - burst) * spacingMs;
  }

  return {
    earliestMs: (nowMs) => hasAtMs(1, nowMs),
    isTight: (nowMs) => hasAtMs(2, nowMs) > nowMs,
    reserve() {
      reserved += 1;
    },
    spend(nowMs) {
      reserved -= 1;
      fullAtMs = Math.max(fullAtMs, nowMs) + spacingMs;
    },
    release() {
      reserved -= 1;
    },
  };
}

/** The courier, each of whose parcels is counted as it is sent. */
export function withRateLimit<P extends Parcel>(
  courier: Courier<P>,
  limiter: RateLimiter,
  clock: Pick<Clock, 'now'>,
): Courier<P> {
  if (limiter === unlimited) return courier;
  return {
    ...courier,
    send(parcel, signal) {
      limiter.spend(clock.now());
      return courier.send(parcel, signal);
    },
  };
}

const unlimited: RateLimiter = {
  earliestMs: () => Number.NEGATIVE_INFINITY,
  isTight: () => false,
  reserve() {},
  spend() {},
  release() {},
};
