import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKeyTrail } from '../../src/exporter/key-trail.js';
import type { Run } from '../../src/exporter/run.js';
import { makeRouted } from './fixtures.js';

/** A run of spans with the sequence numbers from `first` up to, and without, `end`. */
function runOf(first: number, end: number): Run {
  const routed = makeRouted(1);
  const { resource, instrumentationScope: scope } = routed.span;
  const kept = { chunk: undefined, index: 0 as const, size: 1, routed };
  const place = { from: 0, to: end - first, sequence: first, acceptedAtMs: 0 };
  return { chunk: undefined, kept, resource, scope, ...place };
}

it('keeps no more than what is held needs, however long one batch is held', () => {
  let looks = 0;
  let length = 0;
  const trail = createKeyTrail(() => {
    looks += 1;
    return [
      [length - 10, length],
      [3, 5],
    ];
  });
  for (; length < 100_000; length += 1) trail.note(length, `key ${length % 3}`);
  // It looks again when it has a thousand changes more than it needed, and not when it has twice as many as ever.
  expect(looks).toBeGreaterThan(50);
  expect(trail.keysOf([runOf(3, 5)])).toEqual(['key 0', 'key 1']);
  expect(trail.keysOf([runOf(length - 2, length)])).toEqual(['key 2', 'key 0']);
});

it('takes as many batches as there may be', () => {
  const ranges = Array.from({ length: 200_000 }, (_, index) => [2 * index, 2 * index + 1] as const);
  const trail = createKeyTrail(() => [...ranges]);
  for (let sequence = 0; sequence < 400_000; sequence += 1) {
    trail.note(sequence, `key ${sequence % 4}`);
  }
  expect(trail.keysOf([runOf(0, 1)])).toEqual(['key 0']);
  expect(trail.keysOf([runOf(399_998, 399_999)])).toEqual(['key 2']);
});

it('tells the keys of the spans of runs, and no others, whatever is forgotten meanwhile', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.constantFrom('a', 'b', 'c', undefined), fc.integer({ min: 1, max: 3 })),
        {
          maxLength: 30,
        },
      ),
      fc.nat(60),
      fc.nat(20),
      fc.nat(4_000),
      (changes, from, length, settledBefore) => {
        let held = 0;
        const keys: (string | undefined)[] = [];
        const trail = createKeyTrail(() => [[held, keys.length]]);
        const note = (key: string | undefined): void => {
          trail.note(keys.length, key);
          keys.push(key);
        };
        // What is settled by now: enough of it for it to be forgotten.
        for (let index = 0; index < settledBefore; index += 1) note(index % 2 === 0 ? 'x' : 'y');
        held = keys.length;
        for (const [key, count] of changes) for (let each = 0; each < count; each += 1) note(key);

        const [first, end] = [held + from, held + from + length];
        const expected = new Set(keys.slice(first, end).filter((key) => key !== undefined));
        const known = Math.min(end, keys.length);
        if (first >= known) return;
        expect(new Set(trail.keysOf([runOf(first, known)]))).toEqual(expected);
      },
    ),
  );
});
