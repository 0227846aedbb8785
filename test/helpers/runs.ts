import type { Parameters } from 'fast-check';

/**
 * How often a property runs: `usual` times, or as many times more as SIGNALBOX_TEST_RUNS says, for a long
 * search; and how long the test may take. fast-check stops to shrink a failure before that, since a test
 * that ran out of time would say nothing of it.
 */
export function runs(usual: number): { parameters: Parameters<unknown>; timeoutMs: number } {
  const factor = Number(process.env.SIGNALBOX_TEST_RUNS ?? 1);
  if (!(factor > 0)) throw new Error('SIGNALBOX_TEST_RUNS is not a positive number');
  const timeoutMs = 60_000 * Math.max(1, factor);
  return {
    parameters: {
      numRuns: Math.max(1, Math.round(usual * factor)),
      interruptAfterTimeLimit: timeoutMs * 0.75,
    },
    timeoutMs,
  };
}
