import type { BackendLedger } from '../accounting/ledger.js';
import { type Breaker, createBreaker } from './breaker.js';
import { backoffMs } from './retry.js';

/** An attempt that failed in a way that may pass. */
export interface FailedAttempt {
  /** The pace's `failuresEver` as the request was sent. */
  readonly failuresEverAsSent: number;
  readonly nowMs: number;
  /** Of this batch, this one included. */
  readonly failures: number;
  /** What the backend asked for. */
  readonly retryAfterMs: number | undefined;
}

/** How fast one backend is sent to. */
export interface Pace {
  /** The backend is down: one request at a time probes it. */
  readonly isDown: boolean;
  /** Failures of the backend that were counted; see {@link Breaker}. */
  readonly failuresEver: number;
  /** Before then nothing is sent. */
  readonly earliestMs: number;
  /** The backend has answered; `true` if it was down until now. */
  answered(): boolean;
  /** Returns how long the batch has to wait, in milliseconds. */
  failed(attempt: FailedAttempt): number;
}

/**
 * Creates the pace of one backend.
 *
 * @param maxPauseMs - Longest that the backend as a whole is left alone. Bounded, so that one absurd
 *   `Retry-After`, or a wrong clock behind its date, does not silence an exporter for days.
 * @param random - From 0 to 1, as `Math.random`.
 */
export function createPace(
  maxPauseMs: number,
  ledger: Pick<BackendLedger, 'setState'>,
  random: () => number,
): Pace {
  const breaker = createBreaker((state) => ledger.setState(state));
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let probeAtMs = Number.NEGATIVE_INFINITY;

  return {
    get isDown() {
      return breaker.state === 'down';
    },
    get failuresEver() {
      return breaker.failuresEver;
    },
    get earliestMs() {
      return breaker.state === 'down' ? Math.max(pausedUntilMs, probeAtMs) : pausedUntilMs;
    },
    answered() {
      const wasDown = breaker.state === 'down';
      breaker.answered();
      return wasDown;
    },
    failed({ failuresEverAsSent, nowMs, failures, retryAfterMs }) {
      breaker.failed(failuresEverAsSent);
      // A backend that asks for no wait at all, time and again, gets the backoff all the same.
      const backoff = backoffMs(Math.max(failures, breaker.failures), random);
      const waitMs = Math.max(backoff, retryAfterMs ?? 0);
      probeAtMs = nowMs + Math.min(waitMs, maxPauseMs);
      if (retryAfterMs !== undefined) pausedUntilMs = Math.max(pausedUntilMs, probeAtMs);
      return waitMs;
    },
  };
}
