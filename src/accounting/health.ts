import { isBackendName } from '../config/backend-name.js';
import { REMOVED } from './ledger.js';
import type { BackendState, BackendStats, RoutingStats } from './stats.js';
import { NO_STATS, sumStats } from './sum-stats.js';

/**
 * What stands for all backends that are made for route keys: their names contain the keys, and there is no end to
 * them. No backend can have this name.
 */
export const DYNAMIC = '(dynamic)';

/** How one backend is. Counts are copies of spans. */
export interface BackendHealth {
  /**
   * `up` as long as the backend answers, be it to refuse; `degraded` after a failure that can be retried; `down` while it
   * is only probed.
   */
  readonly state: BackendState;
  /** Of a backend that gets copies alone that may be lost; its state has no part in `status`. Absent for any other. */
  readonly role?: 'shadow';
  /** In memory and not on the wire, those that wait for a retry included. */
  readonly queued: number;
  /** On the wire. */
  readonly inFlight: number;
  /** On disk. */
  readonly spooled: number;
  /** How long the oldest span in memory has waited, in milliseconds; absent where there is none. */
  readonly oldestQueuedMs?: number;
  /** When the backend last acknowledged a span, in milliseconds since the epoch; absent before the first. */
  readonly lastDeliveredAt?: number;
  /** Lost since the start, for whatever reason. */
  readonly dropped: number;
}

/** How a processor is: plain values, which can be written as JSON, without route keys, URLs or credentials. */
export interface Health {
  /**
   * `up` while all backends are; `down` when all of them are down, or the processor is shut down; else `degraded`. Backends
   * that are shadows and nothing else do not count.
   */
  readonly status: BackendState;
  /**
   * By the backend's name. Those that are made for route keys are together, as `(dynamic)`, once there is one: its
   * `state` is found as `status` is.
   */
  readonly backends: Readonly<Record<string, BackendHealth>>;
}

/** How the backends of a processor are told of. */
export interface HealthOptions {
  /** Whether the processor is shut down. */
  readonly isShutDown: boolean;
  /** The backends that are shadows and nothing else. */
  readonly shadows: ReadonlySet<string>;
  /** The name under which a backend is told of. @default {@link boundedName} */
  readonly nameOf?: (backend: string) => string;
}

/** How long the oldest span has waited that one exporter holds. */
export interface Waiting {
  /** Of the backend. */
  readonly name: string;
  readonly oldestQueuedMs: number | undefined;
}

/** The name under which a backend may be told of: its own where it is configured, none that a key is a part of. */
export function boundedName(name: string): string {
  return isBackendName(name) || name === REMOVED ? name : DYNAMIC;
}

/** Sums up the counts of backends that are told of under one name. */
export function boundStats(
  backends: RoutingStats['backends'],
  nameOf: (backend: string) => string = boundedName,
): Map<string, BackendStats> {
  const bounded = new Map<string, BackendStats>();
  for (const [name, stats] of Object.entries(backends)) {
    const shown = nameOf(name);
    bounded.set(shown, sumStats(bounded.get(shown), stats));
  }
  return bounded;
}

/** Judges the health of a processor by what its ledger and its exporters say. */
export function assessHealth(
  backends: RoutingStats['backends'],
  waiting: Iterable<Waiting>,
  { isShutDown, shadows, nameOf = boundedName }: HealthOptions,
): Health {
  const states = new Map<string, BackendState[]>();
  const counting: BackendState[] = [];
  /** Under which names there is more than shadows. */
  const primaries = new Set<string>();
  for (const [name, { state }] of Object.entries(backends)) {
    // What is gone has no health.
    if (name === REMOVED) continue;
    const shown = nameOf(name);
    const others = states.get(shown);
    if (others === undefined) states.set(shown, [state]);
    else others.push(state);
    if (shadows.has(name)) continue;
    counting.push(state);
    primaries.add(shown);
  }
  const oldest = new Map<string, number>();
  for (const { name, oldestQueuedMs } of waiting) {
    if (oldestQueuedMs === undefined) continue;
    const shown = nameOf(name);
    oldest.set(shown, Math.max(oldest.get(shown) ?? 0, oldestQueuedMs));
  }
  const stats = boundStats(backends, nameOf);
  return {
    status: isShutDown ? 'down' : overall(counting),
    backends: Object.fromEntries(
      Array.from(states, ([name, each]) => [
        name,
        {
          ...healthOf(stats.get(name) ?? NO_STATS, overall(each), oldest.get(name)),
          ...(!primaries.has(name) && { role: 'shadow' }),
        },
      ]),
    ),
  };
}

function healthOf(
  { queued, inFlight, spooled, dropped, lastDeliveredAt }: BackendStats,
  state: BackendState,
  oldestQueuedMs: number | undefined,
): BackendHealth {
  return {
    state,
    queued,
    inFlight,
    spooled,
    ...(oldestQueuedMs !== undefined && { oldestQueuedMs: Math.round(oldestQueuedMs) }),
    ...(lastDeliveredAt !== undefined && { lastDeliveredAt }),
    dropped: Object.values(dropped).reduce((sum, count) => sum + count, 0),
  };
}

function overall(states: readonly BackendState[]): BackendState {
  if (states.every((state) => state === 'up')) return 'up';
  return states.every((state) => state === 'down') ? 'down' : 'degraded';
}
