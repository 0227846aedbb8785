import { describe, expect, it } from 'vitest';
import type { BackendState } from '../../src/accounting/stats.js';
import { createPace } from '../../src/exporter/pace.js';
import { backoffMs } from '../../src/exporter/retry.js';

function createTestPace(maxPauseMs = 300_000) {
  const states: BackendState[] = [];
  const pace = createPace(maxPauseMs, { setState: (state) => states.push(state) }, () => 1);
  return {
    pace,
    states,
    /** A request that nothing overlaps fails. */
    fail(nowMs = 0, retryAfterMs?: number): number {
      const { failuresEver } = pace;
      return pace.failed({ failuresEverAsSent: failuresEver, nowMs, failures: 1, retryAfterMs });
    },
  };
}

describe('the backoff', () => {
  it.each([
    { failures: 1, most: 500 },
    { failures: 2, most: 1_000 },
    { failures: 3, most: 2_000 },
    { failures: 4, most: 4_000 },
    { failures: 5, most: 5_000 },
    { failures: 5_000, most: 5_000 },
  ])('is anything up to $most ms after $failures failures', ({ failures, most }) => {
    expect(backoffMs(failures, () => 0)).toBe(0);
    expect(backoffMs(failures, () => 0.5)).toBe(most / 2);
    expect(backoffMs(failures, () => 1)).toBe(most);
  });
});

describe('the pace of a backend', () => {
  it('is degraded by one failure, and down after three in a row', () => {
    const { pace, states, fail } = createTestPace();
    fail();
    expect([pace.isDown, states]).toEqual([false, ['degraded']]);
    fail();
    fail();
    expect([pace.isDown, states]).toEqual([true, ['degraded', 'down']]);
  });

  it('is up again with any answer, and says if it was down', () => {
    const { pace, states, fail } = createTestPace();
    fail();
    expect(pace.answered()).toBe(false);
    for (const _ of [1, 2, 3]) fail();
    expect(pace.answered()).toBe(true);
    expect(states).toEqual(['degraded', 'up', 'degraded', 'down', 'up']);
  });

  it('counts requests that were under way together as one failure', () => {
    const { pace, states } = createTestPace();
    const failuresEverAsSent = pace.failuresEver;
    for (const _ of [1, 2, 3, 4]) {
      pace.failed({ failuresEverAsSent, nowMs: 0, failures: 1, retryAfterMs: undefined });
    }
    expect(states).toEqual(['degraded']);
  });

  it('counts a request that was under way with an earlier failure, and fails after an answer', () => {
    const { pace, states, fail } = createTestPace();
    const failuresEverAsSent = pace.failuresEver;
    fail();
    pace.answered();
    pace.failed({ failuresEverAsSent, nowMs: 0, failures: 1, retryAfterMs: undefined });
    expect(states).toEqual(['degraded', 'up', 'degraded']);
  });

  it('holds everything back while it is down, until the probe is due', () => {
    const { pace, fail } = createTestPace();
    fail(1_000);
    expect(pace.earliestMs).toBe(Number.NEGATIVE_INFINITY);
    fail(1_000);
    expect(fail(1_000)).toBe(2_000);
    expect(pace.earliestMs).toBe(3_000);
  });

  it('waits as long as the backend asks, but not less than the backoff', () => {
    const { pace, fail } = createTestPace();
    expect(fail(1_000, 20_000)).toBe(20_000);
    expect(pace.earliestMs).toBe(21_000);
    pace.answered();
    expect(pace.earliestMs).toBe(21_000);
    expect(fail(30_000, 0)).toBe(500);
  });

  it('leaves a backend alone no longer than its limit', () => {
    const { pace, fail } = createTestPace(60_000);
    expect(fail(0, 1e12)).toBe(1e12);
    expect(pace.earliestMs).toBe(60_000);
  });
});
