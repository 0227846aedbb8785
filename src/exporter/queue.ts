import type { Clock } from '../clock.js';
import type { ReadableSpan } from '../sdk.js';
import {
  countIn,
  type Kept,
  type MessageRun,
  type Run,
  sizeOf,
  splitRuns,
  sumBytes,
} from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';

/** Spans that are in no batch yet, first in, first out. Its bounds are kept by who fills it. */
export interface Queue {
  /** In spans. */
  readonly size: number;
  /** Of the spans together, estimates included. */
  readonly bytes: number;
  /** The run that holds the oldest span. */
  readonly oldest: Run | undefined;
  /** How many spans with one of these sequence numbers it has. */
  countIn(ranges: Readonly<SequenceRanges>): number;
  /** @param sequence - Greater than that of any span before. */
  push(kept: Kept, span: ReadableSpan, sequence: number): void;
  /** Takes the oldest spans out, as many as both limits allow, but one at least. */
  takeOldest(maxSpans: number, maxBytes: number): Run[];
  /** Takes the newest spans out until they hold `bytes` together, or none is left. */
  takeNewest(bytes: number, overheadBytes: number): Run[];
}

/** A run that more spans may be added to. */
type OpenRun = MessageRun & { to: number };

/** Creates an empty queue. */
export function createQueue(clock: Pick<Clock, 'now'>): Queue {
  let runs: Run[] = [];
  /** The last run, unless it may not be added to. */
  let open: OpenRun | undefined;
  let size = 0;
  let bytes = 0;

  function push(kept: Kept, span: ReadableSpan, sequence: number): void {
    const { resource, instrumentationScope: scope } = span;
    size += 1;
    bytes += kept.size;
    const { chunk, index } = kept;
    const isSameChunk = open !== undefined && open.chunk === chunk;
    if (
      open !== undefined &&
      isSameChunk &&
      open.to === index &&
      open.scope === scope &&
      open.resource === resource &&
      open.sequence + index - open.from === sequence
    ) {
      open.to += 1;
      return;
    }
    // To ask the clock costs more than all else here. So a batch leaves a little early, by what a chunk took to fill.
    const acceptedAtMs = open !== undefined && isSameChunk ? open.acceptedAtMs : clock.now();
    const run = { from: index, to: index + 1, resource, scope, sequence, acceptedAtMs };
    if (kept.chunk === undefined) {
      open = undefined;
      runs.push({ ...run, chunk: undefined, kept });
    } else {
      open = { ...run, chunk: kept.chunk, kept: undefined };
      runs.push(open);
    }
  }

  function take(taken: Run[], rest: Run[]): Run[] {
    runs = rest;
    open = undefined;
    for (const { from, to } of taken) size -= to - from;
    bytes -= sumBytes(taken);
    return taken;
  }

  return {
    get size() {
      return size;
    },
    get bytes() {
      return bytes;
    },
    get oldest() {
      return runs[0];
    },
    countIn: (ranges) => countIn(runs, ranges),
    push,
    takeOldest(maxSpans, maxBytes) {
      let spans = 0;
      let left = maxBytes;
      for (const run of runs) {
        const fitting = countFitting(run, maxSpans - spans, left);
        spans += fitting;
        if (fitting < run.to - run.from) break;
        left -= sizeOf(run);
      }
      return take(...splitRuns(runs, Math.max(1, spans)));
    },
    takeNewest(wanted, overheadBytes) {
      let spans = size;
      let total = 0;
      for (let index = runs.length - 1; index >= 0 && total < wanted; index -= 1) {
        const run = runs[index];
        for (let last = run?.to ?? 0; run && last > run.from && total < wanted; last -= 1) {
          total += sizeOf(run, last - 1, last) + overheadBytes;
          spans -= 1;
        }
      }
      const [rest, taken] = splitRuns(runs, spans);
      return take(taken, rest);
    },
  };
}

/** How many spans of a run, from its first, both limits allow. */
function countFitting(run: Run, maxSpans: number, maxBytes: number): number {
  const { from, to } = run;
  const last = Math.min(to, from + maxSpans);
  if (sizeOf(run, from, last) <= maxBytes) return last - from;
  let fitting = 0;
  while (sizeOf(run, from, from + fitting + 1) <= maxBytes) fitting += 1;
  return fitting;
}
