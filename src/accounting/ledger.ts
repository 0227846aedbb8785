import type { BackendDropReason, RoutingDropReason } from './reasons.js';

/** Where one backend's copy of a span stands while it is not settled. */
export type Place = 'queued' | 'inFlight';

/** Health of a backend, as its exporter sees it. */
export type BackendState = 'up' | 'degraded' | 'down';

/** Where a decision was made. */
export type DecisionOrigin = 'boundary' | 'withRoute' | 'default';

/**
 * What happens before the backends. Each method is one independent count, made where the thing happens.
 * Law: `ended = routed + dropped + parked`.
 */
export interface RoutingLedger {
  end(): void;
  route(targets: number): void;
  park(): void;
  unpark(): void;
  drop(reason: RoutingDropReason, spans?: number): void;
  decide(outcome: 'decided' | 'settled' | 'late' | 'unknown' | 'conflict' | 'noRequest'): void;
}

/**
 * What happens at one backend, in copies of spans.
 * Law: `accepted + recovered + movedIn = delivered + dropped + queued + inFlight + spooled + movedOut`.
 */
export interface BackendLedger {
  /** A copy was handed over; it is queued now. */
  accept(): void;
  /** Queued copies went onto the wire. */
  start(spans: number): void;
  /** Copies on the wire wait for their retry. */
  requeue(spans: number): void;
  /** Copies on the wire were acknowledged. */
  deliver(spans: number): void;
  /** Copies were dropped; `from` says where they stood. */
  drop(reason: BackendDropReason, spans: number, from: Place): void;
  /** A body of this many bytes was sent, an attempt that failed included. */
  sendBytes(bytes: number): void;
  setState(state: BackendState): void;
}
