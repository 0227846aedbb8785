import { describe, expect, it } from 'vitest';
import { createFaultPlan, parseDelay, parseFailure } from '../../src/receiver/fault-plan.js';
import { createFakeClock } from '../helpers/fake-clock.js';

describe('parseFailure', () => {
  it.each([
    ['busy=503', { backend: 'busy', httpStatus: 503, durationMs: undefined }],
    ['busy=503:30s', { backend: 'busy', httpStatus: 503, durationMs: 30_000 }],
    ['429:1.5s', { backend: undefined, httpStatus: 429, durationMs: 1_500 }],
    ['a-b_c=400:2m', { backend: 'a-b_c', httpStatus: 400, durationMs: 120_000 }],
  ])('reads %s', (text, failure) => {
    expect(parseFailure(text)).toEqual(failure);
  });

  it.each(['', 'busy', 'busy=', 'busy=200', 'busy=503:', 'busy=503:soon', '=503', 'busy=503:99h'])(
    'refuses %j',
    (text) => {
      expect(parseFailure(text)).toBeUndefined();
    },
  );
});

describe('parseDelay', () => {
  it.each([
    ['200', { backend: undefined, delayMs: 200 }],
    ['200ms', { backend: undefined, delayMs: 200 }],
    ['busy=2s', { backend: 'busy', delayMs: 2_000 }],
  ])('reads %s', (text, delay) => {
    expect(parseDelay(text)).toEqual(delay);
  });

  it.each(['', 'busy', 'busy=', '=2s', '-1', '1e3'])('refuses %j', (text) => {
    expect(parseDelay(text)).toBeUndefined();
  });
});

describe('a fault plan', () => {
  it('makes a backend fail for as long as it was told', async () => {
    const clock = createFakeClock();
    const plan = createFaultPlan(
      [{ backend: 'busy', httpStatus: 503, durationMs: 30_000 }],
      [],
      clock,
    );
    expect(await plan.answer({ backend: 'busy' })).toEqual({ status: 503 });
    expect(await plan.answer({ backend: 'other' })).toBeUndefined();
    expect(plan.describe('busy')).toBe('answers 503');
    await clock.advance(30_000);
    expect(await plan.answer({ backend: 'busy' })).toBeUndefined();
    expect(plan.describe('busy')).toBeUndefined();
  });

  it('answers late', async () => {
    const clock = createFakeClock();
    const plan = createFaultPlan([], [{ backend: undefined, delayMs: 200 }], clock);
    let isAnswered = false;
    const answered = plan.answer({ backend: 'any' }).then(() => {
      isAnswered = true;
    });
    await clock.advance(199);
    expect(isAnswered).toBe(false);
    await clock.advance(1);
    await answered;
    expect(plan.describe('any')).toBe('200 ms late');
  });
});
