import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  countBetween,
  extendRanges,
  type SequenceRanges,
} from '../../src/exporter/sequence-ranges.js';

const ascending = fc
  .uniqueArray(fc.nat(500), { maxLength: 60 })
  .map((numbers) => numbers.toSorted((one, other) => one - other));

function rangesOf(numbers: readonly number[]): SequenceRanges {
  const ranges: SequenceRanges = [];
  for (const number of numbers) extendRanges(ranges, number);
  return ranges;
}

it('counts the numbers that were added, between any two', () => {
  fc.assert(
    fc.property(ascending, fc.nat(510), fc.nat(510), (numbers, from, to) => {
      const expected = numbers.filter((number) => number >= from && number < to).length;
      expect(countBetween(rangesOf(numbers), from, to)).toBe(expected);
    }),
  );
});

it('takes one range for numbers that follow each other', () => {
  expect(rangesOf([3, 4, 5, 9])).toEqual([3, 6, 9, 10]);
});

it('says more than was added where there are too many ranges, and never less', () => {
  const numbers = Array.from({ length: 1_000 }, (_, index) => index * 2);
  const ranges = rangesOf(numbers);
  expect(ranges.length).toBeLessThanOrEqual(128);
  for (const number of numbers) expect(countBetween(ranges, number, number + 1)).toBe(1);
});
