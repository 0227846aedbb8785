import type { BackendState } from '../accounting/stats.js';

/**
 * Failures in a row after which a backend counts as down. One may be a connection that was closed while
 * idle, and two a restart; three, which take a second or so, are worth no more traffic than a probe.
 */
const DOWN_AFTER = 3;

/** A backend's health, from its answers. */
export interface Breaker {
  readonly state: BackendState;
  /** Failures in a row. */
  readonly failures: number;
  /** Every failure that was counted. A request takes note of it as it is sent. */
  readonly failuresEver: number;
  /** The backend has answered, be it to refuse: it is there. */
  answered(): void;
  /**
   * A request failed in a way that may pass. Several that are in flight and are lost together tell of one
   * failure, not of several: it is counted if none has been since it was sent.
   */
  failed(failuresEverAsSent: number): void;
}

/** Creates the breaker of a backend that is `up`; `onChange` is told of every other state. */
export function createBreaker(onChange: (state: BackendState) => void): Breaker {
  let state: BackendState = 'up';
  let failures = 0;
  let failuresEver = 0;

  function become(next: BackendState): void {
    if (next === state) return;
    state = next;
    onChange(next);
  }

  return {
    get state() {
      return state;
    },
    get failures() {
      return failures;
    },
    get failuresEver() {
      return failuresEver;
    },
    answered() {
      failures = 0;
      become('up');
    },
    failed(failuresEverAsSent) {
      if (failures === 0 || failuresEverAsSent === failuresEver) {
        failures += 1;
        failuresEver += 1;
      }
      become(failures >= DOWN_AFTER ? 'down' : 'degraded');
    },
  };
}
