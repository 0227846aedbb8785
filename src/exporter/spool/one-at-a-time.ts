/** Runs pieces of work one after the other, in the order in which they were given. */
export type OneAtATime = <T>(work: () => Promise<T>) => Promise<T>;

/** Creates such a line. One piece that fails holds up none behind it. */
export function createOneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    // Its failure is its caller's. Only its end is kept, and not what it resolves with.
    last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };
}
