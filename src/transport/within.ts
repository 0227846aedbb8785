import type { Clock } from '../clock.js';

/** Resolves to what `work` does, or to `undefined` where that takes longer; rejects as `work` does. */
export async function within<T>(
  work: Promise<T>,
  timeoutMs: number,
  clock: Pick<Clock, 'schedule'>,
): Promise<T | undefined> {
  let cancel = () => {};
  const timeout = new Promise<undefined>((resolve) => {
    cancel = clock.schedule(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    cancel();
  }
}
