import { setImmediate } from 'node:timers/promises';

/** Runs a task when those before it have ended. Resolves, or rejects, as the task does. */
export type InTurn = <T>(task: () => T | Promise<T>) => Promise<T>;

/**
 * Creates a queue in which one task runs at a time, in the order in which they came.
 *
 * For tasks that take memory, or hold the event loop: between two of them everything else has its turn.
 */
export function createTurns(): InTurn {
  // No chain of promises, the last of which would keep its caller's context alive.
  const waiting: (() => void)[] = [];
  let isBusy = false;
  return async (task) => {
    if (isBusy) await new Promise<void>((resolve) => waiting.push(resolve));
    isBusy = true;
    try {
      await setImmediate();
      return await task();
    } finally {
      const next = waiting.shift();
      // Handed over and not given back: a task that comes now has those who wait before it.
      if (next === undefined) isBusy = false;
      else next();
    }
  };
}
