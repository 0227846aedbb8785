import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoutingDropReason } from '../../src/accounting/reasons.js';
import { createMemory } from '../../src/exporter/memory.js';
import { type SignalboxConfig, setRoute } from '../../src/index.js';
import {
  createParkingLot,
  type ParkingLot,
  type ParkingOptions,
  ParkingPlace,
} from '../../src/routing/parking.js';
import type { ReadableSpan } from '../../src/sdk.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';

const span = (name: string) => ({ name }) as ReadableSpan;

function setUp(change: Partial<ParkingOptions> = {}) {
  const clock = createFakeClock();
  const counts = { parked: 0, dropped: 0 };
  const lot = createParkingLot({
    maxSpans: 4,
    timeoutMs: 30_000,
    memory: createMemory(1_000),
    clock,
    estimateBytes: () => 10,
    overflow: () => false,
    ledger: {
      end() {},
      route() {},
      decide() {},
      filter() {},
      park() {
        counts.parked += 1;
      },
      unpark() {
        counts.parked -= 1;
      },
      drop(reason: RoutingDropReason) {
        expect(reason).toBe('park_limit');
        counts.dropped += 1;
      },
    },
    ...change,
  });
  return { lot, clock, counts };
}

function leave(lot: ParkingLot, place: ParkingPlace): string[] {
  const names: string[] = [];
  lot.release(place, ({ name }) => names.push(name));
  return names;
}

describe('a parking lot', () => {
  it('releases the spans of a place in the order in which they were parked', () => {
    const { lot, counts } = setUp();
    const one = new ParkingPlace();
    const other = new ParkingPlace();
    lot.park(one, span('a'));
    lot.park(other, span('x'));
    lot.park(one, span('b'));
    expect(leave(lot, one)).toEqual(['a', 'b']);
    expect(leave(lot, one)).toEqual([]);
    expect(leave(lot, other)).toEqual(['x']);
    expect(counts).toEqual({ parked: 0, dropped: 0 });
  });

  it('drops the newest span of the place that holds the most when there are too many', () => {
    const { lot, counts } = setUp();
    const large = new ParkingPlace();
    const small = new ParkingPlace();
    for (const name of ['a', 'b', 'c']) lot.park(large, span(name));
    lot.park(small, span('x'));
    lot.park(small, span('y'));
    expect(counts).toEqual({ parked: 4, dropped: 1 });
    lot.park(large, span('d'));
    expect(counts).toEqual({ parked: 4, dropped: 2 });
    expect(leave(lot, large)).toEqual(['a', 'b']);
    expect(leave(lot, small)).toEqual(['x', 'y']);
  });

  it('lets the place with the most bytes give way when the budget is short', () => {
    const sizes: Record<string, number> = { large: 900 };
    const { lot, counts } = setUp({ estimateBytes: ({ name }) => sizes[name] ?? 60 });
    const large = new ParkingPlace();
    const small = new ParkingPlace();
    lot.park(large, span('large'));
    lot.park(small, span('x'));
    lot.park(small, span('y'));
    expect(counts).toEqual({ parked: 2, dropped: 1 });
    expect(leave(lot, large)).toEqual([]);
    expect(leave(lot, small)).toEqual(['x', 'y']);
  });

  it('refuses a span that would make its place the largest when the budget is short', () => {
    const sizes: Record<string, number> = { huge: 2_000 };
    const { lot, counts } = setUp({ estimateBytes: ({ name }) => sizes[name] ?? 10 });
    const small = new ParkingPlace();
    lot.park(small, span('x'));
    lot.park(new ParkingPlace(), span('huge'));
    expect(counts).toEqual({ parked: 1, dropped: 1 });
    expect(leave(lot, small)).toEqual(['x']);
  });

  it('drops each span when it has waited for the timeout, and keeps younger ones', async () => {
    const { lot, clock, counts } = setUp();
    const place = new ParkingPlace();
    lot.park(place, span('old'));
    await clock.advance(20_000);
    lot.park(place, span('young'));
    await clock.advance(10_000);
    expect(counts).toEqual({ parked: 1, dropped: 1 });
    expect(leave(lot, place)).toEqual(['young']);
    await clock.advance(60_000);
    expect(counts).toEqual({ parked: 0, dropped: 1 });
  });

  it('leaves no timer behind when it is closed', () => {
    const { lot, clock } = setUp();
    const place = new ParkingPlace();
    lot.park(place, span('a'));
    leave(lot, place);
    lot.close();
    expect(clock.pending).toBe(0);
  });

  it('gives back every byte', () => {
    const memory = createMemory(100);
    const { lot } = setUp({ memory });
    const place = new ParkingPlace();
    for (let i = 0; i < 20; i += 1) lot.park(place, span(`${i}`));
    leave(lot, place);
    expect(memory.usedBytes).toBe(0);
  });
});

