import { describe, expect, it } from 'vitest';
import { createRecent } from '../../src/viewer/recent.js';
import { createSpanStore } from '../../src/viewer/span-store.js';
import { createTraffic } from '../../src/viewer/traffic.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { received } from './received.js';

function setUp() {
  const clock = createFakeClock();
  const store = createSpanStore(
    { capacity: 100_000, maxBytes: 1e9, routeAttribute: 'signalbox.route' },
    clock,
  );
  const traffic = createTraffic(clock);
  let next = 1;
  return {
    clock,
    traffic,
    send(backend: string, keys: readonly string[]) {
      const spans = keys.map((key) => ({ traceId: '1', spanId: (next++).toString(16), key }));
      traffic.spans(store.add(received(backend, spans), 200));
    },
  };
}

describe('the count of the last minute', () => {
  it('has each full second, and forgets what is older', async () => {
    const clock = createFakeClock();
    const recent = createRecent(clock);
    recent.add(3);
    expect(recent.total()).toBe(3);
    expect(recent.perSecond().at(-1)).toBe(0);
    await clock.advance(1_000);
    recent.add(5);
    expect(recent.perSecond().at(-1)).toBe(3);
    expect(recent.perSecond()).toHaveLength(60);
    await clock.advance(59_999);
    expect(recent.total()).toBe(8);
    expect(recent.perSecond()[0]).toBe(3);
    await clock.advance(1);
    expect(recent.total()).toBe(5);
    await clock.advance(1_000_000);
    expect(recent.total()).toBe(0);
  });

  it('has a mean of full seconds', async () => {
    const clock = createFakeClock();
    const recent = createRecent(clock);
    recent.add(50);
    await clock.advance(1_000);
    recent.add(1_000);
    expect(recent.rate(10)).toBe(5);
  });
});

describe('traffic', () => {
  it('adds up the spans of each key at each backend', () => {
    const { traffic, send } = setUp();
    send('a', ['acme', 'acme', 'globex']);
    send('b', ['globex', '']);
    const { links, keys } = traffic.flow();
    expect(keys).toBe(3);
    expect(links).toEqual(
      expect.arrayContaining([
        { key: 'acme', backend: 'a', spans: 2 },
        { key: 'globex', backend: 'a', spans: 1 },
        { key: 'globex', backend: 'b', spans: 1 },
        { key: '', backend: 'b', spans: 1 },
      ]),
    );
  });

  it('forgets a key that was quiet for a minute', async () => {
    const { clock, traffic, send } = setUp();
    send('a', ['acme']);
    await clock.advance(61_000);
    expect(traffic.flow()).toEqual({ links: [], keys: 0 });
    expect(traffic.backends()).toMatchObject([{ name: 'a', spans: 1, spansPerSecond: 0 }]);
  });

  it('names the largest of many keys, and adds the others up', () => {
    const { traffic, send } = setUp();
    const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
    send('a', [...keys, 'large', 'large']);
    const { links, keys: count } = traffic.flow();
    expect(count).toBe(101);
    expect(links.find(({ key }) => key === 'large')).toMatchObject({ spans: 2 });
    expect(links.find(({ key }) => key === null)).toMatchObject({ backend: 'a', spans: 77 });
    expect(links.reduce((sum, { spans }) => sum + spans, 0)).toBe(102);
  });

  it('stays bounded when every span has a key, and every request a backend, of its own', () => {
    const { traffic, send } = setUp();
    send(
      'a',
      Array.from({ length: 20_000 }, (_, index) => `key-${index}`),
    );
    for (let index = 0; index < 3_000; index += 1) traffic.request(`backend-${index}`, 1, 200);
    expect(traffic.backends().length).toBeLessThanOrEqual(1_000);
    const { links, keys } = traffic.flow();
    expect(keys).toBeLessThanOrEqual(5_001);
    expect(links.reduce((sum, { spans }) => sum + spans, 0)).toBe(20_000);
  });

  it('tells refused requests from others', () => {
    const { traffic } = setUp();
    traffic.request('a', 10, 200);
    traffic.request('a', 20, 503);
    traffic.request('a', 30, undefined);
    expect(traffic.backends()).toMatchObject([
      { requests: 3, refused: 2, bytes: 60, lastStatus: 0 },
    ]);
  });
});
