import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SendResult } from '../../../src/transport/result.js';
import { deadlineOf, now } from '../../helpers/deadline.js';
import { createFakeClock } from '../../helpers/fake-clock.js';
import { runs } from '../../helpers/runs.js';
import { delivered, makeRouted, range, refused, tooLarge, unavailable } from '../fixtures.js';
import { createMemoryDisk } from './memory-disk.js';
import { createSpooled, idsOnDisk } from './spooled.js';

const { parameters, timeoutMs } = runs(150);

/** For credentials that never change. */
const unauthorized: SendResult = {
  status: 'unauthorized',
  renewed: new Promise(() => {}),
  failure: refused.failure,
};

type Step =
  | { readonly do: 'accept'; readonly count: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'answer'; readonly which: number; readonly result: SendResult }
  | { readonly do: 'disk'; readonly failure: string | undefined };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      count: fc.integer({ min: 1, max: 15 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(0, 60, 300, 5_000, 30_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      which: fc.nat(3),
      result: fc.oneof(
        { weight: 3, arbitrary: fc.constant<SendResult>(delivered) },
        { weight: 4, arbitrary: fc.constant<SendResult>(unavailable) },
        fc.constantFrom<SendResult>(
          refused,
          tooLarge,
          { ...delivered, rejectedSpans: 1 },
          unauthorized,
        ),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('disk' as const),
      failure: fc.constantFrom(undefined, undefined, 'ENOSPC'),
    }),
  },
);

const limits = fc.record({
  maxQueueSize: fc.constantFrom(undefined, 8, 30),
  maxBytes: fc.constantFrom(3 * 4096, 2 ** 30),
  retryMaxElapsedMs: fc.constantFrom(0, 2_000, 300_000),
  maxBufferedBytes: fc.constantFrom(15_000, 2 ** 26),
  authGraceMs: fc.constantFrom(0, 10_000, 300_000),
});

describe('an exporter with a spool', () => {
  it(
    'accounts for every span, whatever the backend and the disk do',
    async () => {
      await fc.assert(
        fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async (bounds, steps) => {
          const clock = createFakeClock();
          const disk = createMemoryDisk(clock.epochMs);
          const { maxBytes, maxBufferedBytes, ...backend } = bounds;
          const subject = createSpooled({ backend, maxBytes, maxBufferedBytes, clock, disk });
          const answered = new Set<number>();
          let nextId = 1;
          for (const each of steps) {
            if (each.do === 'accept') {
              subject.accept(nextId, each.count);
              nextId += each.count;
            } else if (each.do === 'advance') {
              await clock.advance(each.ms);
            } else if (each.do === 'disk') {
              disk.failure = each.failure;
            } else {
              const open = subject.sent.map((_, index) => index).filter((at) => !answered.has(at));
              const index = open[each.which % Math.max(1, open.length)];
              if (index === undefined) continue;
              answered.add(index);
              await subject.answer(index, each.result);
            }
            expect(subject.memory.usedBytes).toBeGreaterThanOrEqual(0);
          }

          let end = () => {};
          const deadline = new Promise<void>((resolve) => {
            end = resolve;
          });
          const stopped = subject.exporter.shutdown(deadlineOf(deadline, clock.now() + 5_000));
          await clock.advance(4_000);
          const wasWell = disk.failure === undefined;
          await clock.advance(1_000);
          end();
          await stopped;
          await clock.advance(0);

          const { places, dropped } = subject;
          expect([places.queued, places.waiting, places.inFlight]).toEqual([0, 0, 0]);
          expect(subject.memory.usedBytes).toBe(0);
          if (wasWell && maxBytes === 2 ** 30) {
            const spooled = (places.spooled ?? 0) + (places.spooledAttempted ?? 0);
            expect(idsOnDisk(disk).length).toBe(spooled);
            expect(dropped.shutdown_timeout).toBeUndefined();
          }
        }),
        parameters,
      );
    },
    timeoutMs,
  );

  it('sets files aside whose route keys may not go, and sends the others', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    let isDown = true;
    const answer = (): SendResult => (isDown ? unavailable : delivered);
    const first = createSpooled({ disk, clock, backend: { retryMaxElapsedMs: 0 }, answer });
    for (const [id, routeKey] of [
      [1, 'eu'],
      [2, 'us'],
    ] as const) {
      first.exporter.accept({ ...makeRouted(id), routeKey });
      await clock.advance(5_000);
    }
    expect(idsOnDisk(disk).toSorted()).toEqual([1, 2]);
    await first.exporter.shutdown(now());

    isDown = false;
    const mayReplay = ({ routeKeys }: { routeKeys: readonly string[] }) =>
      !routeKeys.includes('eu');
    const second = createSpooled({ disk, clock, mayReplay, answer });
    await clock.advance(120_000);
    expect(second.batches).toEqual([[2]]);
    expect(idsOnDisk(disk)).toEqual([1]);
    expect(second.counts).toMatchObject({ recovered: 2, delivered: 1 });
    expect(second.dropped).toEqual({ quarantined: 1 });
    expect([...disk.files.keys()].filter((name) => name.endsWith('.spool'))).toEqual([
      expect.stringContaining('/quarantine/'),
    ]);
  });

  it('holds every file back where nobody can say whether it may go', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    const first = createSpooled({
      disk,
      clock,
      backend: { retryMaxElapsedMs: 0 },
      answer: () => unavailable,
    });
    first.accept(1);
    await clock.advance(5_000);
    await first.exporter.shutdown(now());
    const mayReplay = () => {
      throw new Error('no rules');
    };
    const second = createSpooled({ disk, clock, mayReplay, answer: () => delivered });
    await clock.advance(60_000);
    expect(second.batches).toEqual([]);
    expect(idsOnDisk(disk)).toEqual([1]);
  });

  it('sends no file again that the backend took and the disk would not remove', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    let result: SendResult = unavailable;
    const answer = (): SendResult => {
      // From now on the disk is read-only.
      if (result === delivered) disk.failure = 'EROFS';
      return result;
    };
    const bench = createSpooled({ disk, clock, backend: { retryMaxElapsedMs: 0 }, answer });
    bench.accept(1, 3);
    await clock.advance(5_000);
    result = delivered;
    await clock.advance(60_000);
    const [, ...replays] = bench.batches;
    expect(replays.filter((ids) => ids.length > 0).at(-1)).toEqual(range(1, 3));
    expect(bench.counts.delivered).toBe(3);
    const sent = bench.batches.length;
    disk.failure = undefined;
    await clock.advance(60_000);
    expect(bench.batches.length).toBe(sent);
    expect(idsOnDisk(disk)).toEqual([]);
  });

  it('keeps to the limit of requests with what it sends from disk', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    const sentAtMs: number[] = [];
    let result: SendResult = unavailable;
    const answer = (): SendResult => {
      sentAtMs.push(clock.now());
      return result;
    };
    const rateLimit = { maxRequests: 4, windowMs: 60_000 };
    const bench = createSpooled({
      disk,
      clock,
      backend: { retryMaxElapsedMs: 0, rateLimit },
      answer,
    });
    for (let id = 1; id <= 10; id += 1) {
      bench.accept(id);
      await clock.advance(20_000);
    }
    result = delivered;
    await clock.advance(600_000);
    expect(bench.counts.delivered).toBe(10);
    const windowsMs = sentAtMs.slice(4).map((atMs, index) => atMs - (sentAtMs[index] ?? 0));
    expect(Math.min(...windowsMs)).toBeGreaterThan(60_000);
  });
});
