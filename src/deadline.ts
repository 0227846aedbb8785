import type { Clock } from './clock.js';

/** A time that passes, unless it is cancelled. */
export interface Deadline {
  readonly passed: Promise<void>;
  readonly cancel: () => void;
}

/**
 * Starts a deadline.
 *
 * @param keepAlive - Whether it keeps the process alive: by default it does, since somebody waits for what it ends.
 */
export function startDeadline(
  clock: Pick<Clock, 'schedule'>,
  timeoutMs: number,
  keepAlive = true,
): Deadline {
  let cancel = () => {};
  const passed = new Promise<void>((resolve) => {
    cancel = clock.schedule(resolve, timeoutMs, keepAlive);
  });
  return { passed, cancel };
}
