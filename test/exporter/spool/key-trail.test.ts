import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Run } from '../../../src/exporter/run.js';
import { createKeyTrail } from '../../../src/exporter/spool/key-trail.js';
import { makeRouted } from '../fixtures.js';

/** A run of spans with the sequence numbers from `first` up to, and without, `end`. */
function runOf(first: number, end: number): Run {
  const routed = makeRouted(1);
  const { resource, instrumentationScope: scope } = routed.span;
  const kept = { chunk: undefined, index: 0 as const, size: 1, routed };
  const place = { from: 0, to: end - first, sequence: first, acceptedAtMs: 0 };
  return { chunk: undefined, kept, resource, scope, ...place };
}

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
        const trail = createKeyTrail(() => held);
        const keys: (string | undefined)[] = [];
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
