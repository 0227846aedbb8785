import { describe, expect, it } from 'vitest';
import { createMemory } from '../../src/exporter/memory.js';
import type { SendResult, Unauthorized } from '../../src/transport/result.js';
import { now } from '../helpers/deadline.js';
import { memoryInUse } from '../helpers/memory-in-use.js';
import {
  type BenchOptions,
  createBench,
  delivered,
  range,
  tooLarge,
  unavailable,
} from './fixtures.js';

const GRACE_MS = 300_000;

/** Credentials that are refused until they are renewed. */
function createCredentials() {
  let renew = () => {};
  const renewed = new Promise<void>((resolve) => {
    renew = resolve;
  });
  const unauthorized: Unauthorized = {
    status: 'unauthorized',
    renewed,
    failure: { message: 'HTTP 401', errorType: '401', httpStatus: 401 },
  };
  return { unauthorized, renew };
}

/** An exporter of single spans, whose credentials are refused until they are renewed. */
function createRefused(options: BenchOptions = {}) {
  const credentials = createCredentials();
  let isRenewed = false;
  const bench = createBench({
    answer: () => (isRenewed ? delivered : credentials.unauthorized),
    ...options,
    backend: { maxExportBatchSize: 1, authGraceMs: GRACE_MS, ...options.backend },
  });
  return {
    bench,
    async renew() {
      isRenewed = true;
      credentials.renew();
      await bench.clock.advance(0);
    },
  };
}

