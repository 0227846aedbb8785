import type { BackendLedger } from '../../accounting/ledger.js';
import type { Log } from '../../accounting/log.js';
import type { BackendDropReason } from '../../accounting/reasons.js';
import type { Cancel, Clock } from '../../clock.js';
import type { WrittenBatch } from '../../config/may-replay.js';
import type { Backend, SpoolLimits } from '../../config/resolved.js';
import {
  createEarliestDeadline,
  type Deadline,
  type StartedDeadline,
  startDeadline,
} from '../../deadline.js';
import type { Backlog } from '../backlog.js';
import { type Batch, isUnsettled } from '../batch.js';
import type { Courier, Parcel } from '../courier.js';
import type { ClosingReason } from '../exporter.js';
import { createKeyTrail } from '../key-trail.js';
import type { Pace } from '../pace.js';
import type { Pack } from '../pack.js';
import type { Body } from '../wire.js';
import { type Disk, localDisk } from './disk.js';
import { fingerprintOf } from './fingerprint.js';
import { HEARTBEAT_MS } from './ownership.js';
import { createReplay } from './replay.js';
import { createSaver } from './save.js';
import { createStore } from './store.js';

/** An exporter's place on disk. Nothing here throws or rejects. */
export interface Spool<P extends Parcel> {
  /** A span was accepted. Called for each, and so as cheap as can be. */
  noteAccepted(sequence: number, routeKey: string | undefined): void;
  /** Something has happened: begins to write to disk what should not stay in memory, where that is needed. */
  mind(): void;
  /** Writes a batch; where the disk does not take it, it is dropped for the reason. */
  save(batch: Batch<P>, reason: BackendDropReason): void;
  /** How many batches are being written: they wait for no attempt. */
  readonly saving: number;
  /** When the next file may be sent, on the monotonic clock; infinity while there is nothing to send. */
  readonly replayAtMs: number;
  /** Sends one file; resolves to whether there was a request. */
  replay(): Promise<boolean>;
  /**
   * The exporter is closing: gives a promise that resolves when it has to stop sending, so that the rest can be written
   * by the deadline. The same one for each call: the earliest deadline counts.
   */
  closing(deadline: Deadline): Promise<void>;
  /**
   * Writes what is held until `deadline` resolves, and lets other processes have the files. Where the backend is removed
   * these leave its account.
   */
  close(deadline: Promise<void>, reason: ClosingReason): Promise<void>;
}

/** What of an exporter its spool works with. */
export interface SpoolInside<P extends Parcel> {
  readonly backlog: Backlog<P>;
  readonly courier: Courier<P>;
  readonly pack: Pack<P>;
  readonly pace: Pace;
  /** Something is to be written to disk: what a standby takes need not be. */
  readonly onPressed: () => void;
  /** There may be something to start. */
  readonly onChange: () => void;
}

/** Opens the spool of an exporter. */
export type OpenSpool<P extends Parcel> = (inside: SpoolInside<P>) => Spool<P>;

/** What a spool is made of. */
export interface SpoolOptions {
  readonly backend: Backend;
  readonly limits: SpoolLimits;
  readonly inside: SpoolInside<Body>;
  readonly ledger: BackendLedger;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * Whether a batch may be sent to the backend today; a file that may not is set aside.
   *
   * @default () => true
   */
  readonly mayReplay?: ((batch: WrittenBatch) => boolean) | undefined;
  /** @default the files of this machine */
  readonly disk?: Disk | undefined;
}

/**
 * For how long the oldest span may wait, beside a queue that is half full, before the backend counts as too
 * slow. One that is well takes many batches in this time.
 */
const BEHIND_MS = 250;
/** The part of what is left of a shutdown's time that is kept for writing what has not been sent. */
const RESERVE = 0.4;

