import type { BackendLedger } from '../accounting/ledger.js';
import type { BackendDropReason } from '../accounting/reasons.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import type { ReadableSpan } from '../sdk.js';
import type { Success } from '../transport/result.js';
import { type Batch, createBatch, halve } from './batch.js';
import type { Packed, Parcel } from './courier.js';
import type { Account, Memory } from './memory.js';
import { createQueue, type Queue } from './queue.js';
import { countIn, countSpans, type Kept, type Run, sumBytes } from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';

/**
 * What one exporter holds, queued and in batches.
 *
 * Every step of a span's way through an exporter is a method here, which does the three things that
 * belong together: it moves the span, tells the ledger, and changes what is held of the memory.
 */
export interface Backlog<P extends Parcel> {
  readonly queue: Pick<Queue, 'size' | 'bytes' | 'oldest'>;
  /** Batches that are not settled, oldest first. */
  readonly batches: readonly Batch<P>[];
  readonly account: Pick<Account, 'pinned' | 'pinLimit'>;
  /** Sequence number of the next span. */
  readonly nextSequence: number;
  /** Sequence number up to which, itself not included, every span is settled. */
  readonly settledUpTo: number;
  /** How many spans with one of these sequence numbers are not settled. */
  countHeld(ranges: Readonly<SequenceRanges>): number;
  /** Whether the queue has no room for a further span, however small. */
  readonly isFull: boolean;
  /** Queues a span, or drops it where a bound is reached; `false` for the latter. */
  admit(kept: Kept, span: ReadableSpan): boolean;
  /** Counts a span, and drops it at once. The log says the reason's `detail`. */
  refuse(reason: BackendDropReason, detail?: string): void;
  /** Makes a batch of the oldest queued spans. */
  form(maxSpans: number, maxBytes: number): Batch<P>;
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
  /** Puts two smaller batches in the place of one that failed, or was found, to be too large. */
  split(batch: Batch<P>): void;
  /** The backend has taken the batch, but for what it rejected. */
  deliver(batch: Batch<P>, result: Success): void;
  /** Drops a batch, wherever it stands. The log says the reason's `detail`, or else the last failure. */
  drop(batch: Batch<P>, reason: BackendDropReason, detail?: string): void;
  /** Drops all that is held. */
  abandon(reason: BackendDropReason): void;
}

/** What a backlog is bounded by, and whom it tells. */
export interface BacklogOptions {
  /** What a span takes of the memory beside its estimated bytes. */
  readonly spanOverheadBytes: number;
  readonly limits: Pick<Backend, 'maxQueueSize' | 'maxQueueBytes' | 'retryMaxElapsedMs'>;
  readonly memory: Memory;
  readonly ledger: BackendLedger;
  readonly clock: Clock;
  /** Memory is short: what is queued should be sent now. */
  readonly hurry: () => void;
  /** These spans have been settled. */
  readonly onSettled: (runs: readonly Run[]) => void;
  /** Spans have been settled whose bytes nobody reads any more, nor can somebody still. */
  readonly release: (runs: readonly Run[]) => void;
}