describe('a batch that is refused for its credentials', () => {
  it('is held, counted as waiting, and sent again once there are others', async () => {
    const { bench, renew } = createRefused();
    bench.accept(1);
    await bench.clock.advance(60_000);
    expect(bench.batches).toEqual([[1]]);
    expect(bench.places).toEqual({ queued: 0, waiting: 1, inFlight: 0 });
    expect(bench.states).toEqual([]);

    await renew();

    expect(bench.batches).toEqual([[1], [1]]);
    expect(bench.counts.delivered).toBe(1);
    expect(bench.operations).toEqual([{ durationMs: 60_000, errorType: undefined }]);
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('is sent again at once where there are others by now', async () => {
    const { unauthorized, renew } = createCredentials();
    renew();
    const bench = createBench({ answer: (_, sent) => (sent === 1 ? unauthorized : delivered) });
    bench.accept(1);
    await bench.clock.advance(5_000);
    expect(bench.sent.map(({ atMs }) => atMs)).toEqual([5_000, 5_000]);
    expect(bench.counts.delivered).toBe(1);
  });

  it('is dropped as refused when its grace is over, counted from its first refusal', async () => {
    const { unauthorized, renew } = createCredentials();
    const last = createCredentials();
    const bench = createBench({
      answer: (_, sent) => (sent === 1 ? unauthorized : last.unauthorized),
      backend: { authGraceMs: GRACE_MS, scheduleDelayMs: 0 },
    });
    bench.accept(1, 3);
    await bench.clock.advance(GRACE_MS / 2);
    renew();
    await bench.clock.advance(GRACE_MS / 2 - 1);
    expect(bench.sent).toHaveLength(2);
    expect(bench.dropped).toEqual({});

    await bench.clock.advance(1);

    expect(bench.dropped).toEqual({ refused: 3 });
    expect(bench.operations).toEqual([{ durationMs: GRACE_MS, errorType: '401' }]);
    expect(bench.memory.usedBytes).toBe(0);
    expect(bench.clock.pending).toBe(0);
  });

  it('is final where the grace is 0', async () => {
    const { bench } = createRefused({ backend: { authGraceMs: 0 } });
    bench.accept(1);
    await bench.clock.advance(0);
    expect(bench.dropped).toEqual({ refused: 1 });
  });

  it('is sent again too where the others came while its answer was on its way', async () => {
    const { unauthorized, renew } = createCredentials();
    const bench = createBench({ backend: { maxExportBatchSize: 1 } });
    bench.accept(1, 2);
    await bench.clock.advance(0);
    await bench.answer(0, unauthorized);
    renew();
    await bench.clock.advance(0);
    await bench.answer(1, unauthorized);
    expect(bench.batches).toEqual([[1], [2], [1], [2]]);
  });

  it('is final once its grace is over, though there may be others', async () => {
    const { bench, renew } = createRefused({ answer: () => undefined });
    const { unauthorized } = createCredentials();
    bench.accept(1);
    await bench.clock.advance(0);
    await bench.answer(0, { ...unauthorized, renewed: Promise.resolve() });
    await bench.clock.advance(GRACE_MS);
    await bench.answer(1, { ...unauthorized, renewed: Promise.resolve() });
    await renew();
    expect(bench.batches).toEqual([[1], [1]]);
    expect(bench.dropped).toEqual({ refused: 1 });
  });

  it('is retried for as long as any other once there are others', async () => {
    const { unauthorized, renew } = createCredentials();
    const bench = createBench({
      answer: (_, sent) => (sent === 1 ? unauthorized : unavailable),
      backend: { retryMaxElapsedMs: 10_000 },
    });
    bench.accept(1);
    await bench.clock.advance(5_000 + 60_000);
    renew();
    await bench.clock.advance(10_000);
    expect(bench.dropped).toEqual({ retry_exhausted: 1 });
    expect(bench.sent.map(({ atMs }) => atMs - 65_000)).toEqual([
      -60_000, 0, 500, 1_500, 3_500, 7_500,
    ]);
  });

  it('is sent once more where nothing is retried', async () => {
    const { bench, renew } = createRefused({ backend: { retryMaxElapsedMs: 0 } });
    bench.accept(1);
    await bench.clock.advance(1_000);
    await renew();
    expect(bench.counts.delivered).toBe(1);
  });

  it('keeps its grace when it is split', async () => {
    const first = createCredentials();
    const second = createCredentials();
    const answers: SendResult[] = [first.unauthorized, tooLarge];
    const bench = createBench({
      answer: (_, sent) => answers[sent - 1] ?? second.unauthorized,
      backend: { authGraceMs: GRACE_MS, scheduleDelayMs: 0 },
    });
    bench.accept(1, 2);
    await bench.clock.advance(GRACE_MS - 1);
    first.renew();
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1, 2], [1, 2], [1], [2]]);
    await bench.clock.advance(1);
    expect(bench.dropped).toEqual({ refused: 2 });
  });

  it('is warned of in words that name no credentials', async () => {
    const { bench } = createRefused();
    bench.accept(1);
    await bench.clock.advance(0);
    expect(bench.lines).toEqual([
      'backend standard refuses its credentials (HTTP 401): what it refuses waits for others',
    ]);
  });
});

describe('the others', () => {
  it('go on, however many batches are held', async () => {
    const { unauthorized } = createCredentials();
    const bench = createBench({
      answer: ([id = 0]) => (id <= 20 ? unauthorized : delivered),
      backend: { maxExportBatchSize: 1, maxConcurrentExports: 2 },
    });
    bench.accept(1, 30);
    await bench.clock.advance(0);
    expect(bench.batches.flat()).toEqual(range(1, 30));
    expect(bench.counts.delivered).toBe(10);
    expect(bench.places).toEqual({ queued: 0, waiting: 20, inFlight: 0 });
  });

  it('wait behind those that were held, which go oldest first and no more than may at a time', async () => {
    const { unauthorized, renew } = createCredentials();
    const bench = createBench({
      answer: (_, sent) => (sent <= 5 ? unauthorized : undefined),
      backend: { maxExportBatchSize: 1, maxConcurrentExports: 2 },
    });
    bench.accept(1, 5);
    await bench.clock.advance(0);
    renew();
    bench.accept(6);
    await bench.clock.advance(0);
    expect(bench.batches.slice(5)).toEqual([[1], [2]]);
    for (const index of range(5, 5)) await bench.answer(index, delivered);
    expect(bench.batches.slice(5)).toEqual([[1], [2], [3], [4], [5], [6]]);
  });
});

