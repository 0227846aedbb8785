/**
 * Sequence numbers as ranges: of each its first number, and the one behind its last, in ascending order, one range
 * after the other.
 */
export type SequenceRanges = number[];

/** How many numbers one list has, at the most: what a request is remembered by must not grow with its spans. */
const MAX_LENGTH = 128;

/**
 * Adds a number that is greater than all before. Past the bound the last range takes in what lies between: it
 * then says more than it should, and never less.
 */
export function extendRanges(ranges: SequenceRanges, sequence: number): void {
  const last = ranges.length - 1;
  if (last > 0 && (ranges[last] === sequence || ranges.length >= MAX_LENGTH)) {
    ranges[last] = sequence + 1;
  } else {
    ranges.push(sequence, sequence + 1);
  }
}

/** How many numbers of the ranges lie from `from` up to, and without, `to`. */
export function countBetween(ranges: Readonly<SequenceRanges>, from: number, to: number): number {
  let count = 0;
  for (let index = 0; index < ranges.length; index += 2) {
    const start = Math.max(from, ranges[index] ?? 0);
    const end = Math.min(to, ranges[index + 1] ?? 0);
    if (start < end) count += end - start;
  }
  return count;
}
