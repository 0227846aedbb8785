import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { createMemory } from '../../src/exporter/memory.js';
import type { SendResult } from '../../src/transport/result.js';
import { never } from '../helpers/deadline.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createBench, delivered, range, unavailable } from './fixtures.js';
import { createMemoryDisk } from './spool/memory-disk.js';
import { createSpooled, filesOnDisk } from './spool/spooled.js';

const lost: SendResult = {
  status: 'retryable',
  failure: { message: 'other side closed', errorType: 'UND_ERR_SOCKET' },
};

interface PairOptions {
  readonly first?: Partial<Backend>;
  readonly standby?: Partial<Backend>;
  readonly maxBufferedBytes?: number;
  /** What the first answers while it is down. */
  readonly down?: SendResult;
}

/** A backend that is down until it is told otherwise, and its standby, which is up. */
function createPair(options: PairOptions = {}) {
  const clock = createFakeClock();
  const memory = createMemory(options.maxBufferedBytes ?? 64 * 1024 * 1024);
  const state = { isDown: true, isStandbyDown: false };
  const { down = unavailable } = options;
  const first = createBench({
    clock,
    memory,
    random: () => 1,
    backend: { name: 'first', standby: 'standby', maxExportBatchSize: 5, ...options.first },
    answer: () => (state.isDown ? down : delivered),
  });
  const standby = createBench({
    clock,
    memory,
    backend: { name: 'standby', maxExportBatchSize: 5, ...options.standby },
    answer: () => (state.isStandbyDown ? unavailable : delivered),
  });
  first.exporter.failover?.setStandby(standby.exporter.failover);
  return { clock, memory, state, first, standby };
}

type Pair = ReturnType<typeof createPair>;

/** Has the first fail until it counts as down, by three requests. */
async function takeDown({ first, clock }: Pair): Promise<void> {
  first.accept(1, 15);
  await clock.advance(0);
  for (let round = 0; round < 5; round += 1) await clock.advance(1_000);
  expect(first.states.at(-1)).toBe('down');
}

const idsOf = (bench: Pair['first']) => bench.batches.flat();

