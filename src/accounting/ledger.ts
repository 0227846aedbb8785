import type { Clock } from '../clock.js';
import type { Backend, RouteTarget } from '../config/resolved.js';
import { BackendAccount } from './backend-account.js';
import type { MetricsComponent } from './backend-metrics.js';
import { createKeyTallies, type KeyTallies, type KeyTally } from './key-tallies.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { BackendDropReason, RoutingDropReason } from './reasons.js';
import type { BackendState, BackendStats, DecisionStats, RoutingStats } from './stats.js';
import { NO_STATS, sumStats } from './sum-stats.js';

/**
 * Where one backend's copy of a span stands while it is not settled.
 *
 * `queued` until its first attempt, `inFlight` while on the wire, `waiting` between two attempts. For
 * `stats()` a waiting copy is queued; for the metrics it is in flight, as the semantic conventions ask. On disk
 * it is `spooled` before its first attempt by this process, and `spooledAttempted` after it, which for the
 * metrics is in flight as well.
 */
export type Place = 'queued' | 'waiting' | 'inFlight' | 'spooled' | 'spooledAttempted';

/**
 * What happens before the backends. Each method is one independent count, made where the thing happens.
 * Law: `ended = routed + dropped + parked`.
 */
export interface RoutingLedger {
  end(): void;
  route(targets: number): void;
  /** A copy was kept back by what its backend may see. */
  filter(): void;
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
   * Copies went onto the wire: from `queued` or `spooled` for their first attempt, from `waiting` or
   * `spooledAttempted` for every other. The metrics count a span as processed at its first attempt alone.
   */
  start(spans: number, from: Exclude<Place, 'inFlight'>): void;
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
  /** Copies were written to disk, or an attempt at those of a file has come to nothing. */
  spool(spans: number, from: Place): void;
  /** Copies that another process left on disk were taken over; they are `spooled` now. */
  recover(spans: number): void;
  /**
   * Copies are held elsewhere now: by another process, or another backend's exporter.
   *
   * @param isUnanswered - Whether this backend may have taken them as well.
   */
  moveOut(spans: number, from: Place, isUnanswered?: boolean): void;
  /** Copies of another backend's exporter were taken over; they are queued now. */
  moveIn(spans: number): void;
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
  /** The count of a route key at this backend, for routes that are counted so. */
  tally(routeKey: string): KeyTally;
}

/** The ledger of one exporter, and what a processor asks of it. */
export interface ExporterLedger extends BackendLedger {
  /** The backend's name. */
  readonly name: string;
  /** Copies that were handed over, ever, by another backend's exporter too. */
  readonly accepted: number;
  /** Copies that are not settled, wherever they are: in memory, on the wire or on disk. */
  readonly unsettled: number;
}

/** Every count of one processor. */
export interface Ledger {
  readonly routing: RoutingLedger;
  /**
   * Opens the ledger of one exporter. Those of the same name are one in `stats()`.
   *
   * @param component - What the metrics tell of it; by default, all of it under the backend's name.
   * @param role - What its spans are to their routes. The state of a name is that of its primary, once that has had a
   *   span: a shadow's exporter may be idle, and knows nothing of the outage that the primary's is in.
   */
  backend(
    backend: Backend,
    component?: MetricsComponent,
    role?: RouteTarget['role'],
  ): ExporterLedger;
  /**
   * The exporter is closed, and holds nothing. What it counted goes to another one of the same name, or else to
   * the backend `(removed)`: whatever the number of names that come and go, `stats()` and the memory stay small.
   * So do copies that are handed to it later.
   */
  retire(exporter: ExporterLedger): void;
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
  /** @default none */
  readonly tallies?: KeyTallies;
}

/** What stands in `stats()` for all exporters whose name is gone. No backend can have this name. */
export const REMOVED = '(removed)';

/** Creates the ledger of one processor, with everything at 0. */
export function createLedger(options: LedgerOptions): Ledger {
  const { clock, log, metrics, tallies = createKeyTallies() } = options;
  /** By name: one, or more while an exporter that was replaced drains; the youngest is the last. */
  const accounts = new Map<string, BackendAccount[]>();
  let removed: BackendStats | undefined;
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
  let filtered = 0;
  let parked = 0;

  const routing: RoutingLedger = {
    end() {
      ended += 1;
    },
    route(copies) {
      routed += 1;
      targets += copies;
    },
    filter() {
      filtered += 1;
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

  function bequeath(name: string, stats: BackendStats): void {
    const heir = accounts.get(name)?.at(-1);
    if (heir !== undefined) heir.inherit(stats);
    else removed = sumStats(removed, { ...stats, state: 'up' });
  }

  return {
    routing,
    backend(backend, component = backend, role = 'primary') {
      const parts = { clock, log, metrics, tallies };
      const account = new BackendAccount(backend, parts, component, role);
      const others = accounts.get(backend.name);
      if (others === undefined) accounts.set(backend.name, [account]);
      else others.push(account);
      return account;
    },
    retire(exporter) {
      const { name } = exporter;
      const ofName = accounts.get(name) ?? [];
      const account = ofName.find((each) => each === exporter);
      if (account === undefined) return;
      ofName.splice(ofName.indexOf(account), 1);
      if (ofName.length === 0) accounts.delete(name);
      bequeath(name, account.stats());
      account.retire((reason, spans) => bequeath(name, lateDrop(reason, spans)));
    },
    stats() {
      return {
        ended,
        routed,
        targets,
        filtered,
        parked,
        dropped: { ...dropped },
        decisions: { ...decisions },
        routes: tallies.snapshot(),
        backends: Object.fromEntries([
          ...Array.from(accounts, ([name, ofName]) => [name, statsOf(ofName)] as const),
          ...(removed === undefined ? [] : [[REMOVED, removed] as const]),
        ]),
      };
    },
    close: () => metrics.close(),
  };
}

function statsOf(accounts: readonly BackendAccount[]): BackendStats {
  let sum: BackendStats | undefined;
  for (const account of accounts) sum = sumStats(sum, account.stats());
  if (sum === undefined) return NO_STATS;
  const shadow = accounts.findLast(({ role }) => role === 'shadow')?.stats();
  const primary = shadow && accounts.findLast(({ role }) => role === 'primary')?.stats();
  if (shadow === undefined || primary === undefined) return sum;
  const isUsed = primary.accepted + primary.recovered + primary.movedIn > 0;
  return { ...sum, state: isUsed ? primary.state : shadow.state };
}

function lateDrop(reason: BackendDropReason, spans: number): BackendStats {
  return { ...NO_STATS, accepted: spans, dropped: { [reason]: spans } };
}