describe('batches that are held', () => {
  it.each([{ maxQueueSize: 3 }, { maxQueueBytes: 14_000 }])(
    'are bounded as the queue is, together (%j): the longest held are dropped',
    async (bound) => {
      const { bench, renew } = createRefused({ backend: bound });
      for (const id of range(1, 5)) {
        bench.accept(id, 1, 4_000);
        await bench.clock.advance(0);
      }
      expect(bench.dropped).toEqual({ queue_full: 2 });
      await renew();
      expect(bench.batches.slice(5)).toEqual([[3], [4], [5]]);
    },
  );

  it('give way to a span that may still be taken, the longest held first', async () => {
    const { bench, renew } = createRefused({ memory: createMemory(30_000) });
    for (const id of range(1, 8)) {
      bench.accept(id, 1, 4_000);
      await bench.clock.advance(0);
    }
    const lost = bench.dropped.buffer_full ?? 0;
    expect(lost).toBeGreaterThan(0);
    await renew();
    expect(bench.batches.slice(8).flat()).toEqual(range(lost + 1, 8 - lost));
  });

  it('give way to another backend before what is queued does', async () => {
    const memory = createMemory(100_000);
    const { bench: sick } = createRefused({ memory });
    sick.accept(1, 2, 22_000);
    await sick.clock.advance(0);
    const waiting = createBench({ memory });
    waiting.accept(1, 1, 25_000);
    const other = createBench({ memory });
    other.accept(1, 1, 30_000);
    expect([waiting.dropped, other.dropped]).toEqual([{}, {}]);
    expect(sick.dropped).toEqual({ buffer_full: 1 });
    expect(sick.places).toEqual({ queued: 0, waiting: 1, inFlight: 0 });
  });

  it('are waited for by a flush', async () => {
    const { bench, renew } = createRefused();
    bench.accept(1);
    let isFlushed = false;
    const flushed = bench.exporter.flush().then(() => {
      isFlushed = true;
    });
    await bench.clock.advance(1_000);
    expect(isFlushed).toBe(false);
    await renew();
    await flushed;
    expect(bench.counts.delivered).toBe(1);
  });

  it('are dropped when a shutdown has to end', async () => {
    const { bench, renew } = createRefused();
    bench.accept(1, 2);
    await bench.clock.advance(0);
    await bench.exporter.shutdown(now());
    expect(bench.dropped).toEqual({ shutdown_timeout: 2 });
    expect(bench.memory.usedBytes).toBe(0);
    expect(bench.clock.pending).toBe(0);
    await renew();
    expect(bench.sent).toHaveLength(2);
  });

  it('are let go of when their grace is over, also where no other credentials ever come', async () => {
    const { unauthorized } = createCredentials();
    const bench = createBench({ backend: { authGraceMs: 1_000, scheduleDelayMs: 0 } });
    async function refuse(from: number, count: number): Promise<void> {
      for (let id = from; id < from + count; id += 1) {
        bench.accept(id, 1, 60_000);
        await bench.clock.advance(0);
        await bench.answer(0, unauthorized);
        bench.sent.splice(0);
        await bench.clock.advance(2_000);
      }
    }
    await refuse(1, 1);
    const before = await memoryInUse();
    await refuse(2, 200);
    const after = await memoryInUse();
    expect(bench.dropped).toEqual({ refused: 201 });
    // Together they had 12 MB.
    expect(after.heap + after.buffers - before.heap - before.buffers).toBeLessThan(4_000_000);
  });

  it('have one timer together', async () => {
    const { bench } = createRefused();
    for (const id of range(1, 50)) {
      bench.accept(id);
      await bench.clock.advance(10);
      expect(bench.clock.pending).toBe(1);
    }
  });
});
