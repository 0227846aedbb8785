import type { Clock } from '../clock.js';
import type { ReadableSpan } from '../sdk.js';
import {
  countIn,
  countSpans,
  type Kept,
  type MessageRun,
  type Run,
  sizeOf,
  splitRuns,
  sumBytes,
} from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';

/** What a span is sent under. */
export type SpanOrigin = Pick<ReadableSpan, 'resource' | 'instrumentationScope'>;

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
  push(kept: Kept, origin: SpanOrigin, sequence: number): void;
  /** Takes the oldest spans out, as many as both limits allow, but one at least. */
  takeOldest(maxSpans: number, maxBytes: number): Run[];
  /** Takes the newest spans out until they hold `bytes` together, or none is left. */
  takeNewest(bytes: number, overheadBytes: number): Run[];
}

/** A run that more spans may be added to. */
type OpenRun = MessageRun & { to: number };

/** Creates an empty queue. */
export function createQueue(clock: Pick<Clock, 'now'>): Queue {
  return new RunQueue(clock);
}

/**
 * A class, so that all queues have one shape: accessors on objects of their own would make each queue's shape another,
 * and what the compiler makes of `accept`, which meets many, twice as slow.
 */
class RunQueue implements Queue {
  readonly #clock: Pick<Clock, 'now'>;
  #runs: Run[] = [];
  /** The last run, unless it may not be added to. */
  #open: OpenRun | undefined;
  #size = 0;
  #bytes = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): Run | undefined {
    return this.#runs[0];
  }

  countIn(ranges: Readonly<SequenceRanges>): number {
    // From the newest back to where they begin: a long queue has mostly others' spans.
    const [first = 0] = ranges;
    const from = this.#runs.findLastIndex(({ sequence }) => sequence <= first);
    return countIn(this.#runs.slice(Math.max(from, 0)), ranges);
  }

  push(kept: Kept, origin: SpanOrigin, sequence: number): void {
    const { resource, instrumentationScope: scope } = origin;
    const { chunk, index, size } = kept;
    const open = this.#open;
    this.#size += 1;
    this.#bytes += size;
    const isSameChunk = open !== undefined && open.chunk === chunk;
    if (
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
    const acceptedAtMs = isSameChunk ? open.acceptedAtMs : this.#clock.now();
    // One literal each: to spread a common one takes fifty times as long, and a service's scopes take turns.
    if (kept.chunk === undefined) {
      const run = {
        chunk: undefined,
        kept,
        from: index,
        to: index + 1,
        resource,
        scope,
        sequence,
        acceptedAtMs,
      };
      this.#open = undefined;
      this.#runs.push(run);
    } else {
      const run = {
        chunk: kept.chunk,
        kept: undefined,
        from: index,
        to: index + 1,
        resource,
        scope,
        sequence,
        acceptedAtMs,
      };
      this.#open = run;
      this.#runs.push(run);
    }
  }

  takeOldest(maxSpans: number, maxBytes: number): Run[] {
    let spans = 0;
    let left = maxBytes;
    for (const run of this.#runs) {
      const fitting = countFitting(run, maxSpans - spans, left);
      spans += fitting;
      if (fitting < run.to - run.from) break;
      left -= sizeOf(run);
    }
    return this.#take(...splitRuns(this.#runs, Math.max(1, spans)));
  }

  takeNewest(wanted: number, overheadBytes: number): Run[] {
    const taken: Run[] = [];
    let total = 0;
    // From the end, and in place: this is what makes room for another backend's span.
    for (let run = this.#runs.at(-1); run && total < wanted; run = this.#runs.at(-1)) {
      let { to } = run;
      for (; to > run.from && total < wanted; to -= 1) {
        total += sizeOf(run, to - 1, to) + overheadBytes;
      }
      this.#runs.pop();
      const [rest, newest] = splitRuns([run], to - run.from);
      this.#runs.push(...rest);
      taken.unshift(...newest);
    }
    return this.#take(taken, this.#runs);
  }

  #take(taken: Run[], rest: Run[]): Run[] {
    this.#runs = rest;
    this.#open = undefined;
    this.#size -= countSpans(taken);
    this.#bytes -= sumBytes(taken);
    return taken;
  }
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
