import { expect } from 'vitest';
import type { BoundaryEnd } from './operation.js';

/** What the function of a boundary does, and how it completes. */
export interface BoundaryWork {
  /** To be called by the boundary. */
  run(): Promise<string> | string;
  /**
   * Enters the boundary, and asserts that it passes on what the function does.
   *
   * @returns whether the function is still running.
   */
  enter(boundary: () => Promise<string> | string): boolean;
  /** Completes it; resolves when whoever waits for the boundary knows. */
  complete(): Promise<void>;
}

/** Creates the work of one boundary, which completes in this way. */
export function createBoundaryWork(end: BoundaryEnd): BoundaryWork {
  const failure = new Error('the request failed');
  let resolve = (_: string) => {};
  let reject = (_: Error) => {};
  const running = new Promise<string>((...settle) => {
    [resolve, reject] = settle;
  });
  let outcome = Promise.resolve();

  return {
    run() {
      if (end === 'throws') throw failure;
      return end === 'atOnce' ? 'done' : running;
    },
    enter(boundary) {
      if (end === 'throws') {
        expect(boundary, 'withBoundary').toThrow(failure);
        return false;
      }
      const result = boundary();
      if (!(result instanceof Promise)) {
        expect(result, 'what withBoundary returns').toBe('done');
        return false;
      }
      const expected =
        end === 'resolves'
          ? { status: 'fulfilled', value: 'done' }
          : { status: 'rejected', reason: failure };
      outcome = Promise.allSettled([result]).then(([settled]) => {
        expect(settled, 'how the promise of withBoundary settles').toEqual(expected);
      });
      return true;
    },
    complete() {
      if (end === 'resolves') resolve('done');
      else reject(failure);
      return outcome;
    },
  };
}
