import { describe, expect, it } from 'vitest';
import type { SendResult } from '../../../src/transport/result.js';
import { deadlineOf, never, now } from '../../helpers/deadline.js';
import { createFakeClock } from '../../helpers/fake-clock.js';
import { delivered, range, refused, tooLarge, unavailable } from '../fixtures.js';
import { createMemoryDisk } from './memory-disk.js';
import { createSpooled, filesOnDisk, idsOnDisk, type SpooledOptions } from './spooled.js';

function create(options: Omit<SpooledOptions, 'clock' | 'disk'> = {}) {
  const clock = createFakeClock();
  const disk = createMemoryDisk(clock.epochMs);
  return { clock, disk, bench: createSpooled({ ...options, clock, disk }) };
}

/** A disk of which no write ends before it is told to. */
function createSlowDisk(clock: ReturnType<typeof createFakeClock>) {
  const disk = createMemoryDisk(clock.epochMs);
  const { write } = disk;
  const waiting: (() => void)[] = [];
  let isSlow = false;
  disk.write = async (file, parts) => {
    if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve));
    await write(file, parts);
  };
  return {
    disk,
    slowDown() {
      isSlow = true;
    },
    speedUp() {
      isSlow = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

describe('a shutdown, with a spool and a backend that hangs', () => {
  it.each([5_000, 500])(
    'sends for three fifths of the time that is left (%d ms)',
    async (leftMs) => {
      const { clock, disk, bench } = create();
      bench.accept(1, 3);
      await clock.advance(10_000);
      void bench.exporter.shutdown(deadlineOf(never().passed, clock.now() + leftMs));
      await clock.advance(leftMs * 0.6 - 1);
      expect(idsOnDisk(disk)).toEqual([]);
      await clock.advance(1);
      expect(idsOnDisk(disk)).toEqual([1, 2, 3]);
    },
  );

  it('has less time where a second call says so', async () => {
    const { clock, disk, bench } = create();
    bench.accept(1, 3);
    await clock.advance(10_000);
    void bench.exporter.shutdown(deadlineOf(never().passed, clock.now() + 600_000));
    await clock.advance(1_000);
    void bench.exporter.shutdown(deadlineOf(never().passed, clock.now() + 1_000));
    await clock.advance(600);
    expect(idsOnDisk(disk)).toEqual([1, 2, 3]);
    expect(clock.pending).toBe(0);
  });

  it('keeps what is small where a batch is larger than the spool may be', async () => {
    const { clock, disk, bench } = create({
      maxBytes: 4 * 4096,
      backend: { maxExportBatchSize: 2, maxConcurrentExports: 8 },
    });
    bench.accept(1, 1, 50_000);
    bench.accept(2, 1, 10_000);
    bench.accept(3, 2);
    await clock.advance(10_000);
    void bench.exporter.shutdown(deadlineOf(never().passed, clock.now()));
    await clock.advance(0);
    expect(idsOnDisk(disk).toSorted()).toEqual([2, 3, 4]);
    expect(bench.dropped).toEqual({ shutdown_timeout: 1 });
  });
});

describe('a shutdown while a file is split', () => {
  async function createSplitting() {
    const clock = createFakeClock();
    const slow = createSlowDisk(clock);
    let result: SendResult = unavailable;
    const bench = createSpooled({
      clock,
      disk: slow.disk,
      backend: { retryMaxElapsedMs: 0, maxExportBatchSize: 10 },
      answer: () => result,
    });
    bench.accept(1, 10);
    await clock.advance(6_000);
    expect(idsOnDisk(slow.disk)).toEqual(range(1, 10));
    result = tooLarge;
    slow.slowDown();
    await clock.advance(20_000);
    expect(bench.places.inFlight).toBe(10);
    return { bench, clock, ...slow };
  }

  it('waits for the disk: nothing is in flight then, and each span is once on disk', async () => {
    const { bench, clock, disk, speedUp } = await createSplitting();
    const stopped = bench.exporter.shutdown(never());
    await clock.advance(0);
    speedUp();
    await stopped;
    expect(filesOnDisk(disk).map(({ spans }) => spans)).toEqual([5, 5]);
    expect(idsOnDisk(disk)).toEqual(range(1, 10));
    expect(bench.places).toMatchObject({ inFlight: 0, spooledAttempted: 10 });
  });

  it('leaves the file as it was where the disk hangs', async () => {
    const { bench, clock, disk, speedUp } = await createSplitting();
    await bench.exporter.shutdown(now());
    expect(bench.places).toMatchObject({ inFlight: 0, spooledAttempted: 10 });
    speedUp();
    await clock.advance(0);
    expect(idsOnDisk(disk)).toEqual(range(1, 10));
    expect(bench.places).toMatchObject({ inFlight: 0, spooledAttempted: 10 });
    expect(bench.memory.usedBytes).toBe(0);
  });
});

describe('a backend that is removed', () => {
  it('leaves its files out of its account, to the next of its like', async () => {
    let result: SendResult = unavailable;
    const options = { backend: { retryMaxElapsedMs: 0 }, answer: () => result };
    const { clock, disk, bench } = create(options);
    bench.accept(1, 3);
    await clock.advance(6_000);
    bench.accept(4, 2);
    await bench.exporter.shutdown(
      deadlineOf(never().passed, clock.now() + 1_000),
      'backend_removed',
    );
    expect(bench.counts.movedOut).toBe(5);
    expect(bench.places).toMatchObject({ queued: 0, waiting: 0, inFlight: 0 });
    expect((bench.places.spooled ?? 0) + (bench.places.spooledAttempted ?? 0)).toBe(0);

    result = delivered;
    const next = createSpooled({ ...options, clock, disk });
    await clock.advance(30_000);
    expect(next.counts).toMatchObject({ recovered: 5, delivered: 5 });
  });
});

describe('with a spool, what is held for other credentials', () => {
  const unauthorized: SendResult = {
    status: 'unauthorized',
    renewed: new Promise(() => {}),
    failure: refused.failure,
  };

  it.each([
    { what: 'past the bounds of the queue', backend: { maxQueueSize: 6 } },
    { what: 'where memory is short', maxBufferedBytes: 30_000 },
  ])('is written to disk $what', async ({ backend, maxBufferedBytes }) => {
    const { clock, disk, bench } = create({
      backend: { maxExportBatchSize: 2, scheduleDelayMs: 0, ...backend },
      ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
      answer: () => unauthorized,
    });
    for (const id of range(1, 20)) {
      bench.accept(id, 1, 1_500);
      await clock.advance(10);
    }
    expect(bench.dropped).toEqual({});
    expect(idsOnDisk(disk).length).toBeGreaterThan(8);
    void bench.exporter.shutdown(deadlineOf(never().passed, clock.now()));
    await clock.advance(0);
    expect(idsOnDisk(disk).toSorted((a, b) => a - b)).toEqual(range(1, 20));
    expect(bench.dropped).toEqual({});
  });
});
