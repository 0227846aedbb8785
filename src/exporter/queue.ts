import type { Clock } from '../clock.js';
import type { ReadableSpan } from '../sdk.js';
import { endOf, type Kept, type Run, sizeOfSpan, splitRuns, sumBytes } from './run.js';

/** Spans that are in no batch yet, first in, first out. Its bounds are kept by who fills it. */
export interface Queue {
  /** In spans. */
  readonly size: number;
  /** Of the spans together, estimates included. */
  readonly bytes: number;
  /** The run that holds the oldest span. */
  readonly oldest: Run | undefined;
  /** @param sequence - Greater than that of any span before. */
  push(kept: Kept, span: ReadableSpan, sequence: number): void;
  /** Takes the oldest spans out, as many as both limits allow, but one at least. */
  takeOldest(maxSpans: number, maxBytes: number): Run[];
  /** Takes the newest spans out until they hold `bytes` together, or none is left. */
  takeNewest(bytes: number, overheadBytes: number): Run[];
}

/** A run that more spans may be added to. */
type OpenRun = Run & { readonly ends: number[]; readonly scopes: Run['scopes'][number][] };

/** Creates an empty queue. */
export function createQueue(clock: Pick<Clock, 'now'>): Queue {
  let runs: Run[] = [];
  /** The last run, unless it may not be added to. */
  let open: OpenRun | undefined;
  let size = 0;
  let bytes = 0;

  function push(kept: Kept, span: ReadableSpan, sequence: number): void {
    const { chunk, start, end } = kept;
    const { resource, instrumentationScope } = span;
    size += 1;
    bytes += end - start;
    if (
      open !== undefined &&
      open.chunk === chunk &&
      open.ends[open.ends.length - 1] === start &&
      open.resource === resource &&
      open.sequence + open.ends.length === sequence
    ) {
      open.ends.push(end);
      open.scopes.push(instrumentationScope);
      return;
    }
    const run = {
      resource,
      scopes: [instrumentationScope],
      start,
      ends: [end],
      sequence,
      acceptedAtMs: clock.now(),
    };
    if (kept.chunk === undefined) {
      open = undefined;
      runs.push({ ...run, chunk: undefined, routed: kept.routed });
    } else {
      open = { ...run, chunk: kept.chunk, routed: undefined };
      runs.push(open);
    }
  }

  function take(taken: Run[], rest: Run[]): Run[] {
    runs = rest;
    open = undefined;
    for (const { ends } of taken) size -= ends.length;
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
    push,
    takeOldest(maxSpans, maxBytes) {
      let spans = 0;
      let left = maxBytes;
      for (const run of runs) {
        const fitting = countFitting(run, maxSpans - spans, left);
        spans += fitting;
        if (fitting < run.ends.length) break;
        left -= endOf(run) - run.start;
      }
      return take(...splitRuns(runs, Math.max(1, spans)));
    },
    takeNewest(wanted, overheadBytes) {
      let spans = size;
      let total = 0;
      for (let index = runs.length - 1; index >= 0 && total < wanted; index -= 1) {
        const run = runs[index];
        for (let last = run?.ends.length ?? 0; run && last > 0 && total < wanted; last -= 1) {
          total += sizeOfSpan(run, last - 1) + overheadBytes;
          spans -= 1;
        }
      }
      const [rest, taken] = splitRuns(runs, spans);
      return take(taken, rest);
    },
  };
}

/** How many spans of a run, from its first, both limits allow. */
function countFitting({ start, ends }: Run, maxSpans: number, maxBytes: number): number {
  let count = 0;
  while (count < ends.length && count < maxSpans && (ends[count] ?? 0) - start <= maxBytes) {
    count += 1;
  }
  return count;
}
