import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createMemory } from '../../src/exporter/memory.js';
import type { SendResult } from '../../src/transport/result.js';
import { deadlineOf, never } from '../helpers/deadline.js';
import {
  createBench,
  delivered,
  makeBroken,
  makeRouted,
  range,
  refused,
  tooLarge,
  unavailable,
} from './fixtures.js';

const answerAll = { answer: () => delivered };

describe('an exporter that nothing was given to', () => {
  it('has no timer, no transport, and is flushed and shut down at once', async () => {
    const bench = createBench();
    await bench.exporter.flush();
    await bench.exporter.shutdown(never());
    expect([bench.clock.pending, bench.opened, bench.closed]).toEqual([0, 0, 0]);
  });
});

describe('a batch', () => {
  it('leaves when the schedule delay has passed since its oldest span', async () => {
    const bench = createBench(answerAll);
    bench.accept(1);
    await bench.clock.advance(3_000);
    bench.accept(2);
    await bench.clock.advance(1_999);
    expect(bench.batches).toEqual([]);
    await bench.clock.advance(1);
    expect(bench.batches).toEqual([[1, 2]]);
    expect(bench.counts.delivered).toBe(2);
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('that is full of bytes leaves room for what its body has beside the spans', async () => {
    const bench = createBench({ ...answerAll, backend: { maxExportBatchBytes: 20_000 } });
    const resource = { attributes: { padding: 'x'.repeat(900) } };
    for (const id of range(1, 400)) bench.acceptWith(id, { resource });
    await bench.clock.advance(5_000);
    const sizes = bench.sent.map(({ request }) => request.body.size);
    // The first was too large by that, and is sent in two parts.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000);
    expect(Math.min(...sizes.slice(2, -1))).toBeGreaterThan(19_000);
    expect(bench.counts.delivered).toBe(400);
  });

  it('leaves when it has its number of spans, and leaves the rest to the next', async () => {
    const bench = createBench({ ...answerAll, backend: { maxExportBatchSize: 3 } });
    bench.accept(1, 8);
    expect(bench.batches).toEqual([]);
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    await bench.clock.advance(5_000);
    expect(bench.batches.at(-1)).toEqual([7, 8]);
  });

  it('leaves when it has its number of bytes', async () => {
    const bench = createBench({ ...answerAll, backend: { maxExportBatchBytes: 10_000 } });
    bench.accept(1, 3, 4_000);
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1, 2]]);
  });

  it('is never made while the application waits', async () => {
    const bench = createBench({ ...answerAll, backend: { maxExportBatchSize: 1 } });
    bench.accept(1);
    await Promise.resolve();
    expect(bench.opened).toBe(0);
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1]]);
  });

  it('is encoded again in halves where its body passes the byte limit after all', async () => {
    // Control characters take six times what was estimated.
    const bench = createBench({ ...answerAll, backend: { maxExportBatchBytes: 20_000 } });
    for (const id of range(1, 4)) {
      bench.exporter.accept(makeRouted(id, 0, { attributes: { text: '\u0001'.repeat(2_000) } }));
    }
    await bench.clock.advance(5_000);
    expect(bench.batches).toEqual([[1], [2], [3], [4]]);
    expect(bench.counts.delivered).toBe(4);
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('of one span travels alone where that passes the byte limit', async () => {
    const bench = createBench({ ...answerAll, backend: { maxExportBatchBytes: 1_000 } });
    bench.accept(1, 1, 50_000);
    bench.accept(2, 1);
    await bench.clock.advance(5_000);
    expect(bench.batches).toEqual([[1], [2]]);
  });

  it('is compressed where that is configured, and counted as it is sent', async () => {
    const bench = createBench({ ...answerAll, backend: { compression: 'gzip' } });
    bench.accept(1, 1, 5_000);
    void bench.exporter.flush();
    await bench.clock.advance(0);
    const { request } = await sentBy(bench, 0);
    expect(request.contentEncoding).toBe('gzip');
    expect(gunzipSync(Buffer.concat(request.body.parts)).toString()).toContain('span 1');
    expect(bench.counts.bytes).toBe(request.body.size);
  });

  it('goes without the spans that can not be encoded', async () => {
    const bench = createBench(answerAll);
    bench.accept(1, 2);
    bench.exporter.accept(makeBroken(3));
    bench.accept(4, 4);
    bench.exporter.accept(makeBroken(8));
    await bench.clock.advance(5_000);
    expect(bench.batches.flat().sort()).toEqual([1, 2, 4, 5, 6, 7]);
    expect(bench.dropped).toEqual({ encode_error: 2 });
    expect(bench.memory.usedBytes).toBe(0);
  });

  it.each(['resource', 'instrumentationScope'])(
    'goes without spans that have no %s',
    async (field) => {
      const bench = createBench(answerAll);
      bench.accept(1);
      bench.exporter.accept(makeRouted(2, 0, { [field]: undefined }));
      const throwing = makeRouted(3);
      Object.defineProperty(throwing.span, field, {
        get() {
          throw new Error('broken');
        },
      });
      bench.exporter.accept(throwing);
      await bench.clock.advance(5_000);
      expect(bench.batches).toEqual([[1]]);
      expect(bench.dropped).toEqual({ encode_error: 2 });
      expect(bench.memory.usedBytes).toBe(0);
    },
  );

  it('waits for resource attributes that are pending', async () => {
    const bench = createBench(answerAll);
    const resource = createPendingResource();
    bench.exporter.accept(makeRouted(1, 0, { resource }));
    await bench.clock.advance(5_000);
    expect(bench.batches).toEqual([]);
    resource.settle();
    await bench.clock.advance(0);
    expect(Buffer.concat(bench.sent[0]?.request.body.parts ?? []).toString()).toContain('host-1');
  });

  it('goes without resource attributes that never come, and later ones do not wait again', async () => {
    const bench = createBench(answerAll);
    const resource = createPendingResource();
    bench.exporter.accept(makeRouted(1, 0, { resource }));
    await bench.clock.advance(5_000 + 10_000);
    expect(bench.batches).toEqual([[1]]);
    bench.exporter.accept(makeRouted(2, 0, { resource }));
    await bench.clock.advance(5_000);
    expect(bench.batches).toEqual([[1], [2]]);
  });
});

