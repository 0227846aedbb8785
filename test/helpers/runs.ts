/**
 * How often a property runs: `usual` times, or as many times more as SIGNALBOX_TEST_RUNS says, for a long
 * search. The time that a test may take grows with it.
 */
export function runs(usual: number): { readonly numRuns: number; readonly timeoutMs: number } {
  const factor = Number(process.env.SIGNALBOX_TEST_RUNS ?? 1);
  if (!(factor > 0)) throw new Error('SIGNALBOX_TEST_RUNS is not a positive number');
  return {
    numRuns: Math.max(1, Math.round(usual * factor)),
    timeoutMs: 60_000 * Math.max(1, factor),
  };
}
