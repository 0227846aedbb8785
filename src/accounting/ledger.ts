import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { BackendAccount } from './backend-account.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { BackendDropReason, RoutingDropReason } from './reasons.js';
import type { BackendState, DecisionStats, RoutingStats } from './stats.js';

/**
 * Where one backend's copy of a span stands while it is not settled.
 *
 * `queued` until its first attempt, `inFlight` while on the wire, `waiting` between two attempts. For
 * `stats()` a waiting copy is queued; for the metrics it is in flight, as the semantic conventions ask.
 */
export type Place = 'queued' | 'waiting' | 'inFlight';

/**
 * What happens before the backends. Each method is one independent count, made where the thing happens.
 * Law: `ended = routed + dropped + parked`.
 */
export interface RoutingLedger {
  end(): void;
  route(targets: number): void;
  park(): void;
  unpark(): void;
  /** Spans were dropped; also tells the log and the metrics. */
  drop(reason: RoutingDropReason, spans?: number): void;
  decide(outcome: keyof DecisionStats): void;
}

/**
 * What happens at one backend, in copies of spans. Nothing here throws.
 * Law: `accepted + recovered + movedIn = delivered + dropped + queued + inFlight + spooled + movedOut`.
 */
export interface BackendLedger {
  /** A copy was handed over; it is queued now. */
  accept(): void;
  /**
   * Copies went onto the wire: from `queued` for their first attempt, from `waiting` for every other. The
   * metrics count a span as processed at its first attempt alone.
   */
  start(spans: number, from: 'queued' | 'waiting'): void;
  /** Copies on the wire wait for their retry, or for a smaller request after a 413. */
  requeue(spans: number): void;
  /** Copies on the wire were acknowledged. */
  deliver(spans: number): void;
  /**
   * Copies were dropped; also tells the log and the metrics.
   *
   * @param from - Where they stood.
   * @param detail - What the log line adds, such as the failure's message. No secrets, no span contents.
   * @param errorType - The metrics' `error.type` where the last attempt's failure has one; else the reason.
   */
  drop(
    reason: BackendDropReason,
    spans: number,
    from: Place,
    detail?: string,
    errorType?: string,
  ): void;
  /** A body of this many bytes was sent, an attempt that failed included. */
  sendBytes(bytes: number): void;
  /**
   * An export operation is finally settled: called once for each, its retries included.
   *
   * @param durationMs - From the start of its first attempt to the end of its last, back-off included.
   * @param errorType - Of the last attempt, absent for a full success only: spans that the backend rejected
   *   make it `rejected`.
   * @param httpStatus - Of the last answer, where there was one.
   */
  endOperation(durationMs: number, errorType?: string, httpStatus?: number): void;
  setState(state: BackendState): void;
}

/** Every count of one processor. */
export interface Ledger {
  readonly routing: RoutingLedger;
  /** The ledger of one backend; the same one for the same name. */
  backend(backend: Backend): BackendLedger;
  /** A snapshot, which later events do not change. */
  stats(): RoutingStats;
  /** Takes the queues' sizes out of the metrics, once nothing is queued any more. Counting goes on. */
  close(): void;
}

/** What a ledger depends on. */
export interface LedgerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Creates the ledger of one processor, with everything at 0. */
export function createLedger({ clock, log, metrics }: LedgerOptions): Ledger {
  const accounts = new Map<string, BackendAccount>();
  const dropped: Partial<Record<RoutingDropReason, number>> = {};
  const decisions = {
    decided: 0,
    settled: 0,
    late: 0,
    unknown: 0,
    conflict: 0,
    noRequest: 0,
    unresolved: 0,
    failed: 0,
    refused: 0,
  };
  let ended = 0;
  let routed = 0;
  let targets = 0;
  let parked = 0;

  const routing: RoutingLedger = {
    end() {
      ended += 1;
    },
    route(copies) {
      routed += 1;
      targets += copies;
    },
    park() {
      parked += 1;
    },
    unpark() {
      parked -= 1;
    },
    drop(reason, spans = 1) {
      if (spans === 0) return;
      dropped[reason] = (dropped[reason] ?? 0) + spans;
      metrics.drop(reason, spans);
      log.drop(undefined, reason, spans);
    },
    decide(outcome) {
      decisions[outcome] += 1;
    },
  };

  return {
    routing,
    backend(backend) {
      let account = accounts.get(backend.name);
      if (account === undefined) {
        account = new BackendAccount(backend, clock, log, metrics);
        accounts.set(backend.name, account);
      }
      return account;
    },
    stats() {
      return {
        ended,
        routed,
        targets,
        filtered: 0,
        parked,
        dropped: { ...dropped },
        decisions: { ...decisions },
        backends: Object.fromEntries(Array.from(accounts, ([name, each]) => [name, each.stats()])),
      };
    },
    close: () => metrics.close(),
  };
}
