import type { Clock } from '../clock.js';
import { startDeadline } from '../deadline.js';

/** Resolves to what `work` does, or to `undefined` where that takes longer; rejects as `work` does. */
export async function within<T>(
  work: Promise<T>,
  timeoutMs: number,
  clock: Pick<Clock, 'now' | 'schedule'>,
): Promise<T | undefined> {
  // Who waits keeps the process alive, where it has to be.
  const { passed, cancel } = startDeadline(clock, timeoutMs, false);
  try {
    return await Promise.race([work, passed.then(() => undefined)]);
  } finally {
    cancel();
  }
}