/** Creates the backlog of one exporter, with nothing in it. */
export function createBacklog<P extends Parcel>(options: BacklogOptions): Backlog<P> {
  const { limits, spanOverheadBytes, memory, ledger, clock, hurry, onSettled, release } = options;
  const maxUnsent = limits.maxQueueSize ?? Number.POSITIVE_INFINITY;
  const maxUnsentBytes = limits.maxQueueBytes ?? Number.POSITIVE_INFINITY;
  const queue = createQueue(clock);
  const batches: Batch<P>[] = [];
  const account = memory.open({ giveWay, hurry });
  // Spans that have not been attempted, in the queue or in a batch: what the queue's bounds bound.
  let unsent = 0;
  let unsentBytes = 0;
  let nextSequence = 0;

  function isFull(): boolean {
    return unsent >= maxUnsent || unsentBytes >= maxUnsentBytes;
  }

  function admit(kept: Kept, span: ReadableSpan): boolean {
    const bytes = kept.size;
    if (unsent >= maxUnsent || unsentBytes + bytes > maxUnsentBytes) return refuse('queue_full');
    if (!account.take(bytes + spanOverheadBytes)) return refuse('buffer_full');
    ledger.accept();
    queue.push(kept, span, nextSequence);
    nextSequence += 1;
    unsent += 1;
    unsentBytes += bytes;
    return true;
  }

  function refuse(reason: BackendDropReason, detail?: string): false {
    ledger.accept();
    ledger.drop(reason, 1, 'queued', detail);
    return false;
  }

  function send(batch: Batch<P>, parcel: P): AbortSignal {
    const from = batch.retryUntilMs === undefined ? 'queued' : 'waiting';
    if (from === 'queued') leaveUnsent(batch);
    const aborter = new AbortController();
    batch.state = 'inFlight';
    batch.sends += 1;
    batch.aborter = aborter;
    batch.firstSentAtMs ??= clock.now();
    batch.retryUntilMs ??= batch.firstSentAtMs + limits.retryMaxElapsedMs;
    ledger.start(batch.spans, from);
    if (parcel.bytes > 0) ledger.sendBytes(parcel.bytes);
    return aborter.signal;
  }

  function split(batch: Batch<P>): void {
    if (batch.state === 'inFlight') ledger.requeue(batch.spans);
    endOperation(batch, batch.failure?.errorType, batch.failure?.httpStatus);
    account.unpin(sizeOf(batch));
    account.give(sizeOf(batch) - heldBy(batch));
    batch.state = 'settled';
    batches.splice(batches.indexOf(batch), 1, ...halve(batch));
  }

  function deliver(batch: Batch<P>, { rejectedSpans, message, httpStatus }: Success): void {
    const { spans } = batch;
    // A backend that claims to have rejected more than it was sent has rejected all of it.
    const rejected = Math.min(Math.max(rejectedSpans, 0), spans);
    ledger.deliver(spans - rejected);
    if (rejected > 0) ledger.drop('rejected', rejected, 'inFlight', message, 'rejected');
    endOperation(batch, rejected > 0 ? 'rejected' : undefined, httpStatus);
    remove(batch);
    // What went out before, and was not acknowledged, may still be on its way to a socket.
    if (batch.sends === 1) release(batch.runs);
  }

  function drop(batch: Batch<P>, reason: BackendDropReason, detail?: string): void {
    const { failure } = batch;
    const from = placeOf(batch);
    if (from === 'queued') leaveUnsent(batch);
    ledger.drop(reason, batch.spans, from, detail ?? failure?.message, failure?.errorType);
    endOperation(batch, failure?.errorType ?? reason, failure?.httpStatus);
    const isUntouched = batch.sends === 0 && batch.state === 'waiting';
    remove(batch);
    if (isUntouched) release(batch.runs);
  }

  function endOperation(batch: Batch<P>, errorType?: string, httpStatus?: number): void {
    if (batch.firstSentAtMs === undefined) return;
    ledger.endOperation(clock.now() - batch.firstSentAtMs, errorType, httpStatus);
  }

  /** Takes a batch out whose spans the ledger knows to be settled. */
  function remove(batch: Batch<P>): void {
    if (batch.state !== 'waiting') account.unpin(sizeOf(batch));
    account.give(sizeOf(batch));
    batches.splice(batches.indexOf(batch), 1);
    batch.state = 'settled';
    onSettled(batch.runs);
  }

  function dropQueued(runs: readonly Run[], reason: BackendDropReason): void {
    if (runs.length === 0) return;
    const dropped = { spans: countSpans(runs), bytes: sumBytes(runs) };
    leaveUnsent(dropped);
    account.give(heldBy(dropped));
    ledger.drop(reason, dropped.spans, 'queued');
    release(runs);
    onSettled(runs);
  }

  /**
   * What a batch counts for in the budget: its spans, which a smaller request may still need, or its body,
   * whichever is more. Not both: with a full budget nothing could be sent but at the price of other spans.
   */
  function sizeOf(batch: Batch<P>): number {
    return Math.max(heldBy(batch), batch.parcel?.bytes ?? 0);
  }

  function heldBy({ spans, bytes }: Spans): number {
    return bytes + spans * spanOverheadBytes;
  }

  function leaveUnsent({ spans, bytes }: Spans): void {
    unsent -= spans;
    unsentBytes -= bytes;
  }

  /** Changes what a packing batch holds, and what it counts for. */
  function change(batch: Batch<P>, by: () => void): void {
    const before = sizeOf(batch);
    by();
    const more = sizeOf(batch) - before;
    if (more > 0) {
      account.pin(more);
      account.force(more);
    } else {
      account.unpin(-more);
      account.give(-more);
    }
  }

  /** Drops the newest first: queued spans, and then batches that wait. */
  function giveWay(bytes: number): void {
    const heldAfter = account.held - bytes;
    dropQueued(queue.takeNewest(bytes, spanOverheadBytes), 'buffer_full');
    for (let batch = newestWaiting(); batch && account.held > heldAfter; batch = newestWaiting()) {
      drop(batch, 'buffer_full');
    }
  }

  function newestWaiting(): Batch<P> | undefined {
    return batches.findLast(({ state }) => state === 'waiting');
  }

  return {
    queue,
    batches,
    account,
    get nextSequence() {
      return nextSequence;
    },
    get settledUpTo() {
      const oldestQueued = queue.oldest?.sequence ?? nextSequence;
      return Math.min(oldestQueued, batches[0]?.runs[0]?.sequence ?? nextSequence);
    },
    countHeld(ranges) {
      const inBatches = batches.map(({ runs }) => countIn(runs, ranges));
      return inBatches.reduce((sum, count) => sum + count, queue.countIn(ranges));
    },
    get isFull() {
      return isFull();
    },
    admit,
    refuse,
    form(maxSpans, maxBytes) {
      const batch = createBatch<P>(queue.takeOldest(maxSpans, maxBytes));
      batches.push(batch);
      return batch;
    },
    open(batch) {
      batch.state = 'packing';
      account.pin(sizeOf(batch));
    },
    pack(batch, { parcel, runs }) {
      change(batch, () => {
        batch.parcel = parcel;
        if (runs === batch.runs) return;
        const bytes = sumBytes(runs);
        // Of spans that were not bytes before, the size was an estimate.
        if (batch.retryUntilMs === undefined) unsentBytes += bytes - batch.bytes;
        batch.runs = runs;
        batch.bytes = bytes;
      });
    },
    repack(batch, parcel) {
      change(batch, () => {
        batch.parcel = parcel;
      });
    },
    send,
    requeue(batch, notBeforeMs) {
      ledger.requeue(batch.spans);
      batch.state = 'waiting';
      batch.notBeforeMs = notBeforeMs;
      account.unpin(sizeOf(batch));
    },
    split,
    deliver,
    drop,
    abandon(reason) {
      dropQueued(queue.takeOldest(queue.size, Number.POSITIVE_INFINITY), reason);
      for (const batch of Array.from(batches)) {
        const aborter = batch.state === 'inFlight' ? batch.aborter : undefined;
        drop(batch, reason);
        // Last: the batch is settled, so the answer that the abort brings about counts for nothing.
        aborter?.abort();
      }
    },
  };
}

/** How many spans, and their bytes. */
type Spans = Pick<Batch<Parcel>, 'spans' | 'bytes'>;

/** Where the ledger has the batch's spans. */
function placeOf({ state, retryUntilMs }: Batch<Parcel>): 'queued' | 'waiting' | 'inFlight' {
  if (state === 'inFlight') return 'inFlight';
  return retryUntilMs === undefined ? 'queued' : 'waiting';
}
