import type { Clock } from '../../src/clock.js';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /**
   * Moves time on, running what falls due in order, each at its own time, and lets promises that are
   * already settled run their reactions between two timers and at the end.
   */
  advance(ms: number): Promise<void>;
  /** How many scheduled calls have neither run nor been cancelled. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** Creates a clock that starts at 0 on the monotonic scale and at `epochMs` on the calendar's. */
export function createFakeClock(epochMs = Date.UTC(2026, 0, 1)): FakeClock {
  let now = 0;
  const timers = new Set<Timer>();

  /** The earliest; of equal ones, the one that was scheduled first (a Set keeps that order). */
  function earliest(until: number): Timer | undefined {
    let found: Timer | undefined;
    for (const timer of timers) {
      if (timer.at <= until && (found === undefined || timer.at < found.at)) {
        found = timer;
      }
    }
    return found;
  }

  return {
    now: () => now,
    epochMs: () => epochMs + now,
    get pending() {
      return timers.size;
    },
    schedule(fn, delayMs) {
      const timer: Timer = { at: now + Math.max(0, delayMs), fn };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    async advance(ms) {
      const until = now + ms;
      await settled();
      for (let timer = earliest(until); timer !== undefined; timer = earliest(until)) {
        timers.delete(timer);
        now = timer.at;
        timer.fn();
        await settled();
      }
      now = until;
    },
  };
}

/** Resolves after the reactions of every promise that is settled by now, and those they settle. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
