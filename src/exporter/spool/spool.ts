import type { BackendLedger } from '../../accounting/ledger.js';
import type { Log } from '../../accounting/log.js';
import type { BackendDropReason } from '../../accounting/reasons.js';
import type { Cancel, Clock } from '../../clock.js';
import type { Backend, SpoolLimits } from '../../config/resolved.js';
import { type Deadline, startDeadline } from '../../deadline.js';
import type { Backlog } from '../backlog.js';
import type { Batch } from '../batch.js';
import type { Courier, Parcel } from '../courier.js';
import type { Pace } from '../pace.js';
import type { Pack } from '../pack.js';
import type { Body } from '../wire.js';
import { type Disk, localDisk } from './disk.js';
import { fingerprintOf } from './fingerprint.js';
import { createKeyTrail } from './key-trail.js';
import { HEARTBEAT_MS } from './ownership.js';
import { createReplay } from './replay.js';
import { createSaver } from './save.js';
import { createStore } from './store.js';

/** An exporter's place on disk. Nothing here throws or rejects. */
export interface Spool<P extends Parcel> {
  /** A span was accepted. Called for each, and so as cheap as can be. */
  noteAccepted(sequence: number, routeKey: string | undefined): void;
  /** Something has happened: begins to write queued spans to disk where that is needed. */
  mind(): void;
  /** Writes a batch; where the disk does not take it, it is dropped for the reason. */
  save(batch: Batch<P>, reason: BackendDropReason): void;
  /** How many batches are being written: they wait for no attempt. */
  readonly saving: number;
  /** When the next file may be sent, on the monotonic clock; infinity while there is nothing to send. */
  readonly replayAtMs: number;
  /** Sends one file; resolves to whether there was a request. */
  replay(): Promise<boolean>;
  /** The exporter is closing: says until when it may go on sending, so that the rest can be written by `deadline`. */
  closing(deadline: Promise<void>): Deadline;
  /** Writes what is held until `deadline` resolves, and lets other processes have the files. */
  close(deadline: Promise<void>): Promise<void>;
}

/** What of an exporter its spool works with. */
export interface SpoolInside<P extends Parcel> {
  readonly backlog: Backlog<P>;
  readonly courier: Courier<P>;
  readonly pack: Pack<P>;
  readonly pace: Pace;
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
  readonly shutdownTimeoutMs: number;
  /**
   * Whether spans of these route keys may be sent to the backend today; a file that may not stays where it is.
   *
   * @default () => true
   */
  readonly mayReplay?: ((routeKeys: readonly string[]) => boolean) | undefined;
  /** @default the files of this machine */
  readonly disk?: Disk | undefined;
}

/**
 * For how long the oldest span may wait, beside a queue that is half full, before the backend counts as too
 * slow. One that is well takes many batches in this time.
 */
const BEHIND_MS = 250;
/** The part of a shutdown's time that is kept for writing what has not been sent. */
const RESERVE = 0.4;

/** Creates the spool of one backend. Its first look at the disk is in a turn of its own. */
export function createSpool(options: SpoolOptions): Spool<Body> {
  const { backend, inside, clock, shutdownTimeoutMs, disk = localDisk } = options;
  const { mayReplay = () => true } = options;
  const { backlog, pace } = inside;
  const fingerprint = fingerprintOf(backend);
  const contentType =
    backend.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';
  const store = createStore({ ...options, backend: backend.name, fingerprint, disk });
  const keys = createKeyTrail(oldestHeld);
  const saver = createSaver({ inside, store, keys, fingerprint, contentType, clock });
  const replay = createReplay({ ...options, store, mayReplay });
  let isSpilling = false;
  let isClosing = false;
  let cancelMind: Cancel | undefined;
  let cancelTend = clock.schedule(tend, 0);
  let onDown = () => {};

  function oldestHeld(): number {
    const runs = [...backlog.batches, ...backlog.held].flatMap((batch) => batch.runs);
    const { oldest } = backlog.queue;
    return Math.min(
      backlog.nextSequence,
      ...[...runs, ...(oldest ? [oldest] : [])].map(sequenceOf),
    );
  }

  function tend(): void {
    void store.tend().then(() => {
      if (isClosing) return;
      cancelTend = clock.schedule(tend, HEARTBEAT_MS);
      inside.onChange();
    });
  }

  /** The backend fails, or is slower than its spans come. */
  function isBehind(): boolean {
    const { oldest } = backlog.queue;
    if (pace.isDown || backlog.batches.some(({ failures }) => failures > 0)) return true;
    return oldest !== undefined && clock.now() - oldest.acceptedAtMs > BEHIND_MS;
  }

  function mind(): void {
    if (pace.isDown) onDown();
    if (isSpilling || isClosing || cancelMind !== undefined) return;
    if (!backlog.isPressed || !store.isWritable) return;
    // Not within accept, which is called in the application's own request.
    cancelMind = clock.schedule(spill, isBehind() ? 0 : BEHIND_MS);
  }

  function spill(): void {
    cancelMind = undefined;
    isSpilling = true;
    void spillAll().then(() => {
      isSpilling = false;
    });
  }

  /** Writes the oldest queued spans, one batch at a time: the newest then need not be dropped. */
  async function spillAll(): Promise<void> {
    while (backlog.isPressed && isBehind() && store.isWritable && !isClosing) {
      const batch = formBatch();
      if (batch === undefined || !(await saver.save(batch))) return;
    }
  }

  function formBatch(): Batch<Body> | undefined {
    if (backlog.queue.size === 0) return undefined;
    const { pinLimit } = backlog.account;
    return backlog.form(
      backend.maxExportBatchSize,
      Math.min(backend.maxExportBatchBytes, pinLimit),
    );
  }

  /** Writes all that is held, oldest first, until the disk fails or nobody waits any more. */
  async function saveAll(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const waiting = [...backlog.held, ...backlog.batches].find(
        ({ state }) => state === 'waiting',
      );
      const batch = waiting ?? formBatch();
      if (batch === undefined || !(await saver.save(batch))) break;
    }
    await saver.settled();
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
      const reserved = startDeadline(clock, shutdownTimeoutMs * (1 - RESERVE));
      // There is nothing to wait for where it is known that the backend takes nothing.
      const down = new Promise<void>((resolve) => {
        onDown = resolve;
        if (pace.isDown) resolve();
      });
      return { ...reserved, passed: Promise.race([deadline, reserved.passed, down]) };
    },
    async close(deadline) {
      let isOver = false;
      const over = deadline.then(() => {
        isOver = true;
      });
      saver.hurry();
      // What is being written goes on; what is on its way to the backend does not.
      for (const batch of Array.from(backlog.batches)) {
        if (!saver.has(batch) && batch.state !== 'waiting') backlog.recall(batch);
      }
      await Promise.race([saveAll(() => isOver), over]);
      await Promise.race([store.close(), over]);
    },
  };
}

function sequenceOf({ sequence }: { readonly sequence: number }): number {
  return sequence;
}
