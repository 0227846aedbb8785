import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../src/config/resolved.js';
import type { SendResult } from '../../src/transport/result.js';
import { deadlineOf, never } from '../helpers/deadline.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import { createBench, delivered, range, tooLarge, unavailable } from './fixtures.js';

const MINUTE = 60_000;

/** The most requests in any window, wherever it begins. */
function mostIn(windowMs: number, times: readonly number[]): number {
  const counts = times.map(
    (from) => times.filter((each) => each >= from && each < from + windowMs).length,
  );
  return Math.max(0, ...counts);
}

/** A clock that counts what is scheduled. */
function createCountingClock(): FakeClock & { readonly scheduled: number } {
  const clock = createFakeClock();
  let scheduled = 0;
  return {
    ...clock,
    get pending() {
      return clock.pending;
    },
    get scheduled() {
      return scheduled;
    },
    schedule(fn, delayMs) {
      scheduled += 1;
      return clock.schedule(fn, delayMs);
    },
  };
}

describe('a rate limit', () => {
  it('lets a tenth of the requests leave at once, and holds the others apart', async () => {
    const rateLimit = { maxRequests: 20, windowMs: MINUTE };
    const bench = createBench({
      answer: () => delivered,
      backend: { rateLimit, scheduleDelayMs: 0 },
    });
    for (let id = 1; id <= 40; id += 1) {
      bench.accept(id);
      await bench.clock.advance(1_000);
    }
    await bench.clock.advance(MINUTE);
    const times = bench.sent.map(({ atMs }) => atMs);
    expect(times.slice(0, 2)).toEqual([0, 1_000]);
    const gaps = times.slice(3).map((atMs, index) => atMs - (times[index + 2] ?? 0));
    // 60 s for 20 + 1 - 2 requests.
    for (const gap of gaps.slice(0, -1)) expect(gap).toBeCloseTo(MINUTE / 19, 1);
    expect(mostIn(MINUTE, times)).toBeLessThanOrEqual(20);
    expect(bench.counts.delivered).toBe(40);
  });

  it('makes batches grow while it holds requests back, in spans and not in bytes', async () => {
    const rateLimit = { maxRequests: 1, windowMs: MINUTE };
    const bench = createBench({
      answer: () => delivered,
      backend: { rateLimit, maxExportBatchSize: 10, maxExportBatchBytes: 20_000 },
    });
    bench.accept(1, 25);
    await bench.clock.advance(0);
    bench.accept(26, 30);
    await bench.clock.advance(2 * MINUTE);
    bench.accept(100, 30, 1_000);
    await bench.clock.advance(10 * MINUTE);

    expect(bench.batches.slice(0, 2)).toEqual([range(1, 25), range(26, 30)]);
    // 14 of the large ones fit, and 2 are left.
    expect(bench.batches.slice(2).map(({ length }) => length)).toEqual([14, 14, 2]);
    for (const { request } of bench.sent) {
      expect(request.body.size).toBeLessThanOrEqual(20_000);
    }
    expect(bench.counts.delivered).toBe(85);
  });

  it('leaves batches as they are while nothing is held back', async () => {
    const rateLimit = { maxRequests: 1_000, windowMs: MINUTE };
    const bench = createBench({
      answer: () => delivered,
      backend: { rateLimit, maxExportBatchSize: 10 },
    });
    bench.accept(1, 35);
    await bench.clock.advance(5_000);
    expect(bench.batches.map(({ length }) => length)).toEqual([10, 10, 10, 5]);
  });

  it('counts retries, probes and the parts of a batch that was too large', async () => {
    const rateLimit = { maxRequests: 6, windowMs: MINUTE };
    const results: SendResult[] = [tooLarge, unavailable, unavailable, unavailable, unavailable];
    const bench = createBench({
      answer: (_, sent) => results[sent - 1] ?? delivered,
      backend: { rateLimit, scheduleDelayMs: 0 },
      random: () => 0,
    });
    bench.accept(1, 2);
    await bench.clock.advance(2 * MINUTE);
    const times = bench.sent.map(({ atMs }) => atMs);
    expect(times).toHaveLength(7);
    expect(mostIn(MINUTE, times)).toBeLessThanOrEqual(6);
    expect(bench.counts.delivered).toBe(2);
  });

  it('holds at shutdown too, until its deadline', async () => {
    const rateLimit = { maxRequests: 2, windowMs: MINUTE };
    const bench = createBench({
      answer: () => delivered,
      backend: { rateLimit, maxExportBatchBytes: 2_000 },
    });
    bench.accept(1, 3, 1_500);
    let end = () => {};
    const deadline = new Promise<void>((resolve) => {
      end = resolve;
    });
    const stopped = bench.exporter.shutdown(deadlineOf(deadline));
    await bench.clock.advance(5_000);
    expect(bench.batches).toEqual([[1]]);
    end();
    await stopped;
    expect(bench.dropped).toEqual({ shutdown_timeout: 2 });
    expect(bench.clock.pending).toBe(0);
  });

  it('counts a request when it is sent, and not when its batch is begun', async () => {
    const rateLimit = { maxRequests: 1, windowMs: MINUTE };
    let ready = () => {};
    const resource = {
      attributes: {},
      asyncAttributesPending: true,
      waitForAsyncAttributes: () =>
        new Promise<void>((resolve) => {
          ready = resolve;
        }),
    };
    const bench = createBench({
      answer: () => delivered,
      backend: { rateLimit, scheduleDelayMs: 0, timeoutMs: 10 * MINUTE },
    });
    bench.acceptWith(1, { resource });
    await bench.clock.advance(0);
    bench.accept(2);
    await bench.clock.advance(2 * MINUTE);
    expect(bench.batches).toEqual([]);
    ready();
    await bench.clock.advance(MINUTE - 1);
    expect(bench.batches).toEqual([[1]]);
    await bench.clock.advance(2);
    expect(bench.batches).toEqual([[1], [2]]);
  });

  it('is never passed, delivers everything in the end, and starts few timers', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('accept' as const),
        count: fc.integer({ min: 1, max: 30 }),
        padding: fc.constantFrom(0, 0, 1_500, 70_000),
      }),
      fc.record({
        do: fc.constant('advance' as const),
        ms: fc.oneof(
          fc.integer({ min: 0, max: 3_000 }),
          fc.double({ min: 0, max: 90_000, noNaN: true }),
        ),
      }),
    );
    const result = fc.constantFrom<SendResult>(
      delivered,
      delivered,
      unavailable,
      { ...unavailable, retryAfterMs: 2_000 },
      tooLarge,
    );
    const limit: fc.Arbitrary<RateLimit> = fc.record({
      maxRequests: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 300 })),
      windowMs: fc.constantFrom(MINUTE, 3 * MINUTE),
    });
    await fc.assert(
      fc.asyncProperty(
        limit,
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 40 }),
        fc.array(result, { maxLength: 30 }),
        async (rateLimit, maxConcurrentExports, steps, results) => {
          const clock = createCountingClock();
          const bench = createBench({
            clock,
            // The answers that fail come to an end.
            answer: (ids, sent) => {
              const answer = results[sent - 1] ?? delivered;
              return answer.status === 'too_large' && ids.length === 1 ? delivered : answer;
            },
            backend: {
              rateLimit,
              maxConcurrentExports,
              maxExportBatchSize: 10,
              maxExportBatchBytes: 50_000,
              retryMaxElapsedMs: 1_000_000_000,
            },
            random: () => 0.5,
          });
          let nextId = 1;
          for (const each of steps) {
            if (each.do === 'accept') {
              bench.accept(nextId, each.count, each.padding);
              nextId += each.count;
            } else {
              await clock.advance(each.ms);
            }
          }
          for (let hour = 0; bench.counts.delivered < nextId - 1 && hour < 48; hour += 1) {
            await clock.advance(60 * MINUTE);
          }
          expect(bench.counts.delivered).toBe(nextId - 1);
          const times = bench.sent.map(({ atMs }) => atMs);
          expect(mostIn(rateLimit.windowMs, times)).toBeLessThanOrEqual(rateLimit.maxRequests);
          await bench.exporter.shutdown(never());
          expect(clock.pending).toBe(0);
          expect(clock.scheduled).toBeLessThanOrEqual(
            2 * (nextId + steps.length) + 6 * times.length,
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
