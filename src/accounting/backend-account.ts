import type { Clock } from '../clock.js';
import type { Backend, RouteTarget } from '../config/resolved.js';
import type { BackendMetrics, MetricsComponent } from './backend-metrics.js';
import type { KeyTallies, KeyTally } from './key-tallies.js';
import type { ExporterLedger, Place } from './ledger.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { BackendDropReason } from './reasons.js';
import type { BackendState, BackendStats } from './stats.js';
import { sumStats } from './sum-stats.js';

/** What the accounts of one processor share. */
export interface AccountParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tallies: KeyTallies;
}

/**
 * The counters of one backend.
 *
 * A class, so that 10,000 backends share its methods, where as many closures would take megabytes.
 */
export class BackendAccount implements ExporterLedger {
  readonly name: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #tallies: KeyTallies;
  readonly #metrics: BackendMetrics;
  readonly #dropped: Partial<Record<BackendDropReason, number>> = {};
  #accepted = 0;
  #delivered = 0;
  #queued = 0;
  #waiting = 0;
  #inFlight = 0;
  #spooled = 0;
  #spooledAttempted = 0;
  #recovered = 0;
  #movedIn = 0;
  #movedOut = 0;
  #movedUnanswered = 0;
  #bytes = 0;
  #state: BackendState = 'up';
  #lastDeliveredAt: number | undefined;
  #inherited: BackendStats | undefined;
  #onLateDrop: ((reason: BackendDropReason, spans: number) => void) | undefined;

  /** What the exporter's spans are to their routes. */
  readonly role: RouteTarget['role'];

  /** @param component - The name that the metrics have it under. */
  constructor(
    backend: Backend,
    { clock, log, metrics, tallies }: AccountParts,
    component: MetricsComponent,
    role: RouteTarget['role'],
  ) {
    this.name = backend.name;
    this.role = role;
    this.#clock = clock;
    this.#log = log;
    this.#tallies = tallies;
    this.#metrics = metrics.backend(component, this);
  }

  /** Copies that were handed over, ever, by another exporter too. */
  get accepted(): number {
    return this.#accepted + this.#movedIn;
  }

  /** Copies that are not settled, wherever they are. */
  get unsettled(): number {
    return this.#queued + this.#spooled + this.attempted;
  }

  /** Copies that wait for their first attempt. */
  get queued(): number {
    return this.#queued;
  }

  /** Copies that were attempted and are not settled. */
  get attempted(): number {
    return this.#waiting + this.#inFlight + this.#spooledAttempted;
  }

  accept(): void {
    this.#accepted += 1;
    this.#queued += 1;
  }

  start(spans: number, from: Exclude<Place, 'inFlight'>): void {
    this.#leave(from, spans);
    if (isUntried(from)) this.#metrics.start(spans);
    this.#inFlight += spans;
  }

  requeue(spans: number): void {
    this.#inFlight -= spans;
    this.#waiting += spans;
  }

  deliver(spans: number): void {
    if (spans === 0) return;
    this.#metrics.finish(spans);
    this.#inFlight -= spans;
    this.#delivered += spans;
    this.#lastDeliveredAt = this.#clock.epochMs();
  }

  drop(
    reason: BackendDropReason,
    spans: number,
    from: Place,
    detail?: string,
    errorType?: string,
  ): void {
    if (spans === 0) return;
    if (isUntried(from)) this.#metrics.dropQueued(spans, reason);
    else this.#metrics.finish(spans, errorType ?? reason);
    this.#leave(from, spans);
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + spans;
    this.#log.drop(this.name, reason, spans, detail);
    this.#onLateDrop?.(reason, spans);
  }

  spool(spans: number, from: Place): void {
    this.#leave(from, spans);
    if (isUntried(from)) this.#spooled += spans;
    else this.#spooledAttempted += spans;
  }

  recover(spans: number): void {
    this.#recovered += spans;
    this.#spooled += spans;
  }

  moveIn(spans: number): void {
    this.#movedIn += spans;
    this.#queued += spans;
  }

  moveOut(spans: number, from: Place, isUnanswered = false): void {
    if (!isUntried(from)) this.#metrics.finish(spans, 'moved');
    this.#leave(from, spans);
    this.#movedOut += spans;
    if (isUnanswered) this.#movedUnanswered += spans;
  }

  sendBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  endOperation(durationMs: number, errorType?: string, httpStatus?: number): void {
    this.#metrics.endOperation(durationMs, errorType, httpStatus);
  }

  setState(state: BackendState): void {
    this.#state = state;
  }

  tally(routeKey: string): KeyTally {
    return this.#tallies.of(routeKey, this.name);
  }

  /** Adds the counts of an earlier account of the same name. */
  inherit(stats: BackendStats): void {
    this.#inherited = sumStats(this.#inherited, stats);
  }

  /**
   * Its exporter is closed, and holds nothing: what it counted is somebody else's from here on.
   *
   * @param onLateDrop - Told of copies that are handed over all the same, and so dropped at once.
   */
  retire(onLateDrop: (reason: BackendDropReason, spans: number) => void): void {
    this.#onLateDrop = onLateDrop;
    this.#metrics.close();
  }

  stats(): BackendStats {
    const own = this.#own();
    return this.#inherited === undefined ? own : sumStats(this.#inherited, own);
  }

  #own(): BackendStats {
    return {
      accepted: this.#accepted,
      delivered: this.#delivered,
      queued: this.#queued + this.#waiting,
      inFlight: this.#inFlight,
      spooled: this.#spooled + this.#spooledAttempted,
      recovered: this.#recovered,
      movedIn: this.#movedIn,
      movedOut: this.#movedOut,
      movedUnanswered: this.#movedUnanswered,
      dropped: { ...this.#dropped },
      bytes: this.#bytes,
      state: this.#state,
      ...(this.#lastDeliveredAt !== undefined && { lastDeliveredAt: this.#lastDeliveredAt }),
    };
  }

  #leave(place: Place, spans: number): void {
    if (place === 'waiting') this.#waiting -= spans;
    else if (place === 'inFlight') this.#inFlight -= spans;
    else if (place === 'spooled') this.#spooled -= spans;
    else if (place === 'spooledAttempted') this.#spooledAttempted -= spans;
    else this.#queued -= spans;
  }
}

/** Whether copies there have never been attempted, by this process. */
function isUntried(place: Place): boolean {
  return place === 'queued' || place === 'spooled';
}
