import { describe, expect, it } from 'vitest';
import { createChunks, type Write } from '../../src/encoding/chunks.js';
import { createQueue } from '../../src/exporter/queue.js';
import { type Kept, type Run, sizeOf } from '../../src/exporter/run.js';
import type { InstrumentationScope, ReadableSpan } from '../../src/sdk.js';
import { makeRouted } from './fixtures.js';

const clock = { now: () => 0 };

/** Writes nothing that is ever read. */
const leave: Write<number> = (_, position, size) => position + size;

const keepers = {
  'side by side in a chunk': () => {
    const chunks = createChunks();
    return (_: number, size: number): Kept => chunks.write(leave, size);
  },
  'in chunks of their own': () => (_: number, size: number) => createChunks().write(leave, size),
  'as they ended': () => (sequence: number, size: number) => ({
    chunk: undefined,
    index: 0 as const,
    size,
    routed: makeRouted(sequence),
  }),
};

/** The sequence numbers in runs, each span's size and scope checked. */
function sequencesOf(runs: readonly Run[], sizes: readonly number[]): number[] {
  return runs.flatMap((run) =>
    Array.from({ length: run.to - run.from }, (_, index) => {
      const sequence = run.sequence + index;
      expect(sizeOf(run, run.from + index, run.from + index + 1)).toBe(sizes[sequence]);
      expect(run.scope).toBe(scopeOf(sequence));
      return sequence;
    }),
  );
}

const scopes = [{ name: 'one' }, { name: 'other' }] as const;

/** The first two spans have the same scope. */
function scopeOf(sequence: number): InstrumentationScope {
  return scopes[sequence < 2 ? 0 : 1];
}

function spanOf(sequence: number): ReadableSpan {
  return makeRouted(sequence, 0, { instrumentationScope: scopeOf(sequence) }).span;
}

describe.each(Object.entries(keepers))('a queue of spans %s', (_, createKeep) => {
  const sizes = [10, 20, 30];

  function filled() {
    const keep = createKeep();
    const queue = createQueue(clock);
    for (const [sequence, size] of sizes.entries()) {
      queue.push(keep(sequence, size), spanOf(sequence), sequence);
    }
    return queue;
  }

  it.each([
    { what: 'all, where both limits allow', maxSpans: 9, maxBytes: 99, taken: [0, 1, 2] },
    { what: 'as many as the number allows', maxSpans: 2, maxBytes: 99, taken: [0, 1] },
    { what: 'as many as the bytes allow', maxSpans: 9, maxBytes: 35, taken: [0, 1] },
    { what: 'as many as fill the bytes', maxSpans: 9, maxBytes: 30, taken: [0, 1] },
    { what: 'one that alone passes the bytes', maxSpans: 9, maxBytes: 5, taken: [0] },
  ])('gives its oldest spans: $what', ({ maxSpans, maxBytes, taken }) => {
    const queue = filled();
    expect(sequencesOf(queue.takeOldest(maxSpans, maxBytes), sizes)).toEqual(taken);
    expect(queue.size).toBe(3 - taken.length);
    expect(queue.oldest?.sequence).toBe(taken.length === 3 ? undefined : taken.length);
    expect(queue.bytes).toBe([60, 50, 30, 0][taken.length]);
    expect(sequencesOf(queue.takeOldest(9, 99), sizes)).toEqual([0, 1, 2].slice(taken.length));
  });

  it.each([
    { wanted: 1, taken: [2] },
    { wanted: 30, taken: [2] },
    { wanted: 31, taken: [1, 2] },
    { wanted: 1_000, taken: [0, 1, 2] },
    { wanted: 0, taken: [] },
  ])('gives the newest spans that have $wanted bytes together', ({ wanted, taken }) => {
    const queue = filled();
    expect(sequencesOf(queue.takeNewest(wanted, 0), sizes)).toEqual(taken);
    expect(queue.size).toBe(3 - taken.length);
    expect(queue.bytes).toBe([60, 30, 10, 0][taken.length]);
  });

  it('takes spans that follow a gap', () => {
    const keep = createKeep();
    const queue = filled();
    queue.takeNewest(1, 0);
    queue.push(keep(3, 40), spanOf(3), 3);
    expect(sequencesOf(queue.takeOldest(9, 99), [...sizes, 40])).toEqual([0, 1, 3]);
  });
});

describe('a queue', () => {
  it('has nothing to give while it is empty', () => {
    const queue = createQueue(clock);
    expect(queue.takeOldest(5, 5)).toEqual([]);
    expect(queue.takeNewest(5, 0)).toEqual([]);
    expect([queue.size, queue.bytes, queue.oldest]).toEqual([0, 0, undefined]);
  });
});