describe('a backend with a standby', () => {
  it('keeps all that is its own while it is up', async () => {
    const pair = createPair();
    pair.state.isDown = false;
    pair.first.accept(1, 20);
    await pair.clock.advance(10_000);
    expect(pair.first.counts.delivered).toBe(20);
    expect(pair.standby.sent).toEqual([]);
  });

  it('has it take what waits and what comes while it is down, each span once', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.first.accept(16, 85);
    for (let second = 0; second < 30; second += 1) await pair.clock.advance(1_000);
    pair.state.isDown = false;
    await pair.clock.advance(60_000);
    const delivered = [...idsOf(pair.standby), ...(pair.first.sent.at(-1)?.ids ?? [])];
    expect(pair.first.counts.delivered + pair.standby.counts.delivered).toBe(100);
    expect(pair.standby.counts.delivered).toBeGreaterThan(90);
    expect(new Set(delivered).size).toBe(100);
    expect(pair.first.counts.movedOut).toBe(pair.standby.counts.movedIn);
    expect(pair.first.counts.movedUnanswered).toBe(0);
    expect(pair.memory.usedBytes).toBe(0);
  });

  it('is probed by one batch at a time, which goes to the standby when it has failed', async () => {
    const pair = createPair();
    await takeDown(pair);
    const before = pair.first.sent.length;
    for (let second = 0; second < 60; second += 1) {
      pair.first.accept(1_000 + 5 * second, 5);
      await pair.clock.advance(1_000);
    }
    const probes = pair.first.sent.slice(before);
    // Every 5 seconds at the most.
    expect(probes.length).toBeGreaterThan(5);
    expect(probes.length).toBeLessThan(20);
    expect(new Set(probes.map(({ ids }) => ids[0])).size).toBe(probes.length);
    expect(pair.standby.counts.delivered).toBeGreaterThan(280);
  });

  it('has what comes again once it answers', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.first.accept(16, 5);
    pair.state.isDown = false;
    await pair.clock.advance(20_000);
    expect(pair.first.states.at(-1)).toBe('up');
    const moved = pair.standby.counts.movedIn;
    pair.first.accept(100, 20);
    await pair.clock.advance(10_000);
    expect(pair.standby.counts.movedIn).toBe(moved);
    expect(idsOf(pair.first)).toEqual(expect.arrayContaining(range(100, 20)));
  });

  it('counts what may be at both, as a request with it got no answer', async () => {
    const pair = createPair({ down: lost });
    await takeDown(pair);
    pair.first.accept(100, 50);
    for (let second = 0; second < 20; second += 1) await pair.clock.advance(1_000);
    const tried = new Set(idsOf(pair.first));
    expect(tried.size).toBeLessThan(65);
    const atBoth = idsOf(pair.standby).filter((id) => tried.has(id));
    expect(pair.first.counts.movedUnanswered).toBe(atBoth.length);
    expect(atBoth.length).toBeGreaterThanOrEqual(15);
  });

  it('waits for a batch to fill, or for its delay, before it is moved', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.first.accept(16, 5);
    await pair.clock.advance(0);
    const before = pair.standby.sent.length;
    pair.first.accept(21, 3);
    await pair.clock.advance(4_000);
    pair.first.accept(24, 1);
    await pair.clock.advance(1_000);
    const later = pair.standby.batches.slice(before).filter((ids) => ids.includes(21));
    expect(later.every((ids) => ids.includes(24))).toBe(true);
  });

  it.each([
    ['is down as well', (pair: Pair) => Object.assign(pair.state, { isStandbyDown: true })],
    ['has no room', (pair: Pair) => void pair.standby.accept(5_000, 4)],
    ['is closed', (pair: Pair) => void pair.standby.exporter.shutdown(never())],
  ])('keeps what it has where the standby %s', async (_, make) => {
    const pair = createPair({ standby: { maxQueueSize: 4, scheduleDelayMs: 600_000 } });
    make(pair);
    if (pair.state.isStandbyDown) {
      for (const id of [9_000, 9_001, 9_002]) {
        pair.standby.accept(id);
        void pair.standby.exporter.flush();
        await pair.clock.advance(5_000);
      }
      expect(pair.standby.states.at(-1)).toBe('down');
    }
    await takeDown(pair);
    pair.first.accept(16, 20);
    await pair.clock.advance(5_000);
    expect(pair.first.counts.movedOut).toBe(0);
    pair.state.isDown = false;
    await pair.clock.advance(60_000);
    expect(pair.first.counts.delivered).toBe(35);
  });

  it('settles a flush when the standby has settled what it took', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.first.accept(16, 20);
    let isSettled = false;
    const flushed = pair.first.exporter.flush().then(() => {
      isSettled = true;
    });
    await pair.clock.advance(0);
    for (let second = 0; second < 10 && !isSettled; second += 1) await pair.clock.advance(1_000);
    await flushed;
    expect(pair.standby.counts.delivered).toBe(35);
    expect(pair.first.places).toMatchObject({ queued: 0, waiting: 0, inFlight: 0 });
  });

  it('moves nothing on that was moved here', async () => {
    const pair = createPair({ standby: { standby: 'first' } });
    pair.standby.exporter.failover?.setStandby(pair.first.exporter.failover);
    await takeDown(pair);
    pair.first.accept(16, 20);
    pair.state.isStandbyDown = true;
    await pair.clock.advance(30_000);
    expect(pair.standby.counts.movedIn).toBeGreaterThan(0);
    expect(pair.standby.counts.movedOut).toBe(0);
    pair.state.isDown = false;
    pair.state.isStandbyDown = false;
    await pair.clock.advance(60_000);
    expect(pair.first.counts.delivered + pair.standby.counts.delivered).toBe(35);
  });

  it('takes no more memory for being moved, near the limit of the budget too', async () => {
    const pair = createPair({ maxBufferedBytes: 30_000 });
    await takeDown(pair);
    for (let round = 0; round < 50; round += 1) {
      pair.first.accept(100 + 10 * round, 10);
      expect(pair.memory.usedBytes).toBeLessThanOrEqual(30_000);
      await pair.clock.advance(0);
      expect(pair.memory.usedBytes).toBeLessThanOrEqual(30_000);
    }
    await pair.clock.advance(60_000);
    expect(pair.standby.dropped).toEqual({});
  });

  it('yields what waits at a shutdown', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.first.accept(16, 3);
    pair.first.exporter.failover?.yieldAll();
    void pair.first.exporter.shutdown(never());
    void pair.standby.exporter.shutdown(never());
    await pair.clock.advance(1_000);
    expect(pair.standby.counts.delivered).toBe(18);
    expect(pair.first.dropped).toEqual({});
  });
});

describe('with a spool as well', () => {
  it('the standby comes first, and its own files name the keys of what it took', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    const state = { isDown: true };
    const first = createSpooled({
      clock,
      disk,
      backend: { name: 'first', standby: 'standby', retryMaxElapsedMs: 60_000 },
      answer: () => unavailable,
    });
    const standby = createSpooled({
      clock,
      disk: createMemoryDisk(clock.epochMs),
      backend: { name: 'standby' },
      answer: () => (state.isDown ? undefined : delivered),
    });
    first.exporter.failover?.setStandby(standby.exporter.failover);
    const lane = { parent: undefined, countedKey: 'acme' };
    first.acceptIn(lane, 1, 15);
    for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
    first.acceptIn(lane, 16, 10);
    for (let second = 0; second < 20; second += 1) await clock.advance(1_000);
    expect(filesOnDisk(disk)).toEqual([]);
    expect(first.counts.movedOut).toBeGreaterThan(20);
    const tally = first.tallies.snapshot().acme?.standard;
    expect(tally).toMatchObject({ accepted: 25, movedOut: first.counts.movedOut });
    expect(standby.counts.movedIn).toBe(first.counts.movedOut);
  });
});
