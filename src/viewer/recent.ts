import type { Clock } from '../clock.js';

/** How far back the page looks. */
export const RECENT_SECONDS = 60;

/** Counts what happens, second by second, and forgets what is older than a minute. */
export interface Recent {
  add(count: number): void;
  /** Each of the last 60 full seconds, oldest first. */
  perSecond(): number[];
  /** The last 60 seconds and the one that is not full yet. */
  total(): number;
  /** Mean of the last `seconds` full seconds. */
  rate(seconds: number): number;
}

/** Creates a count of the last minute. */
export function createRecent(clock: Pick<Clock, 'now'>): Recent {
  const slots = new Float64Array(RECENT_SECONDS + 1);
  let newest = Math.floor(clock.now() / 1_000);

  /** Empties the slots of the seconds that have passed since the last call. */
  function advance(): void {
    const second = Math.floor(clock.now() / 1_000);
    const passed = Math.min(second - newest, slots.length);
    for (let step = 1; step <= passed; step += 1) slots[(newest + step) % slots.length] = 0;
    if (passed === slots.length) slots.fill(0);
    newest = Math.max(newest, second);
  }

  function perSecond(): number[] {
    advance();
    return Array.from(
      { length: RECENT_SECONDS },
      (_, index) => slots[(newest + 1 + index) % slots.length] ?? 0,
    );
  }

  return {
    add(count) {
      advance();
      const slot = newest % slots.length;
      slots[slot] = (slots[slot] ?? 0) + count;
    },
    perSecond,
    total() {
      advance();
      return slots.reduce((sum, count) => sum + count, 0);
    },
    rate(seconds) {
      const last = perSecond().slice(-seconds);
      return last.reduce((sum, count) => sum + count, 0) / seconds;
    },
  };
}
