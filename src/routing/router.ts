import { type Context, type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { RoutingLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Encoding } from '../encoding/routed-span.js';
import type { Exporter } from '../exporter/exporter.js';
import type { Memory } from '../exporter/memory.js';
import type { ReadableSpan } from '../sdk.js';
import { bind, bindingOf } from './binding.js';
import { isInsideKeyed, isOpen, spanEnded, spanStarted, wireKeyOf } from './decision.js';
import { createParkingLot, type ParkingPlace } from './parking.js';
import {
  type Attachment,
  type Decision,
  type DecisionListener,
  type LocalTrace,
  registry,
} from './registry.js';
import type { Destination, RoutingTable } from './table.js';
import { extendTrail, settleTrail, type Trail } from './trail.js';

/** Takes spans from the SDK and hands each to the exporters that its decision leads to. */
export interface Router {
  /** A span starts: binds it to a decision. */
  start(span: SpanContext, parentContext: Context): void;
  /** A span has ended: hands it over, parks it, or drops it. */
  end(span: ReadableSpan): void;
  /** Takes no more spans; what is parked leaves, or is dropped as `park_limit`, as on an overflow. */
  close(): void;
}

/** What a router decides by, and whom it tells. */
export interface RouterOptions {
  readonly table: RoutingTable;
  readonly parkMaxSpans: number;
  readonly parkTimeoutMs: number;
  readonly parkOverflow: 'drop' | 'default';
  readonly estimateBytes: (span: ReadableSpan) => number;
  readonly memory: Memory;
  readonly ledger: RoutingLedger;
  readonly log: Log;
  readonly clock: Clock;
}

/** What a router remembers of one decision. */
interface Remembered extends Attachment, ParkingPlace {
  readonly decision: Decision;
  /** Where the key leads: resolved once, and kept whatever is configured later. */
  destination: Destination | undefined;
  /** Settled for this router alone: parking is off, or was full. */
  settled: boolean;
  /** Which spans of the decision, those of nested scopes included, have been handed over. */
  trail: Trail | undefined;
}

/** Creates the router of one processor, and registers it to be told of decisions until it is closed. */
export function createRouter(options: RouterOptions): Router {
  const { table, parkMaxSpans, parkOverflow, ledger, log } = options;
  const { listeners } = registry();
  const owner = {};
  let closed = false;

  const lot = createParkingLot({
    maxSpans: parkMaxSpans,
    timeoutMs: options.parkTimeoutMs,
    memory: options.memory,
    ledger,
    clock: options.clock,
    estimateBytes: options.estimateBytes,
    overflow: (place) => parkOverflow === 'default' && settleEarly(place as Remembered),
  });

  const listener: DecisionListener = {
    onDecided(decision) {
      const known = decision.key === undefined ? undefined : table.find(decision.key);
      const destination = known ?? table.unknown;
      const mine = find(decision);
      const late = decision.settled || mine?.settled === true;
      const outcome = known === undefined ? 'unknown' : late ? 'late' : 'decided';
      ledger.decide(outcome);
      debug(outcome, decision, destination);
      if (mine !== undefined) {
        mine.destination = destination;
        empty(mine, destination);
      }
      return known !== undefined;
    },
    onConflict(decision) {
      ledger.decide('conflict');
      debug('conflict', decision, find(decision)?.destination);
    },
    onSettled(decision) {
      const mine = find(decision);
      if (mine?.settled) return;
      const destination = settle(decision);
      if (mine !== undefined) empty(mine, destination);
    },
    onRefused(cause, traceId) {
      ledger.decide('refused');
      log.debug('refused', { cause, traceId });
    },
    flush: (decision, deadline) => settleTrail(find(decision)?.trail, deadline),
    onNoRequest() {
      ledger.decide('noRequest');
    },
    onUnresolved(decision) {
      ledger.decide('unresolved');
      debug('unresolved', decision, undefined);
      log.warn('unresolved', UNRESOLVED);
    },
    onFailed(decision, error) {
      ledger.decide('failed');
      debug('failed', decision, undefined);
      log.warn('failed', describeFailure(decision, error));
    },
  };
  listeners.add(listener);

  /** Says where and to what a decision was made. */
  function debug(
    event: string,
    decision: Decision,
    destination: Destination | undefined,
    by: string = decision.origin === 'withRoute' ? 'withRoute' : 'boundary',
    key = decision.key,
  ): void {
    const leadsTo =
      destination?.exporters === undefined ? destination?.reason : destination.backends;
    log.debug(event, { key, by, leadsTo, traceId: decision.firstTrace?.traceId });
  }

  function start(span: SpanContext, parentContext: Context): void {
    const trace = bindingOf(span) ?? bind(span, parentContext);
    if (trace === undefined) return;
    spanStarted(trace);
    if (parkMaxSpans === 0 && !closed) settleAtStart(trace.decision);
  }

  function end(span: ReadableSpan): void {
    const context = span.spanContext();
    const trace = bindingOf(context);
    // First, since the last span of an unkeyed request settles it, and need not be parked then.
    if (trace !== undefined) spanEnded(trace, context);
    if ((context.traceFlags & TraceFlags.SAMPLED) !== 0) {
      ledger.end();
      handOver(span, trace);
    }
  }

  function handOver(span: ReadableSpan, trace: LocalTrace | undefined): void {
    if (closed) {
      ledger.drop('already_shutdown');
      return;
    }
    if (trace === undefined || trace.decision.origin === 'ambiguous') {
      ledger.drop('ambiguous');
      return;
    }
    const { decision } = trace;
    const mine = find(decision) ?? remember(decision);
    const destination = mine.destination ?? resolve(mine);
    if (destination !== undefined) send(span, destination, mine, trace);
    else if (!lot.park(mine, span)) send(span, unkeyed(decision), mine, trace);
    else leaveIfDecided(mine);
  }

  /** To measure a span may run code of the application's, which may have decided, or shut down, before it was parked. */
  function leaveIfDecided(mine: Remembered): void {
    const destination = mine.destination ?? resolve(mine);
    if (destination !== undefined) empty(mine, destination);
    else if (closed) leave(mine);
  }

  function resolve(mine: Remembered): Destination | undefined {
    const { decision } = mine;
    if (decision.decided) {
      const found = decision.key === undefined ? undefined : table.find(decision.key);
      mine.destination = found ?? table.unknown;
      return mine.destination;
    }
    const mayWait = parkMaxSpans > 0 && !decision.settled && !mine.settled;
    if (mayWait && !table.isUniform) return undefined;
    const destination = unkeyed(decision);
    // Not dropped yet for what the wire says: a key from here may still overrule it.
    return mayWait && destination.exporters === undefined ? undefined : destination;
  }

  function unkeyed(decision: Decision): Destination {
    if (decision.failed) return NO_ROUTE;
    // Several callers in other services, who disagree: the spans of each belong elsewhere.
    if (decision.wire?.isDisputed) return AMBIGUOUS;
    const key = wireKeyOf(decision);
    if (key !== undefined) return table.find(key) ?? table.unknown;
    // A boundary inside a keyed scope, or inside a span that is nobody's, that gets no key may be the scope's
    // work, or another request that runs in a leaked context: the default route would be a guess.
    if (table.isUniform) return table.default;
    return isInsideKeyed(decision) ? AMBIGUOUS : table.default;
  }

  /** Says where a decision leads that got no key here, and counts it. */
  function settle(decision: Decision): Destination {
    const key = wireKeyOf(decision);
    const isKnown = key !== undefined && table.find(key) !== undefined;
    const outcome = key === undefined ? 'settled' : isKnown ? 'decided' : 'unknown';
    const destination = unkeyed(decision);
    ledger.decide(outcome);
    debug(outcome, decision, destination, key === undefined ? 'default' : 'wire', key);
    return destination;
  }

  function send(
    span: ReadableSpan,
    destination: Destination,
    mine: Remembered,
    trace: LocalTrace | undefined,
  ): void {
    const { exporters } = destination;
    if (exporters === undefined) {
      ledger.drop(destination.reason);
      return;
    }
    ledger.route(exporters.length);
    const { routeKey } = destination;
    const [first] = exporters;
    if (exporters.length === 1 && first !== undefined) {
      follow(mine, trace, first, first.accept({ span, routeKey, encodings: undefined }));
      return;
    }
    const encodings: Encoding[] = [];
    const routed = { span, routeKey, encodings };
    for (const exporter of exporters) follow(mine, trace, exporter, exporter.accept(routed));
    for (const { release } of encodings) release();
  }

  /** Remembers a span that was handed over, for who waits for its request. */
  function follow(
    mine: Remembered,
    trace: LocalTrace | undefined,
    exporter: Exporter,
    sequence: number,
  ): void {
    mine.trail = extendTrail(mine.trail, exporter, sequence);
    if (trace?.root === undefined) return;
    const { decision } = trace.root;
    const outer = find(decision) ?? remember(decision);
    outer.trail = extendTrail(outer.trail, exporter, sequence);
  }

  function empty(place: ParkingPlace, destination: Destination): void {
    lot.release(place, (span) =>
      send(span, destination, place as Remembered, bindingOf(span.spanContext())),
    );
  }

  function settleAtStart(decision: Decision): void {
    if (!isOpen(decision)) return;
    const mine = find(decision) ?? remember(decision);
    if (mine.settled) return;
    mine.settled = true;
    settle(decision);
  }

  function settleEarly(mine: Remembered): true {
    mine.settled = true;
    empty(mine, settle(mine.decision));
    return true;
  }

  function find(decision: Decision): Remembered | undefined {
    for (let each = decision.attachment; each !== undefined; each = each.next) {
      if (each.owner === owner) return each as Remembered;
    }
    return undefined;
  }

  function remember(decision: Decision): Remembered {
    const mine: Remembered = {
      spans: 0,
      bytes: 0,
      first: undefined,
      last: undefined,
      owner,
      next: decision.attachment,
      decision,
      destination: undefined,
      settled: false,
      trail: undefined,
    };
    decision.attachment = mine;
    return mine;
  }

  function close(): void {
    closed = true;
    listeners.delete(listener);
    for (const place of lot.places()) leave(place as Remembered);
    lot.close();
  }

  /** Parking is over. */
  function leave(mine: Remembered): void {
    if (parkOverflow === 'default') settleEarly(mine);
    else lot.release(mine, () => ledger.drop('park_limit'));
  }

  return { start, end, close };
}

const UNRESOLVED =
  'the resolver of routeRequests found no route key in a request, whose spans go to the default route unless setRoute names one';

/** Without the message: it is the application's, and may quote a token or a header. */
function describeFailure(decision: Decision, error: unknown): string {
  const what = error instanceof Error ? error.name : typeof error;
  const then = decision.failed
    ? 'are dropped as no_route unless setRoute names one. Handle the error in the resolver, or set onError: "default"'
    : 'go to the default route unless setRoute names one';
  return `the resolver of routeRequests failed for a request (${what}), whose spans ${then}`;
}

const NO_ROUTE: Destination = { exporters: undefined, reason: 'no_route' };
const AMBIGUOUS: Destination = { exporters: undefined, reason: 'ambiguous' };
