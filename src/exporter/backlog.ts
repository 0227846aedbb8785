import type { BackendLedger, Place } from '../accounting/ledger.js';
import type { BackendDropReason } from '../accounting/reasons.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import type { ReadableSpan } from '../sdk.js';
import type { Success } from '../transport/result.js';
import { countRejected } from './answers.js';
import { type Batch, createBatch, halve, renew } from './batch.js';
import type { Packed, Parcel } from './courier.js';
import type { HeldRange } from './key-trail.js';
import { createLanes, type Lane, type Lanes } from './lanes.js';
import type { Account, Memory } from './memory.js';
import type { SpanOrigin } from './queue.js';
import { countIn, countSpans, type Kept, type Run, sumBytes } from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';

/**
 * What one exporter holds, queued and in batches.
 *
 * Every step of a span's way through an exporter is a method here, which does the three things that
 * belong together: it moves the span, tells the ledger, and changes what is held of the memory.
 */
export interface Backlog<P extends Parcel> {
  readonly lanes: Lanes;
  /** Batches that are not settled, oldest first. */
  readonly batches: readonly Batch<P>[];
  /** Batches that wait for other credentials, the longest held first; they are not among `batches`. */
  readonly held: ReadonlySet<Batch<P>>;
  readonly account: Omit<Account, 'held' | 'force'>;
  /** What the last body took beside its spans: a batch has to leave room for as much. */
  readonly envelopeBytes: number;
  /** Sequence number of the next span. */
  readonly nextSequence: number;
  /** Where what is held has its sequence numbers. */
  heldRanges(): HeldRange[];
  /** How many spans with one of these sequence numbers are not settled. */
  countHeld(ranges: Readonly<SequenceRanges>): number;
  /** Whether the queue has no room for a further span, however small. */
  readonly isFull: boolean;
  /** Whether half of what it may hold is held: what can leave for a place on disk should. */
  readonly isPressed: boolean;
  /** Queues a span, or drops it where a bound is reached; `false` for the latter. */
  admit(lane: Lane, kept: Kept, span: ReadableSpan): boolean;
  /** Counts a span, and drops it at once. The log says the reason's `detail`. */
  refuse(lane: Lane, reason: BackendDropReason, detail?: string): void;
  /** Makes a batch of the oldest queued spans of a lane. */
  form(lane: Lane, maxSpans: number, maxBytes: number): Batch<P>;
  /** Whether it holds nothing of a lane. */
  isEmpty(lane: Lane): boolean;
  /** The batch's turn has come: what it holds is beyond the reach of others. */
  open(batch: Batch<P>): void;
  /** The batch has been packed. */
  pack(batch: Batch<P>, packed: Packed<P>): void;
  /** The batch has been compressed. */
  repack(batch: Batch<P>, parcel: P): void;
  /** The batch goes onto the wire. */
  send(batch: Batch<P>, parcel: P): AbortSignal;
  /** The attempt failed, and the batch waits for its next one. */
  requeue(batch: Batch<P>, notBeforeMs: number): void;
  /**
   * The attempt was refused for its credentials, and the batch waits for others. However many do, the bounds of the
   * queue hold for all of them together: the longest held are given up.
   */
  hold(batch: Batch<P>): void;
  /** Puts two smaller batches in the place of one that failed, or was found, to be too large. */
  split(batch: Batch<P>): void;
  /** The batch, whose turn had come, waits again as if it had not. */
  putBack(batch: Batch<P>): void;
  /** Ends what is under way with the batch; a new one, which waits, is in its place. */
  recall(batch: Batch<P>): void;
  /** The batch is on disk. Returns where the ledger has its spans now. */
  spool(batch: Batch<P>): 'spooled' | 'spooledAttempted';
  /** The batch is another backend's exporter's now, which settles it. */
  moveOut(batch: Batch<P>): void;
  /** Queues a span of another backend's exporter that is known to fit; `false` where memory was too short after all. */
  moveIn(lane: Lane, kept: Kept, origin: SpanOrigin): boolean;
  /** Counts and drops a span of another backend's exporter. */
  loseIn(lane: Lane, reason: BackendDropReason): void;
  /** Whether there is room for so many spans more. */
  hasRoom(spans: number, bytes: number): boolean;
  /** The backend has taken the batch, but for what it rejected. */
  deliver(batch: Batch<P>, result: Success): void;
  /** Drops a batch, wherever it stands. The log says the reason's `detail`, or else the last failure. */
  drop(batch: Batch<P>, reason: BackendDropReason, detail?: string): void;
  /** Drops all that is held. */
  abandon(reason: BackendDropReason): void;
}

