import type { BackendDropReason, RoutingDropReason } from './reasons.js';

/** Health of a backend, as its exporter sees it. */
export type BackendState = 'up' | 'degraded' | 'down';

/**
 * What became of every span until now: a snapshot of plain values, which can be written as JSON and which
 * later events do not change. All counts are since the processor was made, but for `parked`, `queued`,
 * `inFlight` and `spooled`, which say what is there now.
 *
 * Two laws hold at every moment:
 *
 * - before the backends: `ended = routed + (sum of dropped) + parked`, and the sum of `accepted` over the
 *   backends is `targets - filtered`;
 * - at each backend: `accepted + recovered + movedIn = delivered + (sum of dropped) + queued + inFlight +
 *   spooled + movedOut`.
 */
export interface RoutingStats {
  /** Sampled spans that ended. */
  readonly ended: number;
  /** Spans that were handed to at least one backend. */
  readonly routed: number;
  /** Copies of the routed spans: a span that goes to three backends counts three. */
  readonly targets: number;
  /** Copies that were left out by what a backend may see, its filter or its view; 0 where no backend has one. */
  readonly filtered: number;
  /** Spans that ended while their decision was open, and wait for it now. */
  readonly parked: number;
  /** Spans that reached no backend, by reason; a reason is absent while its count is 0. */
  readonly dropped: Readonly<Partial<Record<RoutingDropReason, number>>>;
  readonly decisions: DecisionStats;
  /**
   * By route key and backend, for the routes that have a shadow or a share: what was handed over, and what came of it, so
   * that two sides of a migration can be compared. What is neither delivered, dropped nor moved is on its way, be it on
   * disk; what an earlier process left there is not counted here.
   */
  readonly routes: Readonly<Record<string, Readonly<Record<string, RouteStats>>>>;
  /**
   * By the backend's name; every configured backend is there, and every open one of a key, as `template/<key>`. A backend
   * that was removed is there until it has drained. What was counted by those that are gone is in `(removed)`, together,
   * or with the backend that took the name.
   */
  readonly backends: Readonly<Record<string, BackendStats>>;
}

/** How decisions were made, or were not. */
export interface DecisionStats {
  /** A known key decided: one from here while the decision was open, or, where none came, one from another service. */
  readonly decided: number;
  /** No key came: settled to the default route, or, with none configured, to be dropped. */
  readonly settled: number;
  /** A known key came after the decision was settled; it decides for the spans that end from then on. */
  readonly late: number;
  /** The key that decided is not valid, or leads to no route. */
  readonly unknown: number;
  /** A second, different key, which changed nothing. */
  readonly conflict: number;
  /** `setRoute` was called where no request is in force. */
  readonly noRequest: number;
  /** The resolver of a `routeRequests` found no key, and none had come otherwise. */
  readonly unresolved: number;
  /** The resolver of a `routeRequests` threw or rejected. */
  readonly failed: number;
  /** A route key from another service was not accepted; it decided nothing. Debug logs say why. */
  readonly refused: number;
}

/** What became of one route's copies at one backend. */
export interface RouteStats {
  readonly accepted: number;
  readonly delivered: number;
  readonly dropped: number;
  /** Taken over from a backend that this one stands by for. */
  readonly movedIn: number;
  /** Taken over by the backend's standby, or left on disk for others. */
  readonly movedOut: number;
}

/** What became of one backend's copies of spans. The law is at {@link RoutingStats}. */
export interface BackendStats {
  /** Copies handed to the exporter, those that its full queue then dropped included. */
  readonly accepted: number;
  /** Copies that the backend acknowledged. */
  readonly delivered: number;
  /** Copies in memory that are not on the wire, those that wait for a retry included. */
  readonly queued: number;
  /** Copies on the wire. */
  readonly inFlight: number;
  /** Copies on disk; 0 without a spool. */
  readonly spooled: number;
  /** Copies that an earlier process left on disk and this one took over; 0 without a spool. */
  readonly recovered: number;
  /** Copies taken over from the exporter of a backend that this one stands by for. */
  readonly movedIn: number;
  /**
   * Copies given to the exporter of the standby, or left on disk for others: because another process has taken this
   * one's files over, as it had shown no sign of life, or because the backend was closed with them. 0 unless that happens.
   */
  readonly movedOut: number;
  /** Of `movedOut`, copies that the standby was given after a request with no answer: they may be at both backends. */
  readonly movedUnanswered: number;
  /** Copies lost, by reason; a reason is absent while its count is 0. */
  readonly dropped: Readonly<Partial<Record<BackendDropReason, number>>>;
  /** Bytes of the bodies, compressed as they are sent, of every attempt, those that found no connection included. */
  readonly bytes: number;
  /** `up` as long as the backend answers, be it to refuse; `degraded` after a failure that can be retried; `down` while the exporter only probes. */
  readonly state: BackendState;
  /** When the backend last acknowledged a span, in milliseconds since the epoch; absent before the first. */
  readonly lastDeliveredAt?: number;
}
