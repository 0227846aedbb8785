import { type Chunk, type Message, startOf } from '../encoding/chunks.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import type { InstrumentationScope, Resource } from '../sdk.js';
import { countBetween, type SequenceRanges } from './sequence-ranges.js';

/**
 * What is kept of a span that was accepted: its bytes, or the span itself, for a courier that wants it so or
 * where it is so large that its encoding waits.
 */
export type Kept = Message | KeptSpan;

/** A span as it ended, or a snapshot of that. */
export interface KeptSpan {
  readonly chunk: undefined;
  readonly index: 0;
  /** How many bytes it is taken to need; an estimate. */
  readonly size: number;
  readonly routed: RoutedSpan;
}

/**
 * Spans that were accepted one after the other: messages side by side in one chunk, of one resource and scope,
 * or one kept span.
 *
 * What a queue consists of. An object for each span would cost more than all else that queueing does.
 */
export type Run = MessageRun | SpanRun;

interface RunOfSpans {
  /** The first span's number in the chunk. */
  readonly from: number;
  /** The number of the one behind the last. */
  readonly to: number;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Sequence number of the first span; the others follow it without a gap. */
  readonly sequence: number;
  /** When the first span was accepted, or one shortly before it, on the monotonic clock. */
  readonly acceptedAtMs: number;
}

/** Spans as bytes. */
export interface MessageRun extends RunOfSpans {
  readonly chunk: Chunk;
  readonly kept: undefined;
}

/** One span as it ended. */
export interface SpanRun extends RunOfSpans {
  readonly chunk: undefined;
  readonly kept: KeptSpan;
}

/** How many spans the runs have together. */
export function countSpans(runs: readonly Run[]): number {
  let count = 0;
  for (const { from, to } of runs) count += to - from;
  return count;
}

/** How many bytes the spans of the runs take together, estimates included. */
export function sumBytes(runs: readonly Run[]): number {
  let bytes = 0;
  for (const run of runs) bytes += sizeOf(run);
  return bytes;
}

/** How many bytes the spans of a run take, from one number up to, and without, another; all of them by default. */
export function sizeOf(run: Run, from = run.from, to = run.to): number {
  const { chunk, kept } = run;
  if (chunk === undefined) return from < to ? kept.size : 0;
  return startOf(chunk, to) - startOf(chunk, from);
}

/** How many spans of the runs have one of these sequence numbers. */
export function countIn(runs: readonly Run[], ranges: Readonly<SequenceRanges>): number {
  let count = 0;
  for (const { sequence, from, to } of runs) {
    count += countBetween(ranges, sequence, sequence + to - from);
  }
  return count;
}

/** The runs in two, with so many spans in the first part. */
export function splitRuns(runs: readonly Run[], spans: number): [Run[], Run[]] {
  let left = spans;
  const index = runs.findIndex(({ from, to }) => {
    if (to - from > left) return true;
    left -= to - from;
    return false;
  });
  const run = runs[index];
  if (run === undefined) return [[...runs], []];
  const [before, after] = [runs.slice(0, index), runs.slice(index + 1)];
  if (left > 0) before.push({ ...run, to: run.from + left });
  return [before, [{ ...run, from: run.from + left, sequence: run.sequence + left }, ...after]];
}
