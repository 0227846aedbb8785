import type { Deadline } from '../../src/deadline.js';

/** A deadline that a test has in hand; by what is known of it there is all the time in the world. */
export function deadlineOf(passed: Promise<void>, endsAtMs = Number.POSITIVE_INFINITY): Deadline {
  return { passed, endsAtMs };
}

/** One that never comes. */
export function never(): Deadline {
  return deadlineOf(new Promise(() => {}));
}

/** One that has come. */
export function now(): Deadline {
  return deadlineOf(Promise.resolve(), Number.NEGATIVE_INFINITY);
}
