import type { Clock } from './clock.js';

/** A time by which something has to end. */
export interface Deadline {
  /** Resolves when it has come. */
  readonly passed: Promise<void>;
  /** When it comes, on the monotonic clock, in milliseconds: what is left can be shared out before. */
  readonly endsAtMs: number;
}

/** A deadline that comes, unless it is cancelled. */
export interface StartedDeadline extends Deadline {
  readonly cancel: () => void;
}

/** The first of several deadlines, of which some come to be known only while it is waited for. */
export interface EarliestDeadline extends Deadline {
  /** From here on it counts as well. */
  add(deadline: Deadline): void;
  /** It has come now. */
  pass(): void;
}

/**
 * Starts a deadline.
 *
 * @param keepAlive - Whether it keeps the process alive: by default it does, since somebody waits for what it ends.
 */
export function startDeadline(
  clock: Pick<Clock, 'now' | 'schedule'>,
  timeoutMs: number,
  keepAlive = true,
): StartedDeadline {
  let cancel = () => {};
  const passed = new Promise<void>((resolve) => {
    cancel = clock.schedule(resolve, timeoutMs, keepAlive);
  });
  return { passed, endsAtMs: clock.now() + timeoutMs, cancel };
}

/** Creates the first of deadlines that are still to be added: without any it never comes. */
export function createEarliestDeadline(): EarliestDeadline {
  let endsAtMs = Number.POSITIVE_INFINITY;
  let pass = () => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return {
    passed,
    get endsAtMs() {
      return endsAtMs;
    },
    add(deadline) {
      endsAtMs = Math.min(endsAtMs, deadline.endsAtMs);
      void deadline.passed.then(pass);
    },
    pass: () => pass(),
  };
}
