import type { Backlog } from './backlog.js';
import type { Parcel } from './courier.js';

/**
 * When the oldest span was accepted that is held in memory, queued or in a batch, on the monotonic clock; `undefined`
 * where none is held. Some time early, by what the spans before it took to come: the queue does not ask the clock for
 * each of them.
 */
export function oldestAcceptedAtMs<P extends Parcel>({
  lanes,
  batches,
  held,
}: Pick<Backlog<P>, 'lanes' | 'batches' | 'held'>): number | undefined {
  let oldestMs = lanes.oldest?.acceptedAtMs ?? Number.POSITIVE_INFINITY;
  for (const waiting of [batches, held]) {
    for (const { runs } of waiting) {
      oldestMs = Math.min(oldestMs, runs[0]?.acceptedAtMs ?? Number.POSITIVE_INFINITY);
    }
  }
  return oldestMs === Number.POSITIVE_INFINITY ? undefined : oldestMs;
}