describe('the queue', () => {
  it('drops the newest span when it is full', async () => {
    const bench = createBench({ ...answerAll, backend: { maxQueueSize: 3 } });
    bench.accept(1, 5);
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1, 2, 3]]);
    expect(bench.dropped).toEqual({ queue_full: 2 });
  });

  it('is bounded in bytes', async () => {
    const bench = createBench({ ...answerAll, backend: { maxQueueBytes: 10_000 } });
    bench.accept(1, 3, 4_000);
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1, 2]]);
    expect(bench.dropped).toEqual({ queue_full: 1 });
  });

  it('has room again when its spans are on the wire', async () => {
    const bench = createBench({ backend: { maxQueueSize: 2, maxExportBatchSize: 2 } });
    bench.accept(1, 2);
    await bench.clock.advance(0);
    bench.accept(3, 2);
    expect(bench.dropped).toEqual({});
  });

  it('has room again when its spans could not be encoded', async () => {
    const bench = createBench({ ...answerAll, backend: { maxQueueSize: 2 } });
    for (const id of [1, 2]) bench.exporter.accept(makeBroken(id));
    await bench.clock.advance(5_000);
    bench.accept(3, 2);
    await bench.clock.advance(5_000);
    expect(bench.dropped).toEqual({ encode_error: 2 });
    expect(bench.batches).toEqual([[3, 4]]);
  });

  it('drops the newest span when the shared budget is taken', async () => {
    const bench = createBench({ ...answerAll, memory: createMemory(40_000) });
    bench.accept(1, 2, 7_000);
    bench.accept(3, 1, 30_000);
    await bench.clock.advance(0);
    expect(bench.dropped).toEqual({ buffer_full: 1 });
    expect(bench.batches).toEqual([[1, 2]]);
  });

  it('gives way, newest first, to a backend that holds less', async () => {
    const memory = createMemory(100_000);
    const hog = createBench({ ...answerAll, memory });
    const healthy = createBench({ memory });
    hog.accept(1, 8, 11_000);
    healthy.accept(1, 3, 11_000);
    expect(healthy.dropped).toEqual({});
    const lost = hog.dropped.buffer_full ?? 0;
    expect(lost).toBeGreaterThan(0);
    await hog.clock.advance(5_000);
    expect(hog.batches.flat()).toEqual(range(1, 8 - lost));
  });
});