/** What a backlog is bounded by, and whom it tells. */
export interface BacklogOptions<P extends Parcel> {
  /** What a span takes of the memory beside its estimated bytes. */
  readonly spanOverheadBytes: number;
  readonly limits: Pick<
    Backend,
    'maxQueueSize' | 'maxQueueBytes' | 'retryMaxElapsedMs' | 'parentHeader'
  >;
  readonly role: 'primary' | 'shadow';
  readonly memory: Memory;
  readonly ledger: BackendLedger;
  readonly clock: Clock;
  /** Memory is short: what is queued should be sent now. */
  readonly hurry: () => void;
  /** Saves a batch, or drops it for the reason: it may be held no longer. */
  readonly giveUp: (batch: Batch<P>, reason: BackendDropReason) => void;
  /** These spans have been settled. */
  readonly onSettled: (runs: readonly Run[]) => void;
  /** Spans have been settled whose bytes nobody reads any more, nor can somebody still. */
  readonly release: (runs: readonly Run[], parent: string | undefined) => void;
  /** Spans of so many bytes have left the queue, for a batch or dropped. */
  readonly onLeave?: ((bytes: number) => void) | undefined;
}

/** Creates the backlog of one exporter, with nothing in it. */
export function createBacklog<P extends Parcel>(options: BacklogOptions<P>): Backlog<P> {
  return new ExporterBacklog<P>(options);
}

/** A class for the reason that the queue is one. */
class ExporterBacklog<P extends Parcel> implements Backlog<P> {
  readonly lanes: Lanes;
  readonly batches: Batch<P>[] = [];
  readonly held = new Set<Batch<P>>();
  readonly account: Account;
  envelopeBytes = 0;
  readonly #options: BacklogOptions<P>;
  readonly #ledger: BackendLedger;
  readonly #maxUnsent: number;
  readonly #maxUnsentBytes: number;
  readonly #spanOverheadBytes: number;
  // Spans that have not been attempted, in the queue or in a batch: what the queue's bounds bound.
  #unsent = 0;
  #unsentBytes = 0;
  #nextSequence = 0;
  #heldSpans = 0;
  #heldBytes = 0;

