import type { BackendLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { BackendDropReason } from '../accounting/reasons.js';
import type { Cancel, Clock } from '../clock.js';
import type { Backend, RouteTarget } from '../config/resolved.js';
import { createEarliestDeadline, type Deadline } from '../deadline.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import { createAttempt } from './attempt.js';
import { createBacklog } from './backlog.js';
import type { Batch } from './batch.js';
import type { Courier, Parcel } from './courier.js';
import { copiesOf, createFailover, type FailoverPart, type Handover } from './failover.js';
import { createGrace } from './grace.js';
import type { Lane } from './lanes.js';
import type { Memory } from './memory.js';
import { oldestAcceptedAtMs } from './oldest.js';
import { createPace } from './pace.js';
import { createPack, nameOf, reasonOf } from './pack.js';
import { createRateLimiter, withRateLimit } from './rate-limit.js';
import { countIn, type Run } from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';
import type { OpenSpool } from './spool/spool.js';

/** One backend, from accepted to settled. Nothing here throws or rejects. */
export interface Exporter {
  /** The backend's name. */
  readonly name: string;
  /** A shadow's spans may be lost, and nobody waits for them. */
  readonly role: ExporterRole;
  /** When the oldest span was accepted that it holds in memory, on the monotonic clock; `undefined` for none. */
  oldestQueuedAtMs(): number | undefined;
  /**
   * Takes one span over; from here on it is counted for this backend until it is settled.
   *
   * @returns its sequence number, for `settle`: -1 where it was dropped at once.
   */
  accept(span: RoutedSpan): number;
  /**
   * Sends what is queued, and resolves to `true` when no span of these sequence numbers is held any more; to
   * `false` if `deadline` resolves before that.
   */
  settle(ranges: Readonly<SequenceRanges>, deadline: Promise<void>): Promise<boolean>;
  /**
   * Resolves to `true` when every span accepted before the call is settled: delivered, on disk, or dropped with
   * a reason; to `false` if `deadline` resolves before that.
   *
   * Without a deadline that takes as long as the backend does. Who calls keeps the process alive meanwhile:
   * none of the exporter's own timers does.
   */
  flush(deadline?: Promise<void>): Promise<boolean>;
  /**
   * Settles what it can until the deadline, drops the rest as `reason`, and closes the connections. With a spool, the
   * rest is written to disk before that. Spans accepted later are dropped likewise.
   *
   * It is done once. Called again, it gives the same promise, and ends by the earlier of the deadlines.
   *
   * @param reason - `shutdown_timeout` by default, for the end of the whole processor.
   */
  shutdown(deadline: Deadline, reason?: ClosingReason): Promise<void>;
  /** What it does where a backend stands by for another; absent for what can do neither. */
  readonly failover?: FailoverPart;
}

/**
 * Why an exporter is closed, which is why it drops what it could not settle. As a backend is removed, what it has on
 * disk leaves its account too: nobody reads these files until somebody opens the like of it again.
 */
export type ClosingReason = 'shutdown_timeout' | 'backend_removed';

/** What an exporter is to those whose spans it gets. */
export type ExporterRole = RouteTarget['role'];

/** What an exporter is made of. */
export interface ExporterParts<P extends Parcel> {
  readonly backend: Backend;
  /** @default 'primary' */
  readonly role?: ExporterRole | undefined;
  readonly courier: Courier<P>;
  readonly memory: Memory;
  readonly ledger: BackendLedger;
  readonly log: Log;
  readonly clock: Clock;
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** Opens a place on disk for batches that would otherwise be dropped; without it they are. */
  readonly openSpool?: OpenSpool<P> | undefined;
  /** Is told how many bytes of spans have left the queue, for a batch or dropped. Once per batch, never per span. */
  readonly onLeave?: ((bytes: number) => void) | undefined;
}

/** Spans that somebody waits for. */
interface Settlement {
  readonly ranges: Readonly<SequenceRanges>;
  /** How many of them are held. */
  left: number;
  readonly resolve: () => void;
}

/** Something that may start: a batch that waits, or one that is still to be made of queued spans. */
interface Start<P> {
  readonly atMs: number;
  readonly lane: Lane;
  readonly batch: Batch<P> | undefined;
}

/**
 * Creates the exporter of one backend.
 *
 * All work is done in turns that the clock starts, never within `accept`, which runs in the application's
 * own request. A turn starts one batch at the most, so that the event loop gets its turn between two
 * batches' encoding.
 */
export function createExporter<P extends Parcel>(parts: ExporterParts<P>): Exporter {
  const { backend, role = 'primary', courier, memory, ledger, log, clock, random } = parts;
  const backlog = createBacklog<P>({
    limits: backend,
    role,
    spanOverheadBytes: courier.spanOverheadBytes,
    memory,
    ledger,
    clock,
    hurry: seal,
    giveUp,
    onSettled,
    release: courier.release,
    onLeave: parts.onLeave,
  });
  const { lanes } = backlog;
  const { own: ownLane } = lanes;
  const pace = createPace(backend.retryMaxElapsedMs, ledger, random);
  const rateLimiter = createRateLimiter(backend.rateLimit);
  const limited = withRateLimit(courier, rateLimiter, clock);
  const grace = createGrace({ backend, backlog, log, clock, onReady: scheduleTurn });
  const pack = createPack({ backend, backlog, courier, clock });
  const spool = parts.openSpool?.({
    backlog,
    courier: limited,
    pack,
    pace,
    onPressed: () => failover?.move(true, () => true),
    onChange: scheduleTurn,
  });
  const attempt = createAttempt({
    backend,
    backlog,
    courier: limited,
    pack,
    pace,
    grace,
    log,
    clock,
    giveUp,
  });
  const failover =
    backend.standby === undefined || role === 'shadow'
      ? undefined
      : createFailover({
          name: backend.name,
          backlog,
          courier,
          memory,
          pace,
          log,
          maxBatch: { spans: backend.maxExportBatchSize, bytes: backend.maxExportBatchBytes },
          onSettled,
        });
  const notesKeys = spool !== undefined || failover !== undefined;
  const settlements = new Set<Settlement>();
  const end = createEarliestDeadline();
  /** Queued spans below this sequence number do not wait for their batch to fill. */
  let sealedUpTo = 0;
  let active = 0;
  /** `undefined` while something is held; infinite once there is nothing left to let go of. */
  let trimAtMs: number | undefined = Number.POSITIVE_INFINITY;
  let turnAtMs = Number.POSITIVE_INFINITY;
  let cancelTurn: Cancel | undefined;
  let closingReason: ClosingReason | undefined;
  let isClosed = false;
  let closed: Promise<void> | undefined;

  function accept(routed: RoutedSpan): number {
    const lane = routed.lane === undefined ? ownLane : lanes.of(routed.lane);
    if (closingReason !== undefined) {
      backlog.refuse(lane, closingReason);
      return -1;
    }
    // Nothing is spent on a span that has no place.
    if (backlog.isFull) {
      backlog.refuse(lane, 'queue_full');
      seal();
      return -1;
    }
    const kept = courier.take(routed, lane.parent);
    if (kept instanceof Error) {
      backlog.refuse(lane, reasonOf(kept), nameOf(kept));
      // In a turn of its own: to read the span may be what reading another of this lane had the application do.
      turnBy(clock.now());
      return -1;
    }
    const sequence = backlog.nextSequence;
    if (!backlog.admit(lane, kept, routed.span)) {
      courier.undo(kept, lane.parent);
      // Spans that wait for their batch to fill must not be what makes a queue full.
      seal();
      return -1;
    }
    if (notesKeys) noteKey(sequence, routed.routeKey);
    // Between its first span and its last, a batch is waited for already.
    if (isBatchFull(lane)) scheduleTurn();
    else if (lane.queue.size === 1) turnBy(clock.now() + backend.scheduleDelayMs);
    return sequence;
  }

  function noteKey(sequence: number, routeKey: string | undefined): void {
    if (spool !== undefined) spool.noteAccepted(sequence, routeKey);
    if (failover !== undefined) failover.noteAccepted(sequence, routeKey);
  }

  function giveUp(batch: Batch<P>, reason: BackendDropReason): void {
    if (failover?.moveOne(batch)) return;
    if (spool === undefined) backlog.drop(batch, reason);
    else spool.save(batch, reason);
  }

  function seal(): void {
    sealedUpTo = backlog.nextSequence;
    spool?.mind();
    scheduleTurn();
  }

  function isBatchFull({ queue: { size, bytes } }: Lane): boolean {
    return size >= backend.maxExportBatchSize || bytes >= backend.maxExportBatchBytes;
  }

  function scheduleTurn(): void {
    const nowMs = clock.now();
    // The turn that comes next sees to everything. To tell what is next takes a look at every lane.
    if (turnAtMs <= nowMs) return;
    const atMs = nextStart(nowMs)?.atMs ?? Number.POSITIVE_INFINITY;
    turnBy(Math.min(atMs, grace.endsAtMs()));
    if (failover?.isOpen) turnBy(nextDueMs(nowMs));
    if (spool !== undefined) turnBy(nextReplayMs(nowMs));
  }

  function turnBy(atMs: number): void {
    if (atMs >= turnAtMs || isClosed) return;
    cancelTurn?.();
    turnAtMs = atMs;
    cancelTurn = clock.schedule(turn, Math.max(0, atMs - clock.now()));
  }

  function turn(): void {
    turnAtMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.now();
    fail(nowMs);
    turnBy(dropExpired(nowMs));
    rest(nowMs);
    const start = nextStart(nowMs);
    if (start === undefined || start.atMs > nowMs) {
      if (start !== undefined) turnBy(start.atMs);
      // What is due has been offered to the standby just now.
      if (failover?.isOpen) turnBy(nextDueMs(nowMs, nowMs));
      replay(nowMs);
      return;
    }
    const { pinned, pinLimit } = backlog.account;
    const { spanOverheadBytes } = courier;
    const maxBytes = Math.min(backend.maxExportBatchBytes - backlog.envelopeBytes, pinLimit);
    // Where requests are held back each of them takes along as much as it may.
    const { lane, batch } = start;
    const { queue } = lane;
    const maxSize = rateLimiter.isTight(nowMs) ? queue.size : backend.maxExportBatchSize;
    const maxSpans = Math.min(maxSize, Math.ceil(pinLimit / spanOverheadBytes));
    const bytes = batch?.bytes ?? Math.min(queue.bytes, maxBytes);
    const spans = batch?.spans ?? Math.min(queue.size, maxSpans);
    // Memory is short, and we have our part of it in flight: the next answer starts the next turn.
    if (active > 0 && pinned + bytes + spans * spanOverheadBytes > pinLimit) return;
    void run(batch ?? backlog.form(lane, maxSpans, maxBytes));
    scheduleTurn();
  }

  async function run(batch: Batch<P>): Promise<void> {
    active += 1;
    const { sends } = batch;
    rateLimiter.reserve();
    await attempt(batch);
    // It was split or dropped instead.
    if (batch.sends === sends) rateLimiter.release();
    active -= 1;
    const nowMs = clock.now();
    fail(nowMs);
    rest(nowMs);
    spool?.mind();
    scheduleTurn();
  }

  /** Has the standby take what is due, where the backend is down. */
  function fail(nowMs: number): void {
    const isWaitedFor = settlements.size > 0 || closingReason !== undefined;
    // Of what somebody waits for too: where each request flushes there would be no probe ever.
    const isProbing = closingReason === undefined && earliestMs(nowMs) <= nowMs;
    failover?.move(!isProbing, (lane) => isWaitedFor || dueAtMs(lane, nowMs) <= nowMs);
  }

  /** When the batch of a lane is due, whether or not it can be sent then. */
  function dueAtMs(lane: Lane, nowMs: number): number {
    const { oldest } = lane.queue;
    if (oldest === undefined) return Number.POSITIVE_INFINITY;
    const isDue = oldest.sequence < sealedUpTo || isBatchFull(lane);
    return isDue ? nowMs : oldest.acceptedAtMs + backend.scheduleDelayMs;
  }

  /** When the next batch of a lane is due, of those that are so later than `afterMs`. */
  function nextDueMs(nowMs: number, afterMs = Number.NEGATIVE_INFINITY): number {
    let next = Number.POSITIVE_INFINITY;
    for (const lane of lanes.all()) {
      const atMs = dueAtMs(lane, nowMs);
      if (atMs > afterMs && atMs < next) next = atMs;
    }
    return next;
  }

  /** How many requests may be under way. */
  function maxActive(): number {
    return pace.isDown ? 1 : courier.maxConcurrent;
  }

  /** When a further request may start, whatever it carries; infinity until one that is under way has ended. */
  function earliestMs(nowMs: number): number {
    if (active >= maxActive()) return Number.POSITIVE_INFINITY;
    return Math.max(nowMs, pace.earliestMs, rateLimiter.earliestMs(nowMs));
  }

  /** When a file may be sent from disk; what is new goes first. */
  function nextReplayMs(nowMs: number): number {
    return Math.max(earliestMs(nowMs), spool?.replayAtMs ?? Number.POSITIVE_INFINITY);
  }

  function replay(nowMs: number): void {
    const atMs = nextReplayMs(nowMs);
    if (spool === undefined || atMs > nowMs) {
      turnBy(atMs);
      return;
    }
    active += 1;
    rateLimiter.reserve();
    void spool.replay().then((isSent) => {
      if (!isSent) rateLimiter.release();
      active -= 1;
      scheduleTurn();
    });
    scheduleTurn();
  }

  /**
   * Lets go of memory that nothing is held in. Not at once of all: where many backends take turns, each holds nothing
   * between two of its batches. But of many backends, and lanes, most are not under load.
   */
  function rest(nowMs: number): void {
    let isOwnInUse = false;
    for (const lane of lanes.all()) {
      if (backlog.isEmpty(lane)) {
        lanes.close(lane);
        if (!isInUse(lane.parent)) courier.rest(lane.parent);
      } else if (lane.parent === undefined) {
        isOwnInUse = true;
      }
    }
    if (isOwnInUse) {
      trimAtMs = undefined;
    } else if (trimAtMs === undefined) {
      trimAtMs = nowMs + backend.scheduleDelayMs;
      turnBy(trimAtMs);
    } else if (trimAtMs > nowMs) {
      turnBy(trimAtMs);
    } else {
      courier.trim();
      trimAtMs = Number.POSITIVE_INFINITY;
    }
  }

  /** Whether anything is held of a parent, in whichever lane. */
  function isInUse(parent: string | undefined): boolean {
    for (const lane of lanes.all()) {
      if (lane.parent === parent && !backlog.isEmpty(lane)) return true;
    }
    return false;
  }

  /** Drops batches that have waited too long; returns when the next one will have. */
  function dropExpired(nowMs: number): number {
    grace.dropExpired(nowMs);
    let next = grace.endsAtMs();
    for (const batch of Array.from(backlog.batches)) {
      if (batch.state !== 'waiting' || batch.retryUntilMs === undefined) continue;
      if (batch.retryUntilMs <= nowMs) giveUp(batch, 'retry_exhausted');
      else next = Math.min(next, batch.retryUntilMs);
    }
    return next;
  }

  /** What may start next, and when; `undefined` if it takes a new span, or an answer, to tell. */
  function nextStart(nowMs: number): Start<P> | undefined {
    const fromMs = earliestMs(nowMs);
    if (fromMs === Number.POSITIVE_INFINITY) return undefined;
    let start: Start<P> | undefined;
    for (const batch of backlog.batches) {
      if (batch.state !== 'waiting') continue;
      const atMs = pace.isDown ? fromMs : Math.max(fromMs, batch.notBeforeMs);
      // Of those that are due the oldest: it is found first.
      if (start === undefined || atMs < start.atMs) start = { atMs, lane: batch.lane, batch };
    }
    // A batch that waits for its retry keeps its place among those that may be under way: in an outage
    // the spans stay in the queue, where they take the least, and can be dropped one by one.
    const hasPlace = backlog.batches.length - (spool?.saving ?? 0) < maxActive();
    if (!hasPlace) return start;
    const ready = grace.ready();
    if (ready !== undefined && (start === undefined || fromMs < start.atMs)) {
      start = { atMs: fromMs, lane: ready.lane, batch: ready };
    }
    let first = Number.POSITIVE_INFINITY;
    for (const lane of lanes.all()) {
      const { oldest } = lane.queue;
      if (oldest === undefined) continue;
      const atMs = Math.max(fromMs, dueAtMs(lane, nowMs));
      // A batch that waits goes before what is queued, and of the lanes that are due the one that has waited longest.
      const isNext =
        start === undefined ||
        atMs < start.atMs ||
        (start.batch === undefined && atMs === start.atMs && oldest.sequence < first);
      if (!isNext) continue;
      start = { atMs, lane, batch: undefined };
      first = oldest.sequence;
    }
    return start;
  }

  function onSettled(runs: readonly Run[]): void {
    for (const settlement of settlements) {
      settlement.left -= countIn(runs, settlement.ranges);
      if (settlement.left > 0) continue;
      settlements.delete(settlement);
      settlement.resolve();
    }
  }

  function settle(ranges: Readonly<SequenceRanges>, deadline?: Promise<void>): Promise<boolean> {
    const left = backlog.countHeld(ranges) + (failover?.countAway(ranges) ?? 0);
    if (left === 0) return Promise.resolve(true);
    seal();
    return new Promise((resolve) => {
      // A copy: what the request hands over meanwhile is not waited for, nor may it count for what is.
      const settlement = { ranges: [...ranges], left, resolve: () => resolve(true) };
      settlements.add(settlement);
      void deadline?.then(() => {
        settlements.delete(settlement);
        resolve(false);
      });
    });
  }

  async function flush(deadline?: Promise<void>): Promise<boolean> {
    const isSettled = await settle([0, backlog.nextSequence], deadline);
    // A shutdown's deadline may have settled what was waited for.
    if (!isSettled || isClosed) return isSettled;
    return settles(courier.flush(), deadline);
  }

  function takeOver({ runs, lane: route, keyOf, onTaken }: Handover): Promise<void> {
    onTaken();
    const lane = lanes.of(route);
    const from = backlog.nextSequence;
    for (const [kept, run, theirs] of copiesOf(runs, courier, lane.parent)) {
      if (kept instanceof Error) {
        backlog.loseIn(lane, reasonOf(kept));
        continue;
      }
      const sequence = backlog.nextSequence;
      const origin = { resource: run.resource, instrumentationScope: run.scope };
      if (backlog.moveIn(lane, kept, origin)) noteKey(sequence, keyOf(theirs));
      else courier.undo(kept, lane.parent);
    }
    return settle([from, backlog.nextSequence]).then(() => {});
  }

  async function close(sendUntil: Promise<void>, reason: ClosingReason): Promise<void> {
    closingReason = reason;
    await flush(sendUntil);
    isClosed = true;
    cancelTurn?.();
    await spool?.close(end.passed, reason);
    backlog.abandon(reason);
    await Promise.race([courier.close(), end.passed]);
  }

  return {
    failover: {
      setStandby: (standby) => failover?.setStandby(standby),
      canTake: (spans, bytes) =>
        closingReason === undefined && !pace.isDown && backlog.hasRoom(spans, bytes),
      takeOver,
      yieldAll: () => failover?.yieldAll(),
    },
    name: backend.name,
    role,
    oldestQueuedAtMs: () => oldestAcceptedAtMs(backlog),
    accept,
    settle,
    flush,
    shutdown(deadline, reason = 'shutdown_timeout') {
      end.add(deadline);
      const sendUntil = spool?.closing(deadline) ?? end.passed;
      closed ??= close(sendUntil, reason);
      return closed;
    },
  };
}

/** Whether `work` ends before `deadline` does. */
function settles(work: Promise<void>, deadline: Promise<void> | undefined): Promise<boolean> {
  const done = work.then(() => true);
  return deadline === undefined ? done : Promise.race([done, deadline.then(() => false)]);
}