describe('sending', () => {
  it('has several batches in flight, and no more than configured', async () => {
    const bench = createBench({ backend: { maxConcurrentExports: 2, maxExportBatchSize: 1 } });
    bench.accept(1, 4);
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1], [2]]);
    await bench.answer(1, delivered);
    expect(bench.batches).toEqual([[1], [2], [3]]);
    expect(bench.places).toEqual({ queued: 1, waiting: 0, inFlight: 2 });
  });

  it('has only its share in flight while memory is short, and one request in any case', async () => {
    const memory = createMemory(50_000);
    const bench = createBench({ memory, backend: { maxExportBatchSize: 1 } });
    bench.accept(1, 9, 3_000);
    await bench.clock.advance(0);
    expect(bench.sent.length).toBeLessThan(4);
    expect(bench.sent.length).toBeGreaterThan(0);
    for (let index = 0; index < 9; index += 1) await bench.answer(index, delivered);
    expect(bench.counts.delivered).toBe(9);
    expect(memory.usedBytes).toBe(0);
  });

  it.each<{ what: string; result: SendResult; dropped: object; count: number }>([
    { what: 'a success', result: delivered, dropped: {}, count: 3 },
    { what: 'a final failure', result: refused, dropped: { refused: 3 }, count: 0 },
    {
      what: 'a partial success',
      result: { ...delivered, rejectedSpans: 1, message: 'one is bad' },
      dropped: { rejected: 1 },
      count: 2,
    },
    {
      what: 'more rejected spans than were sent',
      result: { ...delivered, rejectedSpans: 99 },
      dropped: { rejected: 3 },
      count: 0,
    },
  ])('settles a batch by $what', async ({ result, dropped, count }) => {
    const bench = createBench({ answer: () => result });
    bench.accept(1, 3);
    await bench.clock.advance(5_000);
    expect(bench.sent).toHaveLength(1);
    expect(bench.counts.delivered).toBe(count);
    expect(bench.dropped).toEqual(dropped);
    expect(bench.operations).toHaveLength(1);
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('logs what a backend says of a batch that it takes', async () => {
    const bench = createBench({ answer: () => ({ ...delivered, message: 'use gzip' }) });
    bench.accept(1);
    await bench.clock.advance(5_000);
    expect(bench.lines).toEqual(['backend standard warns: use gzip']);
  });

  it('splits a request that is too large, down to single spans', async () => {
    const bench = createBench({ answer: (ids) => (ids.includes(2) ? tooLarge : delivered) });
    bench.accept(1, 4);
    await bench.clock.advance(5_000);
    expect(bench.batches).toEqual([[1, 2, 3, 4], [1, 2], [1], [2], [3, 4]]);
    expect(bench.dropped).toEqual({ too_large: 1 });
    expect(bench.counts.delivered).toBe(3);
    expect(bench.operations).toHaveLength(5);
    expect(bench.memory.usedBytes).toBe(0);
  });
});