  constructor(options: BacklogOptions<P>) {
    const { limits, role, ledger, memory, clock, hurry } = options;
    this.lanes = createLanes({
      clock,
      hasParents: limits.parentHeader !== undefined,
      tallyOf: (routeKey) => ledger.tally(routeKey),
    });
    this.account = memory.open({
      givesWayFirst: role === 'shadow',
      giveWay: (bytes) => this.#giveWay(bytes),
      hurry,
    });
    this.#options = options;
    this.#ledger = ledger;
    this.#maxUnsent = limits.maxQueueSize ?? Number.POSITIVE_INFINITY;
    this.#maxUnsentBytes = limits.maxQueueBytes ?? Number.POSITIVE_INFINITY;
    this.#spanOverheadBytes = options.spanOverheadBytes;
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  get isFull(): boolean {
    return this.#unsent >= this.#maxUnsent || this.#unsentBytes >= this.#maxUnsentBytes;
  }

  get isPressed(): boolean {
    const { held, pinLimit } = this.account;
    return (
      this.#unsent >= this.#maxUnsent / 2 ||
      this.#unsentBytes >= this.#maxUnsentBytes / 2 ||
      // Without limit while memory is plenty; then the share of an exporter, were there one more.
      held >= pinLimit / 2
    );
  }

  heldRanges(): HeldRange[] {
    const ranges: HeldRange[] = [];
    for (const { runs } of [...this.batches, ...this.held]) {
      const [first, last] = [runs[0], runs.at(-1)];
      if (first === undefined || last === undefined) continue;
      ranges.push([first.sequence, last.sequence + last.to - last.from]);
    }
    const { oldest } = this.lanes;
    if (oldest !== undefined) ranges.push([oldest.sequence, this.#nextSequence]);
    return ranges;
  }

  countHeld(ranges: Readonly<SequenceRanges>): number {
    const inBatches = [...this.batches, ...this.held].map(({ runs }) => countIn(runs, ranges));
    return inBatches.reduce((sum, count) => sum + count, this.lanes.countIn(ranges));
  }

  admit(lane: Lane, kept: Kept, span: ReadableSpan): boolean {
    const { size } = kept;
    if (this.isFull || this.#unsentBytes + size > this.#maxUnsentBytes) {
      return this.refuse(lane, 'queue_full');
    }
    const needed = size + this.#spanOverheadBytes;
    // What was refused already is worth less than what may still be taken.
    if (!this.account.take(needed) && !(this.#giveHeld(needed) && this.account.take(needed))) {
      return this.refuse(lane, 'buffer_full');
    }
    this.#accept(lane);
    this.#push(lane, kept, span);
    return true;
  }

  hasRoom(spans: number, bytes: number): boolean {
    return (
      this.#unsent + spans <= this.#maxUnsent && this.#unsentBytes + bytes <= this.#maxUnsentBytes
    );
  }

  moveIn(lane: Lane, kept: Kept, origin: SpanOrigin): boolean {
    if (!this.account.take(kept.size + this.#spanOverheadBytes)) {
      this.loseIn(lane, 'buffer_full');
      return false;
    }
    this.#ledger.moveIn(1);
    if (lane.tally !== undefined) lane.tally.movedIn += 1;
    this.#push(lane, kept, origin);
    return true;
  }

  loseIn(lane: Lane, reason: BackendDropReason): void {
    this.#ledger.moveIn(1);
    if (lane.tally !== undefined) lane.tally.movedIn += 1;
    this.#count(lane, reason, 1, 'queued');
  }

  moveOut(batch: Batch<P>): void {
    const { lane, spans, isUnanswered } = batch;
    const from = placeOf(batch);
    if (from === 'queued') this.#leaveUnsent(batch);
    this.#ledger.moveOut(spans, from, isUnanswered);
    if (lane.tally !== undefined) lane.tally.movedOut += spans;
    this.#endOperation(batch, 'moved', batch.failure?.httpStatus);
    this.#takeOut(batch);
  }

  #push(lane: Lane, kept: Kept, origin: SpanOrigin): void {
    lane.queue.push(kept, origin, this.#nextSequence);
    this.#nextSequence += 1;
    this.#unsent += 1;
    this.#unsentBytes += kept.size;
  }

  refuse(lane: Lane, reason: BackendDropReason, detail?: string): false {
    this.#accept(lane);
    this.#count(lane, reason, 1, 'queued', detail);
    return false;
  }

  form(lane: Lane, maxSpans: number, maxBytes: number): Batch<P> {
    const batch = createBatch<P>(lane, lane.queue.takeOldest(maxSpans, maxBytes));
    this.batches.push(batch);
    this.#options.onLeave?.(batch.bytes);
    return batch;
  }

  isEmpty(lane: Lane): boolean {
    if (lane.queue.size > 0 || this.batches.some((batch) => batch.lane === lane)) return false;
    for (const batch of this.held) if (batch.lane === lane) return false;
    return true;
  }

  open(batch: Batch<P>): void {
    if (this.#unhold(batch)) {
      this.batches.push(batch);
      // With other credentials it is another request: it is retried as long as any.
      batch.retryUntilMs = Number.POSITIVE_INFINITY;
    }
    batch.state = 'packing';
    this.account.pin(this.#sizeOf(batch));
  }

  pack(batch: Batch<P>, { parcel, runs }: Packed<P>): void {
    this.#change(batch, () => {
      batch.parcel = parcel;
      if (runs === batch.runs) return;
      const bytes = sumBytes(runs);
      // Of spans that were not bytes before, the size was an estimate.
      if (batch.retryUntilMs === undefined) this.#unsentBytes += bytes - batch.bytes;
      batch.runs = runs;
      batch.bytes = bytes;
    });
    this.envelopeBytes = Math.max(0, parcel.bytes - batch.bytes);
  }

  repack(batch: Batch<P>, parcel: P): void {
    this.#change(batch, () => {
      batch.parcel = parcel;
    });
  }

  send(batch: Batch<P>, parcel: P): AbortSignal {
    const { clock, limits } = this.#options;
    const from = batch.retryUntilMs === undefined ? 'queued' : 'waiting';
    if (from === 'queued') this.#leaveUnsent(batch);
    const aborter = new AbortController();
    batch.state = 'inFlight';
    batch.sends += 1;
    batch.aborter = aborter;
    batch.firstSentAtMs ??= clock.now();
    batch.retryUntilMs ??= batch.firstSentAtMs + limits.retryMaxElapsedMs;
    if (batch.retryUntilMs === Number.POSITIVE_INFINITY) {
      batch.retryUntilMs = clock.now() + limits.retryMaxElapsedMs;
    }
    this.#ledger.start(batch.spans, from);
    if (parcel.bytes > 0) this.#ledger.sendBytes(parcel.bytes);
    return aborter.signal;
  }

  requeue(batch: Batch<P>, notBeforeMs: number): void {
    this.#ledger.requeue(batch.spans);
    batch.notBeforeMs = notBeforeMs;
    this.putBack(batch);
  }

  hold(batch: Batch<P>): void {
    const { batches, held } = this;
    this.requeue(batch, Number.NEGATIVE_INFINITY);
    batches.splice(batches.indexOf(batch), 1);
    held.add(batch);
    this.#heldSpans += batch.spans;
    this.#heldBytes += batch.bytes;
    for (const oldest of held) {
      const isOver = this.#heldSpans > this.#maxUnsent || this.#heldBytes > this.#maxUnsentBytes;
      if (!isOver) return;
      this.#options.giveUp(oldest, 'queue_full');
    }
  }

  split(batch: Batch<P>): void {
    const { account, batches } = this;
    if (batch.state === 'inFlight') this.#ledger.requeue(batch.spans);
    this.#endOperation(batch, batch.failure?.errorType, batch.failure?.httpStatus);
    account.unpin(this.#sizeOf(batch));
    account.give(this.#sizeOf(batch) - this.#heldBy(batch));
    batch.state = 'settled';
    batches.splice(batches.indexOf(batch), 1, ...halve(batch));
  }

  putBack(batch: Batch<P>): void {
    batch.state = 'waiting';
    this.account.unpin(this.#sizeOf(batch));
  }

  recall(batch: Batch<P>): void {
    const { account, batches } = this;
    // First: what it has been through shows in its state.
    const renewed = renew(batch);
    if (batch.state === 'inFlight') this.#ledger.requeue(batch.spans);
    this.#endOperation(batch, batch.failure?.errorType ?? 'aborted', batch.failure?.httpStatus);
    account.unpin(this.#sizeOf(batch));
    batch.state = 'settled';
    batches.splice(batches.indexOf(batch), 1, renewed);
    // Last: the batch is settled, so the answer that the abort brings about counts for nothing.
    batch.aborter?.abort();
  }

  spool(batch: Batch<P>): 'spooled' | 'spooledAttempted' {
    const { failure } = batch;
    const from = placeOf(batch);
    if (from === 'queued') this.#leaveUnsent(batch);
    this.#ledger.spool(batch.spans, from);
    this.#endOperation(batch, failure?.errorType, failure?.httpStatus);
    this.#remove(batch);
    if (batch.sends === 0) this.#options.release(batch.runs, batch.lane.parent);
    return from === 'queued' ? 'spooled' : 'spooledAttempted';
  }

  deliver(batch: Batch<P>, result: Success): void {
    const { lane, spans } = batch;
    const { message, httpStatus } = result;
    const rejected = countRejected(spans, result);
    this.#ledger.deliver(spans - rejected);
    if (lane.tally !== undefined) lane.tally.delivered += spans - rejected;
    if (rejected > 0) this.#count(lane, 'rejected', rejected, 'inFlight', message, 'rejected');
    this.#endOperation(batch, rejected > 0 ? 'rejected' : undefined, httpStatus);
    this.#remove(batch);
    // What went out before, and was not acknowledged, may still be on its way to a socket.
    if (batch.sends === 1) this.#options.release(batch.runs, batch.lane.parent);
  }

  drop(batch: Batch<P>, reason: BackendDropReason, detail?: string): void {
    const { failure } = batch;
    const from = placeOf(batch);
    if (from === 'queued') this.#leaveUnsent(batch);
    const why = detail ?? failure?.message;
    this.#count(batch.lane, reason, batch.spans, from, why, failure?.errorType);
    this.#endOperation(batch, failure?.errorType ?? reason, failure?.httpStatus);
    const isUntouched = batch.sends === 0 && batch.state === 'waiting';
    this.#remove(batch);
    if (isUntouched) this.#options.release(batch.runs, batch.lane.parent);
  }

  abandon(reason: BackendDropReason): void {
    for (const lane of this.lanes.all()) {
      const { queue } = lane;
      this.#dropQueued(lane, queue.takeOldest(queue.size, Number.POSITIVE_INFINITY), reason);
    }
    for (const batch of [...this.batches, ...this.held]) {
      const aborter = batch.state === 'inFlight' ? batch.aborter : undefined;
      this.drop(batch, reason);
      // Last: the batch is settled, so the answer that the abort brings about counts for nothing.
      aborter?.abort();
    }
  }

  #accept({ tally }: Lane): void {
    this.#ledger.accept();
    if (tally !== undefined) tally.accepted += 1;
  }

  /** Counts spans that are lost. */
  #count(
    { tally }: Lane,
    reason: BackendDropReason,
    spans: number,
    from: Place,
    detail?: string,
    errorType?: string,
  ): void {
    this.#ledger.drop(reason, spans, from, detail, errorType);
    if (tally !== undefined) tally.dropped += spans;
  }

  #endOperation(batch: Batch<P>, errorType?: string, httpStatus?: number): void {
    if (batch.firstSentAtMs === undefined) return;
    const durationMs = this.#options.clock.now() - batch.firstSentAtMs;
    this.#ledger.endOperation(durationMs, errorType, httpStatus);
  }

  /** Takes a batch out whose spans the ledger knows to be settled. */
  #remove(batch: Batch<P>): void {
    this.#takeOut(batch);
    this.#options.onSettled(batch.runs);
  }

  #takeOut(batch: Batch<P>): void {
    const { account, batches } = this;
    if (batch.state !== 'waiting') account.unpin(this.#sizeOf(batch));
    account.give(this.#sizeOf(batch));
    if (!this.#unhold(batch)) batches.splice(batches.indexOf(batch), 1);
    batch.state = 'settled';
  }

  /** Returns whether the batch was held. */
  #unhold(batch: Batch<P>): boolean {
    if (!this.held.delete(batch)) return false;
    this.#heldSpans -= batch.spans;
    this.#heldBytes -= batch.bytes;
    return true;
  }

  /** Drops batches that are held, the longest held first, until they have given so many bytes. */
  #giveHeld(bytes: number): boolean {
    const heldAfter = this.account.held - bytes;
    for (const batch of this.held) {
      if (this.account.held <= heldAfter) return true;
      this.drop(batch, 'buffer_full');
    }
    return this.account.held <= heldAfter;
  }

  #dropQueued(lane: Lane, runs: readonly Run[], reason: BackendDropReason): void {
    if (runs.length === 0) return;
    const dropped = { spans: countSpans(runs), bytes: sumBytes(runs) };
    this.#leaveUnsent(dropped);
    this.#options.onLeave?.(dropped.bytes);
    this.account.give(this.#heldBy(dropped));
    this.#count(lane, reason, dropped.spans, 'queued');
    this.#options.release(runs, lane.parent);
    this.#options.onSettled(runs);
  }

  /**
   * What a batch counts for in the budget: its spans, which a smaller request may still need, or its body,
   * whichever is more. Not both: with a full budget nothing could be sent but at the price of other spans.
   */
  #sizeOf(batch: Batch<P>): number {
    return Math.max(this.#heldBy(batch), batch.parcel?.bytes ?? 0);
  }

  #heldBy({ spans, bytes }: Spans): number {
    return bytes + spans * this.#spanOverheadBytes;
  }

  #leaveUnsent({ spans, bytes }: Spans): void {
    this.#unsent -= spans;
    this.#unsentBytes -= bytes;
  }

