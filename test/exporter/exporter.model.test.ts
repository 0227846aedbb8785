import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { createMemory } from '../../src/exporter/memory.js';
import type { SendResult } from '../../src/transport/result.js';
import { deadlineOf } from '../helpers/deadline.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import {
  type BenchOptions,
  createBench,
  delivered,
  makeBroken,
  makeRouted,
  refused,
  tooLarge,
  unavailable,
} from './fixtures.js';

type Step =
  | { readonly do: 'accept'; readonly count: number; readonly padding: number }
  | { readonly do: 'acceptBroken' }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'answer'; readonly which: number; readonly result: SendResult }
  | { readonly do: 'flush' };

const unauthorized = {
  status: 'unauthorized',
  failure: { message: 'HTTP 401', errorType: '401', httpStatus: 401 },
} as const;

const result = fc.oneof(
  { weight: 4, arbitrary: fc.constant<SendResult>(delivered) },
  { weight: 3, arbitrary: fc.constant<SendResult>(unavailable) },
  fc.constantFrom<SendResult>(
    refused,
    tooLarge,
    { ...unavailable, retryAfterMs: 7_000 },
    { ...delivered, rejectedSpans: 1, message: 'one is bad' },
    { ...unauthorized, renewed: Promise.resolve() },
    { ...unauthorized, renewed: new Promise(() => {}) },
  ),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      count: fc.integer({ min: 1, max: 12 }),
      padding: fc.constantFrom(0, 200, 1_500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('acceptBroken' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(0, 300, 5_000, 30_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(3), result }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
);

type Limits = Pick<
  Backend,
  | 'maxConcurrentExports'
  | 'maxExportBatchSize'
  | 'maxExportBatchBytes'
  | 'maxQueueSize'
  | 'maxQueueBytes'
  | 'retryMaxElapsedMs'
  | 'authGraceMs'
>;

const limits: fc.Arbitrary<Limits> = fc.record({
  maxConcurrentExports: fc.integer({ min: 1, max: 3 }),
  maxExportBatchSize: fc.constantFrom(1, 5, 20),
  maxExportBatchBytes: fc.constantFrom(1_000, 10_000),
  maxQueueSize: fc.constantFrom(undefined, 8, 30),
  maxQueueBytes: fc.constantFrom(undefined, 12_000),
  retryMaxElapsedMs: fc.constantFrom(2_000, 300_000),
  authGraceMs: fc.constantFrom(0, 1_000, 10_000),
});

/** One exporter under test, with what a plain model knows of it. */
function createSubject(backend: Limits, shared: Pick<BenchOptions, 'memory' | 'clock'>) {
  const bench = createBench({ ...shared, backend, random: () => 0.5 });
  const answered = new Set<number>();
  const acknowledged = new Map<number, number>();
  let nextId = 1;
  let rejected = 0;

  return {
    bench,
    accept(count: number, padding: number): void {
      for (let each = 0; each < count; each += 1) {
        bench.exporter.accept(makeRouted(nextId, padding));
        nextId += 1;
      }
    },
    acceptBroken(): void {
      bench.exporter.accept(makeBroken(nextId));
      nextId += 1;
    },
    /** Answers one of the requests that wait for an answer. */
    answer(which: number, what: SendResult): void {
      const open = bench.sent.map((_, index) => index).filter((index) => !answered.has(index));
      const index = open[which % Math.max(open.length, 1)];
      const sent = index === undefined ? undefined : bench.sent[index];
      if (index === undefined || sent === undefined) return;
      answered.add(index);
      sent.answer(what);
      if (what.status !== 'success') return;
      rejected += what.rejectedSpans;
      for (const id of sent.ids) acknowledged.set(id, (acknowledged.get(id) ?? 0) + 1);
    },
    answerAll(): void {
      for (let left = bench.sent.length - answered.size; left > 0; left -= 1) {
        this.answer(0, delivered);
      }
    },
    get held(): number {
      const { queued, waiting, inFlight } = bench.places;
      return queued + waiting + inFlight;
    },
    check(): void {
      // In flight is what the transport has not answered, and never more than configured.
      const open = bench.sent.filter((_, index) => !answered.has(index));
      expect(open.length).toBeLessThanOrEqual(backend.maxConcurrentExports);
      expect(bench.places.inFlight).toBe(open.reduce((sum, { ids }) => sum + ids.length, 0));
      for (const { ids, request } of bench.sent) {
        expect(ids).toEqual(ids.toSorted((one, other) => one - other));
        expect(ids.length).toBeLessThanOrEqual(backend.maxExportBatchSize);
        if (ids.length > 1) {
          expect(request.body.size).toBeLessThanOrEqual(backend.maxExportBatchBytes);
        }
      }
      expect(Math.max(0, ...acknowledged.values())).toBeLessThanOrEqual(1);
      expect(bench.counts.delivered).toBe(acknowledged.size - rejected);
      expect(bench.counts.accepted).toBe(nextId - 1);
      if (backend.maxQueueSize !== undefined) {
        expect(bench.places.queued).toBeLessThanOrEqual(backend.maxQueueSize);
      }
    },
  };
}

describe('two exporters that share a budget', () => {
  it('account for every span, whatever is accepted, answered, flushed and waited for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(limits, limits),
        fc.array(fc.tuple(fc.nat(1), step), { maxLength: 60, size: 'max' }),
        fc.boolean(),
        async ([first, second], steps, isAnsweredAtTheEnd) => {
          const clock = createFakeClock();
          const memory = createMemory(30_000);
          const shared = { clock, memory };
          const subjects = [createSubject(first, shared), createSubject(second, shared)] as const;
          const flushes: Promise<void>[] = [];

          for (const [index, what] of steps) {
            const subject = subjects[index === 0 ? 0 : 1];
            if (what.do === 'accept') subject.accept(what.count, what.padding);
            else if (what.do === 'acceptBroken') subject.acceptBroken();
            else if (what.do === 'advance') await clock.advance(what.ms);
            else if (what.do === 'answer') subject.answer(what.which, what.result);
            else {
              const { accepted } = subject.bench.counts;
              flushes.push(
                subject.bench.exporter.flush().then(() => {
                  // What is still held was accepted after the call.
                  const later = subject.bench.counts.accepted - accepted;
                  expect(subject.held).toBeLessThanOrEqual(later);
                }),
              );
            }
            await clock.advance(0);
            for (const each of subjects) each.check();
          }

          let end = () => {};
          const deadline = new Promise<void>((resolve) => {
            end = resolve;
          });
          const stopped = subjects.map(({ bench }) =>
            bench.exporter.shutdown(deadlineOf(deadline)),
          );
          for (let round = 0; isAnsweredAtTheEnd && round < 400; round += 1) {
            for (const subject of subjects) subject.answerAll();
            await clock.advance(100);
          }
          for (const subject of subjects) {
            if (isAnsweredAtTheEnd) expect(subject.bench.dropped.shutdown_timeout).toBeUndefined();
          }
          end();
          await Promise.all([...stopped, ...flushes]);
          expect(subjects.map(({ held }) => held)).toEqual([0, 0]);
          expect(memory.usedBytes).toBe(0);
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
  });
});
