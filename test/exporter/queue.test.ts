import { describe, expect, it } from 'vitest';
import { createQueue, type QueuedSpan } from '../../src/exporter/queue.js';
import { makeRouted } from './fixtures.js';

function queued(sequence: number, bytes: number): QueuedSpan {
  return { routed: makeRouted(sequence), bytes, sequence, acceptedAtMs: 0 };
}

function filled(...sizes: readonly number[]) {
  const queue = createQueue();
  for (const [sequence, bytes] of sizes.entries()) queue.push(queued(sequence, bytes));
  return queue;
}

const sequences = (spans: readonly QueuedSpan[]) => spans.map(({ sequence }) => sequence);

describe('a queue', () => {
  it.each([
    { what: 'all, where both limits allow', maxSpans: 9, maxBytes: 99, taken: [0, 1, 2] },
    { what: 'as many as the number allows', maxSpans: 2, maxBytes: 99, taken: [0, 1] },
    { what: 'as many as the bytes allow', maxSpans: 9, maxBytes: 35, taken: [0, 1] },
    { what: 'one that alone passes the bytes', maxSpans: 9, maxBytes: 5, taken: [0] },
  ])('gives its oldest spans: $what', ({ maxSpans, maxBytes, taken }) => {
    const queue = filled(10, 20, 30);
    expect(sequences(queue.takeOldest(maxSpans, maxBytes))).toEqual(taken);
    expect(queue.size).toBe(3 - taken.length);
    expect(queue.oldest?.sequence).toBe(taken.length === 3 ? undefined : taken.length);
    expect(queue.bytes).toBe([60, 50, 30, 0][taken.length]);
  });

  it.each([
    { wanted: 1, taken: [2] },
    { wanted: 30, taken: [2] },
    { wanted: 31, taken: [1, 2] },
    { wanted: 1_000, taken: [0, 1, 2] },
    { wanted: 0, taken: [] },
  ])('gives the newest spans that have $wanted bytes together', ({ wanted, taken }) => {
    const queue = filled(10, 20, 30);
    expect(sequences(queue.takeNewest(wanted, 0))).toEqual(taken);
    expect(queue.size).toBe(3 - taken.length);
  });

  it('has nothing to give while it is empty', () => {
    const queue = createQueue();
    expect(queue.takeOldest(5, 5)).toEqual([]);
    expect(queue.takeNewest(5, 0)).toEqual([]);
    expect([queue.size, queue.bytes, queue.oldest]).toEqual([0, 0, undefined]);
  });
});