describe('retrying', () => {
  it('sends the same bytes again, at 500 ms doubling to 5 s', async () => {
    const bench = createBench({ answer: (_ids, sent) => (sent < 8 ? unavailable : delivered) });
    bench.accept(1, 2);
    await bench.clock.advance(60_000);
    const waits = bench.sent.map(({ atMs }, index) => atMs - (bench.sent[index - 1]?.atMs ?? atMs));
    expect(waits).toEqual([0, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    expect(new Set(bench.sent.flatMap(({ request }) => request.body.parts)).size).toBe(1);
    expect(bench.counts.delivered).toBe(2);
    expect(bench.operations).toEqual([{ durationMs: 22_500, errorType: undefined }]);
  });

  it('waits any part of the backoff, as chance has it', async () => {
    const bench = createBench({ answer: () => unavailable, random: () => 0.25 });
    bench.accept(1);
    await bench.clock.advance(5_000 + 125);
    expect(bench.sent).toHaveLength(2);
  });

  it('counts a batch that waits for its retry as waiting, and one on the wire as in flight', async () => {
    const bench = createBench();
    bench.accept(1, 2);
    await bench.clock.advance(5_000);
    expect(bench.places).toEqual({ queued: 0, waiting: 0, inFlight: 2 });
    await bench.answer(0, unavailable);
    expect(bench.places).toEqual({ queued: 0, waiting: 2, inFlight: 0 });
  });

  it('waits as long as the backend asks, and with it every other batch', async () => {
    const bench = createBench({
      backend: { maxExportBatchSize: 1 },
      answer: (_ids, sent) => (sent === 1 ? { ...unavailable, retryAfterMs: 20_000 } : delivered),
    });
    bench.accept(1);
    await bench.clock.advance(0);
    bench.accept(2);
    await bench.clock.advance(19_999);
    expect(bench.batches).toEqual([[1]]);
    await bench.clock.advance(1);
    expect(bench.batches).toEqual([[1], [1], [2]]);
  });

  it('backs off from a backend that asks for no wait, again and again', async () => {
    const bench = createBench({ answer: () => ({ ...unavailable, retryAfterMs: 0 }) });
    bench.accept(1);
    await bench.clock.advance(5_000 + 1_500);
    expect(bench.sent).toHaveLength(3);
  });

  it('leaves a backend alone no longer than it retries', async () => {
    const bench = createBench({
      backend: { retryMaxElapsedMs: 60_000 },
      answer: (_ids, sent) => (sent === 1 ? { ...unavailable, retryAfterMs: 1e12 } : delivered),
    });
    bench.accept(1);
    await bench.clock.advance(5_000);
    expect(bench.dropped).toEqual({ retry_exhausted: 1 });
    bench.accept(2);
    await bench.clock.advance(59_999);
    expect(bench.batches).toEqual([[1]]);
    await bench.clock.advance(1);
    expect(bench.batches).toEqual([[1], [2]]);
  });

  it('gives a batch up when it has been tried for long enough, from its first attempt', async () => {
    const bench = createBench({
      backend: { retryMaxElapsedMs: 10_000 },
      answer: () => unavailable,
    });
    bench.accept(1, 3);
    await bench.clock.advance(5_000 + 10_000);
    expect(bench.dropped).toEqual({ retry_exhausted: 3 });
    expect(bench.sent.map(({ atMs }) => atMs - 5_000)).toEqual([0, 500, 1_500, 3_500, 7_500]);
    expect(bench.operations).toEqual([{ durationMs: 7_500, errorType: '503' }]);
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('sends the oldest batch first, one that waits for its retry before a new one', async () => {
    const bench = createBench({ backend: { maxExportBatchSize: 1, maxConcurrentExports: 2 } });
    bench.accept(1, 4);
    await bench.clock.advance(0);
    await bench.answer(1, unavailable);
    await bench.clock.advance(500);
    await bench.answer(0, delivered);
    await bench.answer(2, delivered);
    expect(bench.batches).toEqual([[1], [2], [2], [3], [4]]);
  });

  it('drops the newest first, batches that wait for their retry last, where it has to give way', async () => {
    const memory = createMemory(100_000);
    const sick = createBench({ memory, answer: () => unavailable });
    sick.accept(1, 2, 22_000);
    await sick.clock.advance(5_000);
    sick.accept(3, 1, 5_000);
    const [healthy, other] = [createBench({ memory }), createBench({ memory })];
    healthy.accept(1, 1, 25_000);
    other.accept(1, 1, 25_000);
    expect(sick.dropped).toEqual({ buffer_full: 1 });
    expect(sick.places).toEqual({ queued: 0, waiting: 2, inFlight: 0 });
    other.accept(2, 1, 7_000);
    expect([healthy.dropped, other.dropped]).toEqual([{}, {}]);
    expect(sick.dropped).toEqual({ buffer_full: 3 });
    expect(sick.places).toEqual({ queued: 0, waiting: 0, inFlight: 0 });
  });
});

describe('a backend that fails', () => {
  it('is degraded, is down after three failures in a row, and is up with the first answer', async () => {
    const bench = createBench({ answer: (_ids, sent) => (sent < 5 ? unavailable : refused) });
    bench.accept(1);
    await bench.clock.advance(60_000);
    expect(bench.states).toEqual(['degraded', 'down', 'up']);
    expect(bench.lines).toHaveLength(2);
  });

  it('counts requests that fail together as one failure', async () => {
    const bench = createBench({ backend: { maxExportBatchSize: 1 } });
    bench.accept(1, 4);
    await bench.clock.advance(0);
    for (const index of range(0, 4)) await bench.answer(index, unavailable);
    expect(bench.states).toEqual(['degraded']);
  });

  it('gets one probe at a time while it is down, the oldest batch, and all else once it is back', async () => {
    let isDown = true;
    const bench = createBench({
      backend: { maxExportBatchSize: 1 },
      answer: () => (isDown ? unavailable : delivered),
    });
    bench.accept(1, 10);
    await bench.clock.advance(1_500);
    expect(bench.states.at(-1)).toBe('down');
    const before = bench.sent.length;
    await bench.clock.advance(20_000);
    const probes = bench.batches.slice(before);
    expect(probes.length).toBeLessThanOrEqual(6);
    expect(new Set(probes.flat())).toEqual(new Set([1]));
    isDown = false;
    await bench.clock.advance(5_000);
    expect(bench.counts.delivered).toBe(10);
    expect(bench.batches.slice(-10)).toEqual(range(1, 10).map((id) => [id]));
  });

  it('has one timer while it is down, however much is queued', async () => {
    const bench = createBench({ backend: { maxExportBatchSize: 1 }, answer: () => unavailable });
    for (const round of range(0, 50)) {
      bench.accept(round * 10, 10);
      await bench.clock.advance(100);
      expect(bench.clock.pending).toBeLessThanOrEqual(1);
    }
    expect(bench.sent.length).toBeLessThan(15);
  });
});

describe('flushing', () => {
  it('gives up at its deadline, and leaves the span where it is', async () => {
    const bench = createBench();
    bench.accept(1);
    const deadline = withResolvers();
    const flushed = bench.exporter.flush(deadline.promise);
    await bench.clock.advance(0);
    deadline.resolve();
    expect(await flushed).toBe(false);
    expect(bench.places).toEqual({ queued: 0, waiting: 0, inFlight: 1 });
    await bench.answer(0, delivered);
    expect(await bench.exporter.flush()).toBe(true);
  });

  it('sends what is queued at once, and resolves when that is settled', async () => {
    const bench = createBench();
    bench.accept(1, 2);
    const flushed = track(bench.exporter.flush());
    await bench.clock.advance(0);
    expect(bench.batches).toEqual([[1, 2]]);
    expect(flushed.isDone()).toBe(false);
    await bench.answer(0, delivered);
    expect(flushed.isDone()).toBe(true);
  });

  it('waits for what is in flight and for what is retried', async () => {
    const bench = createBench();
    bench.accept(1);
    await bench.clock.advance(5_000);
    const flushed = track(bench.exporter.flush());
    await bench.answer(0, unavailable);
    expect(flushed.isDone()).toBe(false);
    await bench.clock.advance(500);
    await bench.answer(1, delivered);
    expect(flushed.isDone()).toBe(true);
  });

  it('does not wait for spans that come later', async () => {
    const bench = createBench({ backend: { maxExportBatchSize: 1 } });
    bench.accept(1);
    const flushed = track(bench.exporter.flush());
    bench.accept(2);
    await bench.clock.advance(0);
    await bench.answer(0, delivered);
    expect(flushed.isDone()).toBe(true);
    expect(bench.places.inFlight).toBe(1);
  });

  it('is settled by a drop too', async () => {
    const bench = createBench({ answer: () => refused });
    bench.accept(1);
    const flushed = track(bench.exporter.flush());
    await bench.clock.advance(0);
    expect(flushed.isDone()).toBe(true);
  });
});

describe('shutting down', () => {
  it('delivers what is queued, closes the transport, and does not wait for the deadline', async () => {
    const bench = createBench(answerAll);
    bench.accept(1, 3);
    const stopped = track(bench.exporter.shutdown(never()));
    await bench.clock.advance(0);
    expect(stopped.isDone()).toBe(true);
    expect(bench.counts.delivered).toBe(3);
    expect(bench.closed).toBe(1);
    expect(bench.clock.pending).toBe(0);
  });

  it('aborts and drops what is not settled at the deadline, and ignores a late answer', async () => {
    const bench = createBench({ backend: { maxExportBatchSize: 2, maxConcurrentExports: 2 } });
    bench.accept(1, 7);
    await bench.clock.advance(0);
    await bench.answer(1, unavailable);
    const deadline = withResolvers();
    const stopped = track(bench.exporter.shutdown(deadlineOf(deadline.promise)));
    deadline.resolve();
    await bench.clock.advance(0);
    expect(stopped.isDone()).toBe(true);
    expect(bench.sent[0]?.request.signal?.aborted).toBe(true);
    expect(bench.dropped).toEqual({ shutdown_timeout: 7 });
    expect(bench.memory.usedBytes).toBe(0);
    await bench.answer(0, delivered);
    expect(bench.counts.delivered).toBe(0);
    expect(bench.clock.pending).toBe(0);
    expect(bench.closed).toBe(1);
  });

  it('drops what comes later, and counts it', async () => {
    const bench = createBench(answerAll);
    await bench.exporter.shutdown(never());
    bench.accept(1, 2);
    await bench.clock.advance(10_000);
    expect(bench.counts.accepted).toBe(2);
    expect(bench.dropped).toEqual({ shutdown_timeout: 2 });
    expect(bench.opened).toBe(0);
  });

  it('ends by the earliest of the deadlines that it is given', async () => {
    const bench = createBench();
    bench.accept(1);
    const stopped = track(bench.exporter.shutdown(never(), 'backend_removed'));
    await bench.clock.advance(60_000);
    expect(stopped.isDone()).toBe(false);
    void bench.exporter.shutdown(deadlineOf(Promise.resolve()));
    await bench.clock.advance(0);
    expect(stopped.isDone()).toBe(true);
    expect(bench.dropped).toEqual({ backend_removed: 1 });
  });

  it('is done once, however often it is asked for', async () => {
    const bench = createBench(answerAll);
    const first = bench.exporter.shutdown(never());
    expect(bench.exporter.shutdown(never())).toBe(first);
    await first;
    await bench.exporter.flush();
  });
});

function track(promise: Promise<unknown>): { isDone(): boolean } {
  let isDone = false;
  void promise.then(() => {
    isDone = true;
  });
  return { isDone: () => isDone };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** The request of this number, as soon as it is there: zlib answers in its own time. */
async function sentBy(bench: ReturnType<typeof createBench>, index: number) {
  for (;;) {
    const sent = bench.sent[index];
    if (sent !== undefined) return sent;
    await bench.clock.advance(0);
  }
}

function createPendingResource() {
  let settle = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const resource = {
    asyncAttributesPending: true,
    attributes: {} as Record<string, string>,
    waitForAsyncAttributes: () => settled,
    settle() {
      resource.asyncAttributesPending = false;
      resource.attributes = { 'host.id': 'host-1' };
      settle();
    },
  };
  return resource;
}
