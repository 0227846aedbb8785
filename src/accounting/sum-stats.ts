import type { BackendStats } from './stats.js';

/** What an exporter has counted that has had no span. */
export const NO_STATS: BackendStats = {
  accepted: 0,
  delivered: 0,
  queued: 0,
  inFlight: 0,
  spooled: 0,
  recovered: 0,
  movedIn: 0,
  movedOut: 0,
  movedUnanswered: 0,
  dropped: {},
  bytes: 0,
  state: 'up',
};

/**
 * Adds up what two exporters of one name have counted. The state is that of `later`; the last delivery, the later one.
 */
export function sumStats(earlier: BackendStats | undefined, later: BackendStats): BackendStats {
  if (earlier === undefined) return later;
  const { dropped, state, lastDeliveredAt, ...counts } = later;
  const lastDelivery = Math.max(earlier.lastDeliveredAt ?? 0, lastDeliveredAt ?? 0);
  return {
    ...addCounts(earlier, counts),
    dropped: { ...earlier.dropped, ...addCounts(earlier.dropped, dropped) },
    state,
    ...(lastDelivery > 0 && { lastDeliveredAt: lastDelivery }),
  };
}

/** Each count of `later`, with that of the same name in `earlier`. */
function addCounts<T extends Readonly<Partial<Record<keyof T, number>>>>(
  earlier: Readonly<Partial<Record<keyof T, number>>>,
  later: T,
): T {
  const sums = { ...later };
  for (const key of Object.keys(later) as (keyof T)[]) {
    sums[key] = ((earlier[key] ?? 0) + (later[key] ?? 0)) as T[keyof T];
  }
  return sums;
}
