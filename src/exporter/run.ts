import type { Chunk } from '../encoding/chunks.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import type { InstrumentationScope, Resource } from '../sdk.js';

/**
 * What is kept of a span that was accepted: where its bytes are, or the span itself, for a courier that wants
 * it so or where it is so large that its encoding waits.
 */
export type Kept = KeptBytes | KeptSpan;

/** A span as bytes. */
export interface KeptBytes {
  readonly chunk: Chunk;
  readonly start: number;
  readonly end: number;
}

/** A span as it ended, or a snapshot of that. */
export interface KeptSpan {
  readonly chunk: undefined;
  readonly start: 0;
  /** How many bytes it is taken to need; an estimate. */
  readonly end: number;
  readonly routed: RoutedSpan;
}

/**
 * Spans that were accepted one after the other: bytes side by side in one chunk, of one resource, or one kept
 * span.
 *
 * What a queue consists of. An object for each span would cost more than all else that queueing does.
 */
export type Run = BytesRun | SpanRun;

interface RunOfSpans {
  readonly resource: Resource;
  readonly scopes: readonly InstrumentationScope[];
  readonly start: number;
  /** Where each span ends. */
  readonly ends: readonly number[];
  /** Sequence number of the first span; the others follow it without a gap. */
  readonly sequence: number;
  /** When the first span was accepted, on the monotonic clock. */
  readonly acceptedAtMs: number;
}

/** Spans as bytes. */
export interface BytesRun extends RunOfSpans {
  readonly chunk: Chunk;
  readonly routed: undefined;
}

/** One span as it ended. */
export interface SpanRun extends RunOfSpans {
  readonly chunk: undefined;
  readonly routed: RoutedSpan;
}

/** How many spans the runs have together. */
export function countSpans(runs: readonly Run[]): number {
  let count = 0;
  for (const { ends } of runs) count += ends.length;
  return count;
}

/** How many bytes the spans of the runs take together, estimates included. */
export function sumBytes(runs: readonly Run[]): number {
  let bytes = 0;
  for (const run of runs) bytes += endOf(run) - run.start;
  return bytes;
}

/** Where the last span of a run ends. */
export function endOf({ start, ends }: Run): number {
  return ends.at(-1) ?? start;
}

/** How many bytes one span of a run takes. */
export function sizeOfSpan(run: Run, index: number): number {
  return (run.ends[index] ?? 0) - startOfSpan(run, index);
}

function startOfSpan({ start, ends }: Run, index: number): number {
  return ends[index - 1] ?? start;
}

/** A part of a run, as a run. */
function sliceRun(run: Run, from: number, to = run.ends.length): Run {
  return {
    ...run,
    start: startOfSpan(run, from),
    ends: run.ends.slice(from, to),
    scopes: run.scopes.slice(from, to),
    sequence: run.sequence + from,
  };
}

/** The runs in two, with so many spans in the first part. */
export function splitRuns(runs: readonly Run[], spans: number): [Run[], Run[]] {
  let left = spans;
  const index = runs.findIndex(({ ends }) => {
    if (ends.length > left) return true;
    left -= ends.length;
    return false;
  });
  const run = runs[index];
  if (run === undefined) return [[...runs], []];
  const before = runs.slice(0, index);
  if (left > 0) before.push(sliceRun(run, 0, left));
  return [before, [sliceRun(run, left), ...runs.slice(index + 1)]];
}
