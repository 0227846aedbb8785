import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import type { Unauthorized } from '../transport/result.js';
import { noteRefusal } from './answers.js';
import type { Backlog } from './backlog.js';
import type { Batch } from './batch.js';
import type { Parcel } from './courier.js';
import { createRenewalWatch } from './renewal-watch.js';

/** What a grace depends on: all of one exporter. */
export interface GraceParts<P extends Parcel> {
  readonly backend: Pick<Backend, 'name' | 'authGraceMs'>;
  readonly backlog: Pick<Backlog<P>, 'held' | 'hold' | 'drop'>;
  readonly log: Pick<Log, 'warn'>;
  readonly clock: Pick<Clock, 'now'>;
  /** A batch may be sent again. */
  readonly onReady: () => void;
}

/** The time that batches have which were refused for their credentials. */
export interface Grace<P extends Parcel> {
  /** The batch that has waited longest of those for which there are other credentials now. */
  ready(): Batch<P> | undefined;
  /** When the next batch's grace is over; some time before that where batches have been settled meanwhile. */
  endsAtMs(): number;
  /** Holds a batch that was refused, or drops it where its grace is over. */
  hold(batch: Batch<P>, result: Unauthorized): void;
  /** Drops the batches whose grace is over. */
  dropExpired(nowMs: number): void;
}

/**
 * Creates the grace of one exporter's batches.
 *
 * Each batch has its own, from its first refusal on, and takes no place among those under way: others go on, since
 * the backend may have refused this one for its parent or tenant alone.
 */
export function createGrace<P extends Parcel>(parts: GraceParts<P>): Grace<P> {
  const { backend, backlog, clock, onReady } = parts;
  const renewed = new Set<Batch<P>>();
  /** What each batch that is held waits for. */
  const awaited = new WeakMap<Batch<P>, Promise<void>>();
  let endsAtMs = Number.POSITIVE_INFINITY;

  const watch = createRenewalWatch((isRenewed) => {
    for (const batch of backlog.held) {
      if (awaited.get(batch) === isRenewed) renewed.add(batch);
    }
    if (renewed.size > 0) onReady();
  });

  return {
    ready() {
      if (renewed.size === 0) return undefined;
      for (const batch of renewed) {
        if (backlog.held.has(batch)) return batch;
        // Sent again, or dropped, since then.
        renewed.delete(batch);
      }
      return undefined;
    },
    endsAtMs: () => endsAtMs,
    hold(batch, { failure, renewed: isRenewed }) {
      const nowMs = clock.now();
      batch.failure = failure;
      batch.graceUntilMs ??= nowMs + backend.authGraceMs;
      if (batch.graceUntilMs <= nowMs) {
        backlog.drop(batch, 'refused');
        return;
      }
      noteRefusal(parts, failure);
      endsAtMs = Math.min(endsAtMs, batch.graceUntilMs);
      renewed.delete(batch);
      awaited.set(batch, isRenewed);
      backlog.hold(batch);
      watch(isRenewed);
    },
    dropExpired(nowMs) {
      if (nowMs < endsAtMs) return;
      endsAtMs = Number.POSITIVE_INFINITY;
      for (const batch of backlog.held) {
        const { graceUntilMs = nowMs } = batch;
        if (graceUntilMs <= nowMs) backlog.drop(batch, 'refused');
        else endsAtMs = Math.min(endsAtMs, graceUntilMs);
      }
    },
  };
}
