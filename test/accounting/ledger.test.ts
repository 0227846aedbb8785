import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLedger, type Ledger } from '../../src/accounting/ledger.js';
import type { Log } from '../../src/accounting/log.js';
import { createMetrics } from '../../src/accounting/metrics.js';
import type { BackendDropReason, RoutingDropReason } from '../../src/accounting/reasons.js';
import type { RoutingStats } from '../../src/accounting/stats.js';
import { createBackend } from '../helpers/backend.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const url = 'http://127.0.0.1:4318/v1/traces';

function setUp() {
  const clock = createFakeClock();
  const drops: unknown[] = [];
  const log: Log = {
    drop: (...args) => drops.push(args),
    warn() {},
    once() {},
    debug() {},
    flush() {},
  };
  return { clock, drops, ledger: createLedger({ clock, log, metrics: createMetrics(undefined) }) };
}

function open(ledger: Ledger, name: string) {
  return ledger.backend(createBackend(url, { name }));
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function expectLaws(stats: RoutingStats): void {
  expect(stats.ended).toBe(stats.routed + sum(stats.dropped) + stats.parked);
  let accepted = 0;
  for (const backend of Object.values(stats.backends)) {
    accepted += backend.accepted;
    expect(backend.accepted + backend.recovered + backend.movedIn).toBe(
      backend.delivered +
        sum(backend.dropped) +
        backend.queued +
        backend.inFlight +
        backend.spooled +
        backend.movedOut,
    );
  }
  expect(accepted).toBe(stats.targets - stats.filtered);
}

describe('the ledger', () => {
  it('has every counter at 0, and no reason to drop, at first', () => {
    const { ledger } = setUp();
    open(ledger, 'eu');
    expect(ledger.stats()).toEqual({
      ended: 0,
      routed: 0,
      targets: 0,
      filtered: 0,
      parked: 0,
      dropped: {},
      decisions: {
        decided: 0,
        settled: 0,
        late: 0,
        unknown: 0,
        conflict: 0,
        noRequest: 0,
        unresolved: 0,
        failed: 0,
        refused: 0,
      },
      routes: {},
      backends: {
        eu: {
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
        },
      },
    });
  });

  it('counts a span that is retried, and then delivered, once', () => {
    const { clock, ledger } = setUp();
    const eu = open(ledger, 'eu');
    eu.accept();
    eu.start(1, 'queued');
    expect(ledger.stats().backends.eu).toMatchObject({ queued: 0, inFlight: 1 });
    eu.requeue(1);
    expect(ledger.stats().backends.eu).toMatchObject({ queued: 1, inFlight: 0 });
    eu.start(1, 'waiting');
    eu.deliver(1);
    expect(ledger.stats().backends.eu).toMatchObject({
      accepted: 1,
      delivered: 1,
      queued: 0,
      inFlight: 0,
      lastDeliveredAt: clock.epochMs(),
    });
  });

  it('has copies on disk in a place of their own, and those of other processes by both laws', () => {
    const { ledger } = setUp();
    const eu = open(ledger, 'eu');
    const expectCounts = (counts: object) => {
      const stats = ledger.stats().backends.eu;
      expect(stats).toMatchObject(counts);
      expect((stats?.accepted ?? 0) + (stats?.recovered ?? 0)).toBe(
        Number(stats?.queued) +
          Number(stats?.inFlight) +
          Number(stats?.spooled) +
          Number(stats?.delivered) +
          Number(stats?.movedOut) +
          sum(stats?.dropped ?? {}),
      );
    };
    for (let each = 0; each < 4; each += 1) eu.accept();
    eu.spool(2, 'queued');
    expectCounts({ queued: 2, spooled: 2 });
    eu.start(2, 'queued');
    eu.spool(2, 'inFlight');
    expectCounts({ queued: 0, inFlight: 0, spooled: 4 });
    eu.recover(3);
    expectCounts({ recovered: 3, spooled: 7 });
    eu.start(5, 'spooled');
    eu.start(2, 'spooledAttempted');
    expectCounts({ inFlight: 7, spooled: 0 });
    eu.deliver(3);
    eu.spool(4, 'inFlight');
    eu.drop('spool_full', 1, 'spooledAttempted');
    eu.moveOut(3, 'spooledAttempted');
    expectCounts({ delivered: 3, spooled: 0, movedOut: 3, dropped: { spool_full: 1 } });
  });

  it('tells the time of the last delivery, and of nothing else', async () => {
    const { clock, ledger } = setUp();
    const eu = open(ledger, 'eu');
    eu.accept();
    eu.accept();
    eu.start(2, 'queued');
    eu.deliver(0);
    expect(ledger.stats().backends.eu).not.toHaveProperty('lastDeliveredAt');
    await clock.advance(1000);
    eu.deliver(1);
    const deliveredAt = clock.epochMs();
    await clock.advance(1000);
    eu.drop('rejected', 1, 'inFlight');
    expect(ledger.stats().backends.eu?.lastDeliveredAt).toBe(deliveredAt);
  });

  it('adds up bytes, and keeps the last state', () => {
    const { ledger } = setUp();
    const eu = open(ledger, 'eu');
    eu.sendBytes(100);
    eu.sendBytes(23);
    eu.setState('degraded');
    eu.setState('down');
    expect(ledger.stats().backends.eu).toMatchObject({ bytes: 123, state: 'down' });
  });

  it('has the same ledger for the same backend', () => {
    const { ledger } = setUp();
    open(ledger, 'eu').accept();
    open(ledger, 'eu').accept();
    open(ledger, 'us').accept();
    expect(ledger.stats().backends).toMatchObject({ eu: { accepted: 2 }, us: { accepted: 1 } });
  });

  it('takes a copy that another exporter gives for handed over: who closes what is idle has to know', () => {
    const { ledger } = setUp();
    const eu = open(ledger, 'eu');
    eu.accept();
    eu.moveIn(3);
    expect([eu.accepted, eu.unsettled]).toEqual([4, 4]);
    expect(ledger.stats().backends.eu).toMatchObject({ accepted: 1, movedIn: 3 });
  });

  it('tells the log of every drop', () => {
    const { drops, ledger } = setUp();
    const eu = open(ledger, 'eu');
    ledger.routing.end();
    ledger.routing.drop('no_route');
    eu.accept();
    eu.start(1, 'queued');
    eu.drop('refused', 1, 'inFlight', 'HTTP 401', '401');
    expect(drops).toEqual([
      [undefined, 'no_route', 1],
      ['eu', 'refused', 1, 'HTTP 401'],
    ]);
  });

  it('does not take the drop of no spans for a drop', () => {
    const { drops, ledger } = setUp();
    const eu = open(ledger, 'eu');
    eu.drop('rejected', 0, 'inFlight', 'be careful');
    ledger.routing.drop('park_limit', 0);
    expect(drops).toEqual([]);
    expect(ledger.stats().backends.eu?.dropped).toEqual({});
    expect(ledger.stats().dropped).toEqual({});
  });

  it('takes a snapshot, which is the same after JSON and does not change', () => {
    const { ledger } = setUp();
    const eu = open(ledger, 'eu');
    const happen = () => {
      for (let count = 0; count < 3; count += 1) ledger.routing.end();
      ledger.routing.park();
      ledger.routing.drop('ambiguous');
      ledger.routing.decide('settled');
      ledger.routing.route(1);
      eu.accept();
      eu.start(1, 'queued');
      eu.deliver(1);
      eu.accept();
      eu.drop('queue_full', 1, 'queued');
    };
    happen();
    const stats = ledger.stats();
    const written = JSON.stringify(stats);
    expect(JSON.parse(written)).toEqual(stats);
    happen();
    eu.setState('down');
    open(ledger, 'us');
    expect(JSON.stringify(stats)).toBe(written);
  });

  it('takes any name for a backend', () => {
    const { ledger } = setUp();
    open(ledger, '__proto__').accept();
    expect(Object.keys(ledger.stats().backends)).toEqual(['__proto__']);
  });
});

const routingReasons: readonly RoutingDropReason[] = [
  'no_route',
  'unknown_route',
  'ambiguous',
  'park_limit',
  'already_shutdown',
];
const backendReasons: readonly BackendDropReason[] = [
  'queue_full',
  'buffer_full',
  'retry_exhausted',
  'refused',
  'rejected',
  'too_large',
  'encode_error',
  'shutdown_timeout',
];

const backend = fc.nat(2);
const spans = fc.integer({ min: 1, max: 4 });
/** What can happen to spans: an event that is not possible where they stand is passed over. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('route'), backends: fc.subarray([0, 1, 2], { minLength: 1 }) }),
  fc.record({ kind: fc.constant('park') }),
  fc.record({ kind: fc.constant('release'), backends: fc.subarray([0, 1, 2], { minLength: 1 }) }),
  fc.record({ kind: fc.constant('lose'), reason: fc.constantFrom(...routingReasons) }),
  fc.record({ kind: fc.constant('losePark'), reason: fc.constantFrom(...routingReasons) }),
  fc.record({
    kind: fc.constant('start'),
    backend,
    spans,
    from: fc.constantFrom('queued', 'waiting'),
  }),
  fc.record({ kind: fc.constant('requeue'), backend, spans }),
  fc.record({ kind: fc.constant('deliver'), backend, spans }),
  fc.record({
    kind: fc.constant('drop'),
    backend,
    spans,
    from: fc.constantFrom('queued', 'waiting', 'inFlight'),
    reason: fc.constantFrom(...backendReasons),
  }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Where each span and copy is, by a list of them all: nothing is counted but by looking. */
interface Model {
  readonly spans: string[];
  readonly copies: string[][];
}

function take(list: string[], from: string, to: string, count: number): boolean {
  const found = list.flatMap((place, index) => (place === from ? [index] : []));
  if (found.length < count) return false;
  for (const index of found.slice(0, count)) list[index] = to;
  return true;
}

function handOver(ledger: Ledger, model: Model, backends: readonly number[]): void {
  ledger.routing.route(backends.length);
  for (const index of backends) {
    open(ledger, `backend-${index}`).accept();
    model.copies[index]?.push('queued');
  }
}

function apply(event: Event, ledger: Ledger, model: Model): void {
  const { routing } = ledger;
  switch (event.kind) {
    case 'route':
      routing.end();
      model.spans.push('routed');
      handOver(ledger, model, event.backends);
      return;
    case 'park':
      routing.end();
      routing.park();
      model.spans.push('parked');
      return;
    case 'release':
      if (!take(model.spans, 'parked', 'routed', 1)) return;
      routing.unpark();
      handOver(ledger, model, event.backends);
      return;
    case 'lose':
      routing.end();
      routing.drop(event.reason);
      model.spans.push(event.reason);
      return;
    case 'losePark':
      if (!take(model.spans, 'parked', event.reason, 1)) return;
      routing.unpark();
      routing.drop(event.reason);
      return;
  }
  const { spans } = event;
  const copies = model.copies[event.backend] ?? [];
  const backend = open(ledger, `backend-${event.backend}`);
  switch (event.kind) {
    case 'start':
      if (take(copies, event.from, 'inFlight', spans)) backend.start(spans, event.from);
      return;
    case 'requeue':
      if (take(copies, 'inFlight', 'waiting', spans)) backend.requeue(spans);
      return;
    case 'deliver':
      if (take(copies, 'inFlight', 'delivered', spans)) backend.deliver(spans);
      return;
    case 'drop':
      if (take(copies, event.from, event.reason, spans)) {
        backend.drop(event.reason, spans, event.from);
      }
      return;
  }
}

function expectModel(stats: RoutingStats, model: Model): void {
  const tally = (list: readonly string[], places: readonly string[]) =>
    list.filter((place) => places.includes(place)).length;
  const byReason = (list: readonly string[], reasons: readonly string[]) =>
    Object.fromEntries(
      reasons.map((reason) => [reason, tally(list, [reason])]).filter(([, count]) => count !== 0),
    );
  expect(stats).toMatchObject({
    ended: model.spans.length,
    routed: tally(model.spans, ['routed']),
    parked: tally(model.spans, ['parked']),
    targets: model.copies.flat().length,
  });
  expect(stats.dropped).toEqual(byReason(model.spans, routingReasons));
  for (const [index, copies] of model.copies.entries()) {
    const backend = stats.backends[`backend-${index}`];
    expect(backend).toMatchObject({
      accepted: copies.length,
      delivered: tally(copies, ['delivered']),
      queued: tally(copies, ['queued', 'waiting']),
      inFlight: tally(copies, ['inFlight']),
    });
    expect(backend?.dropped).toEqual(byReason(copies, backendReasons));
  }
}

describe('the two laws', () => {
  it('hold after every event, and each counter says where the spans are', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 80 }), (events) => {
        const { ledger } = setUp();
        const model: Model = { spans: [], copies: [[], [], []] };
        for (const index of model.copies.keys()) open(ledger, `backend-${index}`);
        for (const each of events) {
          apply(each, ledger, model);
          const stats = ledger.stats();
          expectLaws(stats);
          expectModel(stats, model);
        }
      }),
      { numRuns: 200 },
    );
  });
});