describe('parking in a processor', () => {
  let standard: RecordingExporter;
  let acme: RecordingExporter;
  let service: Service | undefined;

  function start(change: Partial<SignalboxConfig>): Service {
    service = startService({
      backends: { standard: { exporter: standard }, acme: { exporter: acme } },
      defaultRoute: 'standard',
      ...change,
    });
    return service;
  }

  beforeEach(() => {
    standard = recordingExporter();
    acme = recordingExporter();
  });

  afterEach(() => service?.stop());

  it('keeps the decision open when a bound is passed', async () => {
    const { inSpan, processor } = start({ parkMaxSpans: 2 });
    inSpan('root', () => {
      for (const name of ['a', 'b', 'c']) inSpan(name, () => {});
      expect(processor.stats()).toMatchObject({ parked: 2, dropped: { park_limit: 1 } });
      expect(setRoute('acme')).toBe('decided');
    });
    await processor.forceFlush();
    expect(acme.names()).toEqual(['a', 'b', 'root']);
    expect(standard.names()).toEqual([]);
  });

  it('settles the largest to the default route instead with parkOverflow=default', async () => {
    const { inSpan, processor } = start({ parkMaxSpans: 2, parkOverflow: 'default' });
    inSpan('root', () => {
      for (const name of ['a', 'b', 'c', 'd']) inSpan(name, () => {});
      setRoute('acme');
    });
    await processor.forceFlush();
    expect(standard.names()).toEqual(['a', 'b', 'c', 'd']);
    expect(acme.names()).toEqual(['root']);
    expect(processor.stats()).toMatchObject({ dropped: {}, decisions: { settled: 1, late: 1 } });
  });

  it('is turned off by parkMaxSpans=0: an unkeyed local trace is settled as it starts', async () => {
    const { inSpan, processor } = start({ parkMaxSpans: 0 });
    inSpan('root', () => {
      inSpan('before', () => {});
      setRoute('acme');
      inSpan('after', () => {});
    });
    await processor.forceFlush();
    expect(standard.names()).toEqual(['before']);
    expect(acme.names()).toEqual(['after', 'root']);
    expect(processor.stats()).toMatchObject({ parked: 0, decisions: { settled: 1, late: 1 } });
  });

  it('does not happen where every key and the default lead to the same backends', async () => {
    const { inSpan, processor } = start({
      routes: { eu: ['acme'], us: ['acme'] },
      defaultRoute: 'acme',
    });
    inSpan('root', () => {
      inSpan('child', () => {});
      expect(processor.stats()).toMatchObject({ parked: 0, routed: 1 });
      setRoute('eu');
    });
    await processor.forceFlush();
    expect(acme.names()).toEqual(['child', 'root']);
  });

  it('leaves what is parked in a flush', async () => {
    const { inSpan, processor } = start({});
    await inSpan('root', async () => {
      inSpan('parked', () => {});
      await processor.forceFlush();
      expect(processor.stats().parked).toBe(1);
      setRoute('acme');
    });
  });

  it('drops what is parked at shutdown as park_limit', async () => {
    const { inSpan, processor } = start({});
    await inSpan('root', async () => {
      inSpan('child', () => {});
      await processor.shutdown();
    });
    expect(processor.stats()).toMatchObject({
      parked: 0,
      dropped: { park_limit: 1, already_shutdown: 1 },
    });
  });

  it('sends what is parked at shutdown to the default route with parkOverflow=default', async () => {
    const { inSpan, processor } = start({ parkOverflow: 'default' });
    await inSpan('root', async () => {
      inSpan('child', () => {});
      await processor.shutdown();
    });
    expect(standard.names()).toEqual(['child']);
  });
});
