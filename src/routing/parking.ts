import type { RoutingLedger } from '../accounting/ledger.js';
import type { Cancel, Clock } from '../clock.js';
import { createLargestFirst, type Ranked } from '../exporter/largest-first.js';
import type { Memory } from '../exporter/memory.js';
import type { ReadableSpan } from '../sdk.js';

/** Who parks spans: one decision, as one processor sees it. Nothing is parked at first. */
export class ParkingPlace implements Ranked {
  rank = 0;
  spans = 0;
  bytes = 0;
  first: ParkedSpan | undefined = undefined;
  last: ParkedSpan | undefined = undefined;
}

/**
 * A span that ended while its decision was still open: a link of its place's list, and of the lot's by age. A class for the
 * reason that a decision is one.
 */
export class ParkedSpan {
  readonly span: ReadableSpan;
  readonly bytes: number;
  readonly parkedAt: number;
  readonly place: ParkingPlace;
  before: ParkedSpan | undefined = undefined;
  after: ParkedSpan | undefined = undefined;
  older: ParkedSpan | undefined = undefined;
  younger: ParkedSpan | undefined = undefined;

  constructor(span: ReadableSpan, bytes: number, parkedAt: number, place: ParkingPlace) {
    this.span = span;
    this.bytes = bytes;
    this.parkedAt = parkedAt;
    this.place = place;
  }
}

/** Where the spans of open decisions wait, bounded in spans, bytes and time for one processor. */
export interface ParkingLot {
  /**
   * Parks a span; the place that holds the most gives way where a bound is passed. `false` where that was
   * this place, and `overflow` has emptied it: the span is not parked, and goes where the others went.
   */
  park(place: ParkingPlace, span: ReadableSpan): boolean;
  /** Takes all spans of a place out, in the order in which they ended. */
  release(place: ParkingPlace, take: (span: ReadableSpan) => void): void;
  /** Every place that holds a span. */
  places(): ParkingPlace[];
  /** Stops its timer. */
  close(): void;
}

/** The bounds of a parking lot, and what it is measured with. */
export interface ParkingOptions {
  /** In spans, over all places. */
  readonly maxSpans: number;
  /** Longest a span waits. */
  readonly timeoutMs: number;
  readonly memory: Memory;
  readonly ledger: RoutingLedger;
  readonly clock: Clock;
  readonly estimateBytes: (span: ReadableSpan) => number;
  /**
   * What to do where a bound of spans or time is passed: `true` when the place has been emptied by sending
   * its spans elsewhere, `false` to drop what passes the bound as `park_limit`.
   */
  readonly overflow: (place: ParkingPlace) => boolean;
}

/**
 * Creates the parking lot of one processor.
 *
 * Where a bound is passed the place that holds the most gives way first, its newest span before its older
 * ones, so that one tenant's slow requests do not evict another's.
 */
export function createParkingLot(options: ParkingOptions): ParkingLot {
  const { maxSpans, timeoutMs, memory, ledger, clock, estimateBytes, overflow } = options;
  const occupied = createLargestFirst<ParkingPlace>();
  const account = memory.open({ giveWay });
  let spans = 0;
  let oldest: ParkedSpan | undefined;
  let youngest: ParkedSpan | undefined;
  let cancelTimer: Cancel | undefined;

  function park(place: ParkingPlace, span: ReadableSpan): boolean {
    const bytes = estimateBytes(span);
    while (!account.take(bytes)) {
      // The budget is short and nobody holds more than the parked spans do.
      const largest = occupied.largest();
      if (largest !== undefined && !holdsMore(place, bytes, largest)) {
        if (!overflow(largest)) dropNewest(largest);
      } else if (overflow(place)) {
        return false;
      } else {
        ledger.drop('park_limit');
        return true;
      }
    }
    ledger.park();
    append(new ParkedSpan(span, bytes, clock.now(), place));
    if (spans > maxSpans) {
      const largest = occupied.largest() ?? place;
      if (!overflow(largest)) dropNewest(largest);
    }
    if (cancelTimer === undefined) expireAfter(timeoutMs);
    return true;
  }

  function release(place: ParkingPlace, take: (span: ReadableSpan) => void): void {
    memory.move(() => {
      for (let parked = place.first; parked !== undefined; parked = place.first) {
        remove(parked);
        ledger.unpark();
        take(parked.span);
      }
    });
  }

  // One timer for the whole lot: it wakes for the span that has waited longest.
  function expireAfter(delayMs: number): void {
    cancelTimer = clock.schedule(expire, delayMs);
  }

  function expire(): void {
    cancelTimer = undefined;
    while (oldest !== undefined) {
      const waitMs = oldest.parkedAt + timeoutMs - clock.now();
      if (waitMs > 0) {
        expireAfter(waitMs);
        return;
      }
      const parked = oldest;
      if (!overflow(parked.place)) drop(parked);
    }
  }

  function giveWay(bytes: number): void {
    const target = account.held - bytes;
    while (account.held > target) {
      const largest = occupied.largest();
      if (largest === undefined) return;
      dropNewest(largest);
    }
  }

  /** Whether the place would hold more than the largest, its next span included. */
  function holdsMore(place: ParkingPlace, bytes: number, largest: ParkingPlace): boolean {
    return place === largest || weigh(place.spans + 1, place.bytes + bytes) > weightOf(largest);
  }

  function weightOf(place: ParkingPlace): number {
    return weigh(place.spans, place.bytes);
  }

  // The larger of the two shares: neither many small spans nor a few large ones hide a holder.
  function weigh(count: number, bytes: number): number {
    return Math.max(count / maxSpans, bytes / memory.maxBytes);
  }

  function dropNewest(place: ParkingPlace): void {
    if (place.last !== undefined) drop(place.last);
  }

  function drop(parked: ParkedSpan): void {
    remove(parked);
    ledger.unpark();
    ledger.drop('park_limit');
  }

  function append(parked: ParkedSpan): void {
    const { place } = parked;
    parked.before = place.last;
    if (place.last === undefined) place.first = parked;
    else place.last.after = parked;
    place.last = parked;
    parked.older = youngest;
    if (youngest === undefined) oldest = parked;
    else youngest.younger = parked;
    youngest = parked;
    place.spans += 1;
    place.bytes += parked.bytes;
    spans += 1;
    occupied.set(place, weightOf(place));
  }

  function remove(parked: ParkedSpan): void {
    const { place, before, after, older, younger } = parked;
    if (before === undefined) place.first = after;
    else before.after = after;
    if (after === undefined) place.last = before;
    else after.before = before;
    if (older === undefined) oldest = younger;
    else older.younger = younger;
    if (younger === undefined) youngest = older;
    else younger.older = older;
    // Else one that has been tenured would keep all that come after it, although none of them is parked any more.
    parked.before = undefined;
    parked.after = undefined;
    parked.older = undefined;
    parked.younger = undefined;
    place.spans -= 1;
    place.bytes -= parked.bytes;
    spans -= 1;
    account.give(parked.bytes);
    if (place.spans === 0) occupied.remove(place);
    else occupied.set(place, weightOf(place));
  }

  function places(): ParkingPlace[] {
    const found = new Set<ParkingPlace>();
    for (let parked = oldest; parked !== undefined; parked = parked.younger)
      found.add(parked.place);
    return [...found];
  }

  return { park, release, places, close: () => cancelTimer?.() };
}