  /** Changes what a packing batch holds, and what it counts for. */
  #change(batch: Batch<P>, by: () => void): void {
    const before = this.#sizeOf(batch);
    by();
    const more = this.#sizeOf(batch) - before;
    if (more > 0) {
      this.account.pin(more);
      this.account.force(more);
    } else {
      this.account.unpin(-more);
      this.account.give(-more);
    }
  }

  /** Drops what is held for other credentials, then the newest first: queued spans, and then batches that wait. */
  #giveWay(bytes: number): void {
    const heldAfter = this.account.held - bytes;
    if (this.#giveHeld(bytes)) return;
    for (;;) {
      const lane = this.lanes.largestLane();
      const rest = this.account.held - heldAfter;
      if (rest <= 0 || lane.queue.size === 0) break;
      this.#dropQueued(lane, lane.queue.takeNewest(rest, this.#spanOverheadBytes), 'buffer_full');
    }
    for (
      let batch = this.#newestWaiting();
      batch !== undefined && this.account.held > heldAfter;
      batch = this.#newestWaiting()
    ) {
      this.drop(batch, 'buffer_full');
    }
    if (this.#options.role === 'shadow') this.#abort(heldAfter);
  }

  /** What a shadow holds never stands in the way of others, be it on the wire. */
  #abort(heldAfter: number): void {
    const { clock } = this.#options;
    for (const batch of Array.from(this.batches)) {
      if (this.account.held <= heldAfter) return;
      const { aborter } = batch;
      this.drop(batch, 'buffer_full');
      // Not now: this is somebody else's request.
      clock.schedule(() => aborter?.abort(), 0);
    }
  }

  #newestWaiting(): Batch<P> | undefined {
    return this.batches.findLast(({ state }) => state === 'waiting');
  }
}

/** How many spans, and their bytes. */
type Spans = Pick<Batch<Parcel>, 'spans' | 'bytes'>;

/** Where the ledger has the batch's spans. */
function placeOf({ state, retryUntilMs }: Batch<Parcel>): 'queued' | 'waiting' | 'inFlight' {
  if (state === 'inFlight') return 'inFlight';
  return retryUntilMs === undefined ? 'queued' : 'waiting';
}
