import { describe, expect, it } from 'vitest';
import type { RouteLane } from '../../src/encoding/routed-span.js';
import { createMemory } from '../../src/exporter/memory.js';
import { createFakeClock } from '../helpers/fake-clock.js';
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
import { createMemoryDisk } from './spool/memory-disk.js';
import { createSpooled, filesOnDisk } from './spool/spooled.js';

const acme: RouteLane = { parent: 'project_name:acme', countedKey: undefined };
const globex: RouteLane = { parent: 'project_name:globex', countedKey: undefined };
const braintrust = { parent: 'project_name:checkout', parentHeader: 'x-bt-parent' };

type Bench = ReturnType<typeof createBench>;

/** The parent and the ids of each request. */
function requests({ sent }: Bench) {
  return sent.map(({ ids, request }) => [request.parent, ids]);
}

async function flush({ exporter, clock }: Bench): Promise<void> {
  const flushed = exporter.flush();
  await clock.advance(1);
  await flushed;
}

describe('spans of parents of their own', () => {
  it('share no batch with others, whatever the order in which they come', async () => {
    const bench = createBench({ backend: braintrust, answer: () => delivered });
    for (const id of [1, 4, 7]) {
      bench.acceptIn(acme, id);
      bench.accept(id + 1);
      bench.acceptIn(globex, id + 2);
    }
    await flush(bench);
    expect(requests(bench)).toEqual([
      ['project_name:acme', [1, 4, 7]],
      [undefined, [2, 5, 8]],
      ['project_name:globex', [3, 6, 9]],
    ]);
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('wait for a batch of their own: a full one is no hurry to the others', async () => {
    const bench = createBench({
      backend: { ...braintrust, maxExportBatchSize: 3 },
      answer: () => delivered,
    });
    bench.acceptIn(acme, 1, 2);
    await bench.clock.advance(1_000);
    bench.acceptIn(globex, 3, 4);
    await bench.clock.advance(0);
    expect(requests(bench)).toEqual([['project_name:globex', [3, 4, 5]]]);
    await bench.clock.advance(4_000);
    expect(requests(bench).slice(1)).toEqual([['project_name:acme', [1, 2]]]);
    await bench.clock.advance(1_000);
    expect(requests(bench).slice(2)).toEqual([['project_name:globex', [6]]]);
  });

  it('go with the backend’s own where it has no parents', async () => {
    const bench = createBench({ answer: () => delivered });
    bench.acceptIn(acme, 1);
    bench.acceptIn(globex, 2);
    await flush(bench);
    expect(requests(bench)).toEqual([[undefined, [1, 2]]]);
  });

  it('keep their parent when they are retried, and when their request is split', async () => {
    const answers = [unavailable, tooLarge, delivered, delivered];
    const bench = createBench({
      backend: braintrust,
      answer: (_, count) => answers[count - 1],
    });
    bench.acceptIn(acme, 1, 4);
    const flushed = bench.exporter.flush();
    await bench.clock.advance(10_000);
    await flushed;
    expect(requests(bench)).toEqual([
      ['project_name:acme', [1, 2, 3, 4]],
      ['project_name:acme', [1, 2, 3, 4]],
      ['project_name:acme', [1, 2]],
      ['project_name:acme', [3, 4]],
    ]);
  });

  it('that the backend refuses cost the others nothing', async () => {
    const bench = createBench({
      backend: braintrust,
      answer: (ids) => (ids[0] === 1 ? refused : delivered),
    });
    bench.acceptIn(acme, 1, 3);
    bench.acceptIn(globex, 4, 3);
    await flush(bench);
    expect(bench.dropped).toEqual({ refused: 3 });
    expect(bench.counts.delivered).toBe(3);
  });

  it('share the bounds of the queue, and of these the largest group gives way first', async () => {
    const memory = createMemory(40_000);
    const bench = createBench({ backend: braintrust, memory, answer: () => delivered });
    bench.acceptIn(acme, 1, 5);
    bench.acceptIn(globex, 100, 60);
    const other = createBench({ memory });
    other.accept(1, 60);
    expect(bench.dropped.buffer_full).toBeGreaterThan(0);
    await flush(bench);
    const sent = bench.sent.flatMap(({ ids }) => ids);
    expect(sent.filter((id) => id < 100)).toEqual([1, 2, 3, 4, 5]);
  });

  it('leave nothing behind once they are settled', async () => {
    const bench = createBench({ backend: braintrust, answer: () => delivered });
    for (const id of range(1, 2_000)) {
      bench.acceptIn({ parent: `project_name:${id}`, countedKey: undefined }, id);
    }
    await flush(bench);
    expect(bench.counts.delivered).toBe(2_000);
    expect(bench.memory.usedBytes).toBe(0);
    // A further span of an earlier parent is a batch of its own again.
    bench.acceptIn(acme, 3_000);
    await flush(bench);
    expect(requests(bench).at(-1)).toEqual(['project_name:acme', [3_000]]);
  });
});

describe('a lane', () => {
  it('keeps a span whose reading ends another of it that can not be read', async () => {
    const bench = createBench({ backend: braintrust, answer: () => delivered });
    const attributes = {
      get nested(): string {
        bench.exporter.accept({ ...makeBroken(2), lane: acme });
        return 'read';
      },
    };
    bench.exporter.accept({ ...makeRouted(1, 0, { attributes }), lane: acme });
    await flush(bench);
    expect(bench.dropped).toEqual({ encode_error: 1 });
    expect(bench.counts.delivered).toBe(1);
    expect(requests(bench)).toEqual([['project_name:acme', [1]]]);
  });
});

describe('spans that are counted by their key', () => {
  it('are counted as they are accepted, delivered and dropped', async () => {
    const bench = createBench({
      backend: { maxQueueSize: 4 },
      answer: (ids) =>
        ids[0] === 1 ? { status: 'success', rejectedSpans: 1, httpStatus: 200 } : refused,
    });
    const lane: RouteLane = { parent: undefined, countedKey: 'acme' };
    bench.acceptIn(lane, 1, 3);
    await flush(bench);
    bench.acceptIn(lane, 4, 6);
    bench.accept(20);
    expect(bench.tallies.snapshot()).toEqual({
      acme: { standard: { accepted: 9, delivered: 2, dropped: 3, movedIn: 0, movedOut: 0 } },
    });
    await flush(bench);
    expect(bench.tallies.snapshot()).toEqual({
      acme: { standard: { accepted: 9, delivered: 2, dropped: 7, movedIn: 0, movedOut: 0 } },
    });
  });
});

describe('with a spool, spans of parents of their own', () => {
  it('are on disk under their parents, and are sent under these later', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    let isDown = true;
    const bench = createSpooled({
      clock,
      disk,
      backend: braintrust,
      answer: () => (isDown ? unavailable : delivered),
    });
    for (const id of [1, 3, 5]) {
      bench.acceptIn(acme, id);
      bench.accept(id + 1);
    }
    await clock.advance(30_000);
    const files = filesOnDisk(disk);
    expect(files.map(({ parent, spans }) => [parent, spans])).toEqual([
      ['project_name:acme', 3],
      [undefined, 3],
    ]);
    expect(new Set(files.map(({ fingerprint }) => fingerprint)).size).toBe(2);
    isDown = false;
    const before = bench.sent.length;
    await clock.advance(60_000);
    expect(bench.counts.delivered).toBe(6);
    const later = bench.sent.slice(before).map(({ request, ids }) => [request.parent, ids]);
    expect(later).toContainEqual(['project_name:acme', [1, 3, 5]]);
    expect(later).toContainEqual([undefined, [2, 4, 6]]);
  });

  it('are counted by their key when they are sent from disk, or lost there', async () => {
    const clock = createFakeClock();
    const disk = createMemoryDisk(clock.epochMs);
    let isDown = true;
    let mayGo = true;
    const bench = createSpooled({
      clock,
      disk,
      mayReplay: () => mayGo,
      answer: (ids) => {
        if (isDown) return unavailable;
        return ids.length > 3 ? tooLarge : { ...delivered, rejectedSpans: 1 };
      },
    });
    const lane: RouteLane = { parent: undefined, countedKey: 'acme' };
    bench.acceptIn(lane, 1, 5);
    await clock.advance(30_000);
    expect(bench.places).toMatchObject({ queued: 0, waiting: 0, spooledAttempted: 5 });
    expect(bench.tallies.snapshot().acme?.standard).toMatchObject({ delivered: 0, dropped: 0 });
    isDown = false;
    await clock.advance(60_000);
    expect(bench.dropped).toEqual({ rejected: 2 });
    expect(bench.tallies.snapshot().acme?.standard).toMatchObject({ delivered: 3, dropped: 2 });

    isDown = true;
    bench.acceptIn(lane, 6, 4);
    await clock.advance(30_000);
    [isDown, mayGo] = [false, false];
    await clock.advance(60_000);
    expect(bench.dropped).toEqual({ rejected: 2, quarantined: 4 });
    expect(bench.tallies.snapshot().acme?.standard).toMatchObject({ delivered: 3, dropped: 6 });
  });
});
