import type { BackendDropReason } from '../../accounting/reasons.js';
import type { Clock } from '../../clock.js';
import { type Batch, isUnsettled } from '../batch.js';
import type { KeyTrail } from '../key-trail.js';
import { nameOf } from '../pack.js';
import type { Body } from '../wire.js';
import type { SpoolInside } from './spool.js';
import type { SpoolHeader } from './spool-file.js';
import type { Store } from './store.js';

/** Writes batches to disk. */
export interface Saver {
  /** How many batches are being written, or wait for their turn. */
  readonly saving: number;
  /** Whether a batch is one of them. */
  has(batch: Batch<Body>): boolean;
  /**
   * Writes a batch that nobody else has in hand. Never rejects.
   *
   * @param reason - Why it is dropped where it can not be written; without one it goes on waiting.
   * @returns `false` where the disk did not take it.
   */
  save(batch: Batch<Body>, reason?: BackendDropReason): Promise<boolean>;
  /** Resolves when no batch is being written any more. */
  settled(): Promise<void>;
  /** Pending attributes of resources are waited for no more: the process is about to end. */
  hurry(): void;
}

/** What batches are written with. */
export interface SaverParts {
  readonly inside: SpoolInside<Body>;
  readonly store: Store;
  readonly keys: KeyTrail;
  readonly fingerprintOf: (parent: string | undefined) => string;
  readonly contentType: SpoolHeader['contentType'];
  readonly clock: Clock;
}

/** Creates the saver of one exporter. */
export function createSaver(parts: SaverParts): Saver {
  const { inside, store, keys, fingerprintOf, contentType, clock } = parts;
  const { backlog, pack } = inside;
  const underWay = new Map<Batch<Body>, Promise<boolean>>();
  let waits = true;

  async function write(batch: Batch<Body>): Promise<boolean> {
    const body = batch.parcel ?? (await pack(batch, waits));
    // It was dropped, split, or settled by somebody else: the disk has not failed.
    if (body === undefined) return true;
    const { parent, tally } = batch.lane;
    const header = {
      fingerprint: fingerprintOf(parent),
      routeKeys: keys.keysOf(batch.runs),
      spans: batch.spans,
      createdAt: Math.floor(clock.epochMs()),
      contentType,
      ...(body.isCompressed && { contentEncoding: 'gzip' as const }),
      ...(parent !== undefined && { parent }),
    };
    const onWritten = () => (isUnsettled(batch) ? backlog.spool(batch) : undefined);
    const file = await store.write(header, body.parts, onWritten, tally);
    return file !== undefined || !isUnsettled(batch);
  }

  async function save(batch: Batch<Body>, reason?: BackendDropReason): Promise<boolean> {
    if (batch.state === 'inFlight') backlog.requeue(batch, Number.POSITIVE_INFINITY);
    backlog.open(batch);
    try {
      const isSaved = await write(batch);
      if (isUnsettled(batch)) {
        if (reason === undefined) backlog.putBack(batch);
        else backlog.drop(batch, reason);
      }
      return isSaved;
    } catch (error) {
      // Nothing above throws but by a bug, which must not become the application's unhandled rejection.
      if (isUnsettled(batch)) {
        backlog.drop(batch, 'refused', `a bug of signalbox: ${nameOf(error)}`);
      }
      return false;
    } finally {
      underWay.delete(batch);
      inside.onChange();
    }
  }

  return {
    get saving() {
      return underWay.size;
    },
    has: (batch) => underWay.has(batch),
    hurry() {
      waits = false;
    },
    save(batch, reason) {
      const saved = save(batch, reason);
      underWay.set(batch, saved);
      return saved;
    },
    async settled() {
      await Promise.all(underWay.values());
    },
  };
}
