import type { Log } from '../accounting/log.js';
import type { RouteLane } from '../encoding/routed-span.js';
import type { Backlog } from './backlog.js';
import type { Batch } from './batch.js';
import type { Courier, Parcel } from './courier.js';
import { createKeyTrail } from './key-trail.js';
import type { Lane } from './lanes.js';
import type { Memory } from './memory.js';
import type { Pace } from './pace.js';
import { countIn, type Kept, type Run, sizeOf } from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';

/** Spans that one backend's exporter would have another deliver. */
export interface Handover {
  readonly runs: readonly Run[];
  /** How they travel there. */
  readonly lane: RouteLane;
  /** The route key of a span, by its sequence number where it comes from. */
  readonly keyOf: (sequence: number) => string | undefined;
  /** They are taken: from here on they are held there alone. */
  readonly onTaken: () => void;
}

/** What an exporter does for others' spans, and has others do for its own. */
export interface FailoverPart {
  /** Sets who takes over while the backend is down; `undefined` for nobody. */
  setStandby(standby: Standby | undefined): void;
  /** Whether it takes spans over: its backend is up, it is not closing, and it has room for so many. */
  canTake(spans: number, bytes: number): boolean;
  /**
   * Takes spans over, and resolves when they are settled.
   *
   * They have been found to fit by `canTake` just before.
   */
  takeOver(handover: Handover): Promise<void>;
  /**
   * No answer is waited for any more: where the backend is down, all that it has goes to the standby, what is on the wire
   * included, but for what waits for other credentials.
   */
  yieldAll(): void;
}

/** Who takes over. */
export type Standby = Pick<FailoverPart, 'canTake' | 'takeOver'>;

/** One exporter's way to its standby. */
export interface Failover<P extends Parcel> {
  setStandby(standby: Standby | undefined): void;
  /** A span was accepted. */
  noteAccepted(sequence: number, routeKey: string | undefined): void;
  /**
   * Moves what waits to the standby while the backend is down, but for one batch to probe it with: of what is queued, what
   * is due.
   *
   * @param all - Without that exception: a probe is not due, or nobody waits for its answer.
   */
  move(all: boolean, isDue: (lane: Lane) => boolean): void;
  /** Moves all that there is to move; see {@link FailoverPart.yieldAll}. */
  yieldAll(): void;
  /** Whether what is due moves now. */
  readonly isOpen: boolean;
  /** Moves one batch that may wait no longer; `false` where nobody takes it. */
  moveOne(batch: Batch<P>): boolean;
  /** How many spans with one of these sequence numbers wait at the standby. */
  countAway(ranges: Readonly<SequenceRanges>): number;
}

/** What a failover works with: all of one exporter. */
export interface FailoverParts<P extends Parcel> {
  readonly name: string;
  readonly backlog: Backlog<P>;
  readonly courier: Courier<P>;
  readonly memory: Memory;
  readonly pace: Pick<Pace, 'isDown'>;
  readonly log: Pick<Log, 'warn'>;
  readonly maxBatch: { readonly spans: number; readonly bytes: number };
  /** These spans, which are another's by now, have been settled there. */
  readonly onSettled: (runs: readonly Run[]) => void;
}

/**
 * Creates the failover of one exporter.
 *
 * It moves bytes as they are: the two backends have the same encoding and view. What was moved here from another is not
 * moved on, so that two backends that stand by for each other and are both down do not pass spans to and fro.
 */
