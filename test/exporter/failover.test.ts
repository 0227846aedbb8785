import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import type { RouteLane } from '../../src/encoding/routed-span.js';
import { createMemory } from '../../src/exporter/memory.js';
import type { SendResult } from '../../src/transport/result.js';
import { never } from '../helpers/deadline.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { memoryInUse } from '../helpers/memory-in-use.js';
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
  const state = {
    isDown: true,
    isHanging: false,
    isStandbyDown: false,
    down: options.down ?? unavailable,
  };
  const first = createBench({
    clock,
    memory,
    random: () => 1,
    backend: { name: 'first', standby: 'standby', maxExportBatchSize: 5, ...options.first },
    answer: () => {
      if (state.isHanging) return undefined;
      return state.isDown ? state.down : delivered;
    },
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

/** Has the first take a span of a lane of its own. In a function of its own, so that the lane is held by nothing here. */
function acceptApart({ first }: Pair, key: number): WeakRef<RouteLane> {
  const lane: RouteLane = { parent: undefined, countedKey: `key-${key}` };
  first.acceptIn(lane, 1_000 + key);
  return new WeakRef(lane);
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

  it('is probed also where each request is flushed, and has what comes again', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.state.isDown = false;
    for (let request = 0; request < 20; request += 1) {
      pair.first.accept(100 + request);
      const flushed = pair.first.exporter.flush();
      await pair.clock.advance(1_000);
      expect(await flushed).toBe(true);
    }
    expect(pair.first.states.at(-1)).toBe('up');
    expect(idsOf(pair.first)).toContain(119);
  });

  it('has the spans of each parent moved when they are due, however long it is not to be probed', async () => {
    const parents = { parent: 'project_name:checkout', parentHeader: 'x-bt-parent' };
    const pair = createPair({ first: parents, standby: parents });
    await takeDown(pair);
    pair.state.down = { ...unavailable, retryAfterMs: 200_000 };
    pair.first.accept(1, 5);
    await pair.clock.advance(10_000);
    for (const name of ['acme', 'globex', 'initech']) {
      const lane = { parent: `project_name:${name}`, countedKey: undefined };
      pair.first.acceptIn(lane, pair.first.counts.accepted, 2);
      await pair.clock.advance(2_000);
    }
    await pair.clock.advance(3_000);
    const sent = pair.standby.sent.map(({ request, ids }) => [request.parent, ids]);
    expect(sent).toContainEqual(['project_name:acme', [20, 21]]);
    expect(sent).toContainEqual(['project_name:globex', [22, 23]]);
    expect(sent).toContainEqual(['project_name:initech', [24, 25]]);
  });

  it.each([
    [502, 15],
    [503, 0],
    [504, 15],
  ])('counts what may be at both, where the answer was %i', async (httpStatus, count) => {
    const failure = { message: `HTTP ${httpStatus}`, errorType: String(httpStatus), httpStatus };
    const pair = createPair({ down: { status: 'retryable', failure } });
    await takeDown(pair);
    expect(pair.first.counts).toMatchObject({ movedOut: 15, movedUnanswered: count });
  });

  it('keeps nothing of lanes whose spans have been moved', async () => {
    const pair = createPair();
    await takeDown(pair);
    const lanes = range(1, 50).map((key) => acceptApart(pair, key));
    await pair.clock.advance(60_000);
    expect(pair.first.places).toMatchObject({ queued: 0, waiting: 0, inFlight: 0 });
    await memoryInUse();
    expect(lanes.filter((lane) => lane.deref() !== undefined)).toEqual([]);
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

  it('yields what is on the wire as well, which may be at both then', async () => {
    const pair = createPair();
    await takeDown(pair);
    pair.state.isHanging = true;
    pair.first.accept(16, 3);
    for (let second = 0; second < 10; second += 1) await pair.clock.advance(1_000);
    expect(pair.first.places).toMatchObject({ queued: 0, waiting: 0, inFlight: 3 });
    pair.first.exporter.failover?.yieldAll();
    void pair.first.exporter.shutdown(never());
    void pair.standby.exporter.shutdown(never());
    await pair.clock.advance(1_000);
    expect(pair.standby.counts.delivered).toBe(18);
    expect(pair.first.counts).toMatchObject({ movedOut: 18, movedUnanswered: 3 });
    expect(pair.memory.usedBytes).toBe(0);
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

  it('it comes first where the queue fills before its batches are due', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    const first = createSpooled({
      clock,
      disk,
      backend: { name: 'first', standby: 'standby', maxQueueSize: 20, retryMaxElapsedMs: 60_000 },
      answer: () => unavailable,
    });
    const standby = createBench({ clock, answer: () => delivered });
    first.exporter.failover?.setStandby(standby.exporter.failover);
    const laneOf = (key: number) => ({ parent: undefined, countedKey: `key-${key}` });
    first.acceptIn(laneOf(0), 1, 5);
    for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
    expect(first.states.at(-1)).toBe('down');
    for (let key = 1; key <= 20; key += 1) {
      first.acceptIn(laneOf(key), 100 + key);
      await clock.advance(10);
    }
    await clock.advance(10_000);
    expect(filesOnDisk(disk)).toEqual([]);
    expect(first.dropped).toEqual({});
    expect(standby.counts.movedIn).toBeGreaterThan(20);
  });
});
