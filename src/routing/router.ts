import { type Context, type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { RoutingLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { DecidedBy, Recent } from '../accounting/recent.js';
import type { DecisionStats } from '../accounting/stats.js';
import type { Clock } from '../clock.js';
import { createRoutedSpan, type Encoding } from '../encoding/routed-span.js';
import type { Exporter } from '../exporter/exporter.js';
import type { Memory } from '../exporter/memory.js';
import type { ReadableSpan } from '../sdk.js';
import { bind, bindingOf } from './binding.js';
import { isInsideKeyed, isOpen, spanEnded, spanStarted, wireKeyOf } from './decision.js';
import { createParkingLot, ParkingPlace } from './parking.js';
import {
  type Attachment,
  type Decision,
  type DecisionListener,
  type LocalTrace,
  registry,
} from './registry.js';
import { createFindOrphan, type OrphanOptions } from './reroot.js';
import {
  type Destination,
  isPending,
  type PendingDestination,
  type RoutingTable,
} from './table.js';
import { extendTrail, settleTrail, type Trail } from './trail.js';

/** Takes spans from the SDK and hands each to the exporters that its decision leads to. */
export interface Router {
  /** A span starts: binds it to a decision. */
  start(span: SpanContext, parentContext: Context): void;
  /** A span has ended: hands it over, parks it, or drops it. */
  end(span: ReadableSpan): void;
  /** Decides by another table from here on. What is decided keeps where it leads. */
  setTable(table: RoutingTable): void;
  /**
   * Takes no more spans; what is parked leaves, or is dropped as `park_limit`, as on an overflow.
   *
   * @param deadline - Until then spans whose backend is being looked up wait for it.
   * @returns when that is over; `undefined` where there are no such spans.
   */
  close(deadline: Promise<void>): Promise<void> | undefined;
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
  readonly recent: Pick<Recent, 'decide'>;
  /** Whether a link may stand at a backend; see {@link OrphanOptions}. */
  readonly mayLink: NonNullable<OrphanOptions['mayLink']>;
  readonly clock: Clock;
}

/** What a router remembers of one decision. A class for the reason that a decision is one. */
class Remembered extends ParkingPlace implements Attachment {
  readonly owner: object;
  next: Attachment | undefined;
  readonly decision: Decision;
  /** Where the key leads: resolved once, and kept whatever is configured later. */
  destination: Destination | undefined = undefined;
  /** Its backend is being looked up: its spans wait. */
  pending: PendingDestination | undefined = undefined;
  /** Where the key of the wire leads, which counts while no key comes from here. */
  wireDestination: Destination | undefined = undefined;
  /** By which it was settled: its unkeyed spans leave by this one, whatever is in force later. */
  table: RoutingTable | undefined = undefined;
  /** Settled for this router alone: parking is off, or was full. */
  settled = false;
  /** Which spans of the decision, those of nested scopes included, have been handed over. */
  trail: Trail | undefined = undefined;

  constructor(owner: object, decision: Decision) {
    super();
    this.owner = owner;
    this.next = decision.attachment;
    this.decision = decision;
  }
}

/** Creates the router of one processor, and registers it to be told of decisions until it is closed. */
export function createRouter(options: RouterOptions): Router {
  const { parkMaxSpans, parkOverflow, ledger, log, recent } = options;
  let { table } = options;
  const { listeners } = registry();
  const owner = {};
  const findOrphan = createFindOrphan({ whereabouts, mayLink: options.mayLink });
  let closed = false;

  const lot = createParkingLot({
    maxSpans: parkMaxSpans,
    timeoutMs: options.parkTimeoutMs,
    memory: options.memory,
    ledger,
    clock: options.clock,
    estimateBytes: options.estimateBytes,
    overflow: (place) => settleEarly(place as Remembered),
  });

  const listener: DecisionListener = {
    onDecided(decision) {
      const found = decision.key === undefined ? undefined : table.find(decision.key);
      // Also where no span has ended yet: where it leads is what the table says now.
      const mine = find(decision) ?? remember(decision);
      const late = decision.settled || mine.settled;
      if (!isPending(found)) return conclude(decision, mine, late, found, table);
      // Told by this one, whatever table is in force when the backend is found.
      const own = table;
      wait(mine, found, (answer) => conclude(decision, mine, late, answer, own));
      return true;
    },
    onConflict(decision) {
      ledger.decide('conflict');
      debug('conflict', decision, find(decision)?.destination);
    },
    onSettled(decision) {
      const mine = find(decision);
      if (mine?.settled) return;
      const destination = settle(decision, mine);
      if (mine !== undefined && destination !== undefined) empty(mine, destination);
    },
    onRefused(cause, traceId) {
      ledger.decide('refused');
      recent.decide('refused', 'wire', undefined, undefined, traceId);
      log.debug('refused', { cause, traceId });
    },
    flush: (decision, deadline) => flush(find(decision), deadline),
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
    event: keyof DecisionStats,
    decision: Decision,
    destination: Destination | undefined,
    by: DecidedBy = decision.origin === 'withRoute' ? 'withRoute' : 'boundary',
    key = decision.key,
  ): void {
    const leadsTo =
      destination?.exporters === undefined ? destination?.reason : destination.backends;
    const traceId = decision.firstTrace?.traceId;
    recent.decide(event, by, key, leadsTo, traceId);
    log.debug(event, { key, by, leadsTo, traceId });
  }

  /** What waits for a lookup is handed over first. */
  async function flush(mine: Remembered | undefined, deadline: Promise<void>): Promise<void> {
    const pending = mine?.pending;
    if (pending !== undefined) {
      const found = new Promise<void>((resolve) => pending.whenFound(() => resolve()));
      await Promise.race([found, deadline]);
    }
    await settleTrail(mine?.trail, deadline);
  }

  /** The key leads there, finally. Returns whether a route knows it. */
  function conclude(
    decision: Decision,
    mine: Remembered,
    late: boolean,
    found: Destination | undefined,
    { unknown }: RoutingTable,
  ): boolean {
    const known = found?.exporters !== undefined;
    const destination = found ?? unknown;
    const outcome = !known ? 'unknown' : late ? 'late' : 'decided';
    ledger.decide(outcome);
    debug(outcome, decision, destination);
    mine.pending = undefined;
    mine.destination = destination;
    empty(mine, destination);
    return known;
  }

  /** Has the decision's spans wait for where they go, unless something else is waited for by then. */
  function wait(
    mine: Remembered,
    pending: PendingDestination,
    then: (found: Destination | undefined) => void,
  ): void {
    mine.pending = pending;
    pending.whenFound((found) => {
      if (mine.pending !== pending) return;
      mine.pending = undefined;
      then(found);
    });
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
    else if (!lot.park(mine, span)) send(span, resolve(mine) ?? NO_ROUTE, mine, trace);
    else leaveIfDecided(mine);
  }

  /** To measure a span may run code of the application's, which may have decided, or shut down, before it was parked. */
  function leaveIfDecided(mine: Remembered): void {
    const destination = mine.destination ?? resolve(mine);
    if (destination !== undefined) empty(mine, destination);
    else if (closed) leave(mine);
  }

  function resolve(mine: Remembered): Destination | undefined {
    if (mine.pending !== undefined) return undefined;
    const { decision } = mine;
    if (decision.decided) return resolveDecided(mine);
    const mayWait = parkMaxSpans > 0 && !decision.settled && !mine.settled;
    if (mayWait && !table.isUniform) return undefined;
    const destination = mayWait
      ? unkeyed(decision, mine, table)
      : unkeyed(decision, mine, settledTable(mine));
    // Not dropped yet for what the wire says: a key from here may still overrule it.
    return mayWait && destination?.exporters === undefined ? undefined : destination;
  }

  /** For what was decided before this processor was there to be told. */
  function resolveDecided(mine: Remembered): Destination | undefined {
    const { key } = mine.decision;
    const { unknown } = table;
    const found = key === undefined ? undefined : table.find(key);
    if (!isPending(found)) {
      mine.destination = found ?? unknown;
      return mine.destination;
    }
    wait(mine, found, (answer) => {
      mine.destination = answer ?? unknown;
      empty(mine, mine.destination);
    });
    return undefined;
  }

  /** What a decision without a key was once settled by, it stays settled by. */
  function settledTable(mine: Remembered): RoutingTable {
    mine.table ??= table;
    return mine.table;
  }

  /** Where a decision leads that has no key from here; `undefined` while its backend is being looked up. */
  function unkeyed(
    decision: Decision,
    mine: Remembered | undefined,
    own: RoutingTable,
  ): Destination | undefined {
    if (decision.failed) return NO_ROUTE;
    // Several callers in other services, who disagree: the spans of each belong elsewhere.
    if (decision.wire?.isDisputed) return AMBIGUOUS;
    const key = wireKeyOf(decision);
    if (key !== undefined) return mine?.wireDestination ?? findForWire(decision, mine, key, own);
    // A boundary inside a keyed scope, or inside a span that is nobody's, that gets no key may be the scope's
    // work, or another request that runs in a leaked context: the default route would be a guess.
    if (own.isUniform) return own.default;
    return isInsideKeyed(decision) ? AMBIGUOUS : own.default;
  }

  function findForWire(
    decision: Decision,
    remembered: Remembered | undefined,
    key: string,
    own: RoutingTable,
  ): Destination | undefined {
    const found = own.find(key);
    if (!isPending(found)) {
      const destination = found ?? own.unknown;
      if (remembered?.table === own) remembered.wireDestination = destination;
      return destination;
    }
    const mine = remembered ?? remember(decision);
    wait(mine, found, (answer) => {
      mine.wireDestination = answer ?? own.unknown;
      // Again, and by all of its rules: what has become of the decision meanwhile may overrule the wire.
      const destination = settle(decision, mine);
      if (destination !== undefined) empty(mine, destination);
    });
    return undefined;
  }

  /** Says where a decision leads that got no key here, and counts it, unless its backend is being looked up. */
  function settle(decision: Decision, mine: Remembered | undefined): Destination | undefined {
    const own = mine === undefined ? table : settledTable(mine);
    const destination = unkeyed(decision, mine, own);
    if (destination === undefined) return undefined;
    const key = wireKeyOf(decision);
    const isKnown = destination.exporters !== undefined && destination !== own.unknown;
    const outcome = key === undefined ? 'settled' : isKnown ? 'decided' : 'unknown';
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
    if (destination.exporters === undefined) {
      ledger.drop(destination.reason);
      return;
    }
    const { routeKey, lane, choose, rerooting } = destination;
    const exporters =
      choose === undefined ? destination.exporters : choose(span.spanContext().traceId);
    ledger.route(exporters.length);
    const orphan =
      rerooting === undefined ? undefined : findOrphan(span, destination, exporters, trace);
    if (orphan !== undefined) {
      for (const each of exporters) follow(mine, trace, each, each.accept(orphan.at(each)));
      orphan.release();
      return;
    }
    const [first] = exporters;
    if (exporters.length === 1 && first !== undefined) {
      follow(mine, trace, first, first.accept(createRoutedSpan(span, routeKey, lane, undefined)));
      return;
    }
    const encodings: Encoding[] = [];
    const routed = createRoutedSpan(span, routeKey, lane, encodings);
    for (const exporter of exporters) follow(mine, trace, exporter, exporter.accept(routed));
    for (const { release } of encodings) release();
  }

  /** Where a decision's spans are, or will be, all of them; `undefined` where that is not known yet, or differs. */
  function whereabouts(decision: Decision): Destination | undefined {
    const mine = find(decision);
    if (mine === undefined) return undefined;
    const isSettled = decision.settled || mine.settled;
    // Decided late: some may have left before.
    if (decision.decided) return isSettled ? undefined : mine.destination;
    // One that is still to end may yet get a key.
    return isSettled && decision.openTraces === 0 ? resolve(mine) : undefined;
  }

  /** Remembers a span that was handed over, for who waits for its request. */
  function follow(
    mine: Remembered,
    trace: LocalTrace | undefined,
    exporter: Exporter,
    sequence: number,
  ): void {
    // Nobody waits for a shadow.
    if (exporter.role === 'shadow') return;
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
    settle(decision, mine);
  }

  /** Has a decision's parked spans leave for the default route, where that is what an overflow asks for. */
  function settleEarly(mine: Remembered): boolean {
    // A key has come. Wherever it leads, nobody has said that it is the default route.
    if (parkOverflow === 'drop' || mine.pending !== undefined || mine.decision.decided)
      return false;
    mine.settled = true;
    const destination = settle(mine.decision, mine);
    if (destination === undefined) return false;
    empty(mine, destination);
    return true;
  }

  function find(decision: Decision): Remembered | undefined {
    for (let each = decision.attachment; each !== undefined; each = each.next) {
      if (each.owner === owner) return each as Remembered;
    }
    return undefined;
  }

  function remember(decision: Decision): Remembered {
    const mine = new Remembered(owner, decision);
    decision.attachment = mine;
    return mine;
  }

  function close(deadline: Promise<void>): Promise<void> | undefined {
    closed = true;
    listeners.delete(listener);
    lot.close();
    const lookups: Promise<void>[] = [];
    for (const place of lot.places()) {
      const { pending } = place as Remembered;
      if (pending === undefined) leave(place as Remembered);
      else lookups.push(new Promise((resolve) => pending.whenFound(() => resolve())));
    }
    if (lookups.length === 0) return undefined;
    return Promise.race([Promise.all(lookups), deadline]).then(() => {
      for (const place of lot.places()) leave(place as Remembered);
    });
  }

  /** Parking is over. */
  function leave(mine: Remembered): void {
    if (!settleEarly(mine)) lot.release(mine, () => ledger.drop('park_limit'));
  }

  return {
    start,
    end,
    setTable(next) {
      table = next;
    },
    close,
  };
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