export function createFailover<P extends Parcel>(parts: FailoverParts<P>): Failover<P> {
  const { name, backlog, courier, memory, pace, log, maxBatch, onSettled } = parts;
  const keys = createKeyTrail(() => backlog.heldRanges());
  const guests = new WeakMap<Lane, RouteLane>();
  const away = new Set<readonly Run[]>();
  let standby: Standby | undefined;

  /** The lane that spans of one of ours have at the standby. */
  function guestLaneOf(lane: Lane): RouteLane {
    const found = guests.get(lane);
    if (found !== undefined) return found;
    const { parent, countedKey } = lane;
    const guest: RouteLane = Object.freeze({ parent, countedKey, isGuest: true });
    guests.set(lane, guest);
    return guest;
  }

  function moveOne(batch: Batch<P>): boolean {
    const { lane, runs, spans, bytes, sends } = batch;
    if (standby === undefined || lane.isGuest || !standby.canTake(spans, bytes)) return false;
    away.add(runs);
    memory.move(() => {
      const settled = standby?.takeOver({
        runs,
        lane: guestLaneOf(lane),
        keyOf: (sequence) => keys.keyAt(sequence),
        onTaken: () => backlog.moveOut(batch),
      });
      void settled?.then(() => {
        away.delete(runs);
        onSettled(runs);
      });
    });
    // Every byte has been copied. What went out before, and was not acknowledged, may still be on its way to a socket.
    if (sends === 0) courier.release(runs, lane.parent);
    log.warn(`${name} standby`, `backend ${name} is down, and its standby takes its spans`);
    return true;
  }

  /** Whether another batch tells when the backend is up again. */
  function hasProbe(except: Batch<P>): boolean {
    return backlog.batches.some(
      (each) => each !== except && (each.state !== 'waiting' || isUntried(each)),
    );
  }

  /** The oldest batch that need not wait here: one that has been tried goes in any case. */
  function nextBatch(all: boolean): Batch<P> | undefined {
    return backlog.batches.find(
      (batch) =>
        batch.state === 'waiting' &&
        !batch.lane.isGuest &&
        (all || !isUntried(batch) || hasProbe(batch)),
    );
  }

  /** Makes a batch of what is due. */
  function formDue(isDue: (lane: Lane) => boolean): boolean {
    for (const lane of backlog.lanes.all()) {
      if (lane.isGuest || lane.queue.size === 0 || !isDue(lane)) continue;
      backlog.form(lane, maxBatch.spans, maxBatch.bytes);
      return true;
    }
    return false;
  }

  function move(all: boolean, isDue: (lane: Lane) => boolean): void {
    while (pace.isDown && standby !== undefined) {
      const batch = nextBatch(all);
      if (batch === undefined) {
        if (!standby.canTake(1, 0) || !formDue(isDue)) return;
      } else if (!moveOne(batch)) {
        return;
      }
    }
  }

  /** What is on the wire waits again, and counts as maybe taken. */
  function recallSent(): void {
    for (const batch of Array.from(backlog.batches)) {
      const { state, lane, spans, bytes } = batch;
      if (state !== 'inFlight' || lane.isGuest || !standby?.canTake(spans, bytes)) continue;
      backlog.recall(batch);
    }
  }

  return {
    setStandby(next) {
      standby = next;
    },
    noteAccepted: (sequence, routeKey) => keys.note(sequence, routeKey),
    get isOpen() {
      return pace.isDown && standby?.canTake(1, 0) === true;
    },
    move,
    moveOne,
    yieldAll() {
      if (pace.isDown) recallSent();
      move(true, () => true);
    },
    countAway(ranges) {
      let count = 0;
      for (const runs of away) count += countIn(runs, ranges);
      return count;
    },
  };
}

/** The spans of runs one by one, as they are kept in memory of this parent's own. */
export function* copiesOf<P extends Parcel>(
  runs: readonly Run[],
  courier: Courier<P>,
  parent: string | undefined,
): Iterable<readonly [kept: Kept | Error, run: Run, sequence: number]> {
  for (const run of runs) {
    for (let index = run.from; index < run.to; index += 1) {
      const kept: Kept | Error =
        run.chunk === undefined
          ? run.kept
          : courier.copy({ chunk: run.chunk, index, size: sizeOf(run, index, index + 1) }, parent);
      yield [kept, run, run.sequence + index - run.from];
    }
  }
}

/** Whether a batch has not been attempted, of this backend's own. */
function isUntried<P extends Parcel>({ failures, lane }: Batch<P>): boolean {
  return failures === 0 && !lane.isGuest;
}
