import type { Clock } from '../clock.js';
import type { RoutingDropReason } from './reasons.js';
import type { DecisionStats } from './stats.js';

/** How many decisions, and how many failures, are remembered: enough to find a request made a moment ago. */
const CAPACITY = 100;

/** Where a decision was made: by this service, by the caller's signed key, or by nobody. */
export type DecidedBy = 'boundary' | 'withRoute' | 'wire' | 'default';

/** One decision: when, where and to what it was made. */
export interface RecentDecision {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** As it was counted in `stats().decisions`. */
  readonly outcome: keyof DecisionStats;
  readonly by: DecidedBy;
  /** The key in force; absent where there is none, or none that is valid. */
  readonly key?: string;
  /** The backends that it leads to; absent where it leads to none. */
  readonly backends?: readonly string[];
  /** Why its spans are dropped, where they are. */
  readonly dropped?: RoutingDropReason;
  /** Of its first local trace; absent before its first span. */
  readonly traceId?: string;
}

/** One request to a backend that did not come to what it was sent for. */
export interface RecentFailure {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly backend: string;
  /** `retryable` is sent again; of `rejected` the backend took a part; everything else is final for these bytes. */
  readonly outcome: string;
  /** In words that may be logged: no header values, no URL user-info or query, no span contents. */
  readonly message: string;
  /** The HTTP status, or the error's code. */
  readonly errorType: string;
  readonly httpStatus?: number;
  /** From the request to its answer, in milliseconds. */
  readonly durationMs: number;
}

/** The newest decisions and failures of one processor. It remembers nothing before it is switched on. */
export interface Recent {
  switchOn(): void;
  decide(
    outcome: keyof DecisionStats,
    by: DecidedBy,
    key: string | undefined,
    to: readonly string[] | RoutingDropReason | undefined,
    traceId: string | undefined,
  ): void;
  fail(failure: Omit<RecentFailure, 'at'>): void;
  /** The newest first. */
  decisions(): RecentDecision[];
  /** The newest first. */
  failures(): RecentFailure[];
}

/** Creates the memory of one processor, switched off: what nobody will read is not worth a request's time. */
export function createRecent(clock: Pick<Clock, 'epochMs'>): Recent {
  const decisions = createRing<RecentDecision>();
  const failures = createRing<RecentFailure>();
  let isOn = false;
  return {
    switchOn() {
      isOn = true;
    },
    decide(outcome, by, key, to, traceId) {
      if (!isOn) return;
      decisions.push({
        at: clock.epochMs(),
        outcome,
        by,
        ...(key !== undefined && { key }),
        ...(typeof to === 'object' && { backends: to }),
        ...(typeof to === 'string' && { dropped: to }),
        ...(traceId !== undefined && { traceId }),
      });
    },
    fail(failure) {
      if (isOn) failures.push({ at: clock.epochMs(), ...failure });
    },
    decisions: () => decisions.newestFirst(),
    failures: () => failures.newestFirst(),
  };
}

interface Ring<T> {
  push(item: T): void;
  newestFirst(): T[];
}

/** The last so many items. */
function createRing<T>(): Ring<T> {
  const items: T[] = [];
  let pushed = 0;
  return {
    push(item) {
      items[pushed % CAPACITY] = item;
      pushed += 1;
    },
    newestFirst() {
      const next = pushed % CAPACITY;
      return [...items.slice(next), ...items.slice(0, next)].reverse();
    },
  };
}