/** Creates the spool of one backend. Its first look at the disk is in a turn of its own. */
export function createSpool(options: SpoolOptions): Spool<Body> {
  const { backend, inside, clock, disk = localDisk } = options;
  const { mayReplay = () => true } = options;
  const { backlog, pace } = inside;
  /** Of what is sent under a parent; the backend's own counts where there is none else. */
  const fingerprintOfParent = (parent: string | undefined) =>
    fingerprintOf(parent === undefined ? backend : { ...backend, parent });
  const contentType =
    backend.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';
  const store = createStore({
    ...options,
    backend: backend.name,
    fingerprintOf: fingerprintOfParent,
    disk,
  });
  const keys = createKeyTrail(() => backlog.heldRanges());
  const saver = createSaver({
    inside,
    store,
    keys,
    fingerprintOf: fingerprintOfParent,
    contentType,
    clock,
  });
  const replay = createReplay({ ...options, store, mayReplay });
  let isSpilling = false;
  let isClosing = false;
  let cancelMind: Cancel | undefined;
  let cancelTend = clock.schedule(tend, 0);
  const lastCall = createEarliestDeadline();
  const shares: StartedDeadline[] = [];

  function tend(): void {
    void store.tend().then(() => {
      if (isClosing) return;
      cancelTend = clock.schedule(tend, HEARTBEAT_MS);
      inside.onChange();
    });
  }

  /** The backend fails, or is slower than its spans come. */
  function isBehind(): boolean {
    const { oldest } = backlog.lanes;
    if (pace.isDown || backlog.batches.some(({ failures }) => failures > 0)) return true;
    return oldest !== undefined && clock.now() - oldest.acceptedAtMs > BEHIND_MS;
  }

  function mind(): void {
    if (isClosing && pace.isDown) lastCall.pass();
    if (isSpilling || isClosing || cancelMind !== undefined) return;
    if (!backlog.isPressed || !store.isWritable) return;
    // Not within accept, which is called in the application's own request.
    cancelMind = clock.schedule(spill, backlog.held.size > 0 || isBehind() ? 0 : BEHIND_MS);
  }

  function spill(): void {
    cancelMind = undefined;
    inside.onPressed();
    isSpilling = true;
    void spillAll().then(() => {
      isSpilling = false;
    });
  }

  /** Writes what it should, one batch at a time: nothing need be dropped for want of room then. */
  async function spillAll(): Promise<void> {
    while (backlog.isPressed && store.isWritable && !isClosing) {
      const batch = nextToSpill();
      if (batch === undefined || !(await saver.save(batch))) return;
    }
  }

  /** What waits for other credentials can not be sent in any case; then the oldest that is queued, in an outage. */
  function nextToSpill(): Batch<Body> | undefined {
    for (const batch of backlog.held) return batch;
    return isBehind() ? formBatch() : undefined;
  }

  function formBatch(): Batch<Body> | undefined {
    const lane = backlog.lanes.oldestLane();
    if (lane === undefined) return undefined;
    const { pinLimit } = backlog.account;
    return backlog.form(
      lane,
      backend.maxExportBatchSize,
      Math.min(backend.maxExportBatchBytes, pinLimit),
    );
  }

  /** Writes all that is held, oldest first, until the disk fails or nobody waits any more. */
  async function saveAll(isOver: () => boolean): Promise<void> {
    // Single spans that are larger than the spool may be.
    const passedOver = new Set<Batch<Body>>();
    while (!isOver()) {
      const waiting = [...backlog.held, ...backlog.batches].find(
        (each) => each.state === 'waiting' && !passedOver.has(each),
      );
      const batch = waiting ?? formBatch();
      if (batch === undefined) break;
      if ((await saver.save(batch)) || !isUnsettled(batch)) continue;
      if (!store.isWritable) break;
      // The disk is well: the batch was too large.
      if (batch.spans === 1) passedOver.add(batch);
      else divide(batch);
    }
    await saver.settled();
  }

  function divide(batch: Batch<Body>): void {
    backlog.open(batch);
    backlog.split(batch);
  }

  return {
    noteAccepted(sequence, routeKey) {
      keys.note(sequence, routeKey);
      if (!isSpilling && cancelMind === undefined && backlog.isPressed) mind();
    },
    mind,
    save(batch, reason) {
      if (store.isWritable) void saver.save(batch, reason);
      else backlog.drop(batch, reason);
    },
    get saving() {
      return saver.saving;
    },
    get replayAtMs() {
      return replay.atMs;
    },
    replay: () => replay.run(),
    closing(deadline) {
      isClosing = true;
      cancelMind?.();
      cancelTend();
      replay.stop();
      const leftMs = deadline.endsAtMs - clock.now();
      // It need not keep the process alive: who waits for the deadline does.
      const share = startDeadline(clock, leftMs * (1 - RESERVE), false);
      shares.push(share);
      lastCall.add(deadline);
      lastCall.add(share);
      // There is nothing to wait for where it is known that the backend takes nothing.
      if (pace.isDown) lastCall.pass();
      return lastCall.passed;
    },
    async close(deadline, reason) {
      for (const share of shares) share.cancel();
      let isOver = false;
      const over = deadline.then(() => {
        isOver = true;
      });
      saver.hurry();
      // What is being written goes on; what is on its way to the backend does not.
      for (const batch of Array.from(backlog.batches)) {
        if (!saver.has(batch) && batch.state !== 'waiting') backlog.recall(batch);
      }
      await Promise.race([replay.settled(), over]);
      await Promise.race([saveAll(() => isOver), over]);
      await Promise.race([store.close(), over]);
      replay.abandon();
      if (reason === 'backend_removed') store.leave();
    },
  };
}
