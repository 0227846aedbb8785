import { describe, expect, it } from 'vitest';
import { createSpanStore } from '../../src/viewer/span-store.js';
import { createTraceQuery, type TraceFilter } from '../../src/viewer/trace-query.js';
import { FAN_OUT_PATIENCE_MS } from '../../src/viewer/trace-summary.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import type { WrittenSpan } from './otlp.js';
import { received } from './received.js';

const EVERYTHING: TraceFilter = {
  backend: undefined,
  key: undefined,
  service: undefined,
  text: '',
  isFlagged: false,
};
const ALL = { upTo: Number.MAX_SAFE_INTEGER, offset: 0, limit: 100 };

function setUp() {
  const clock = createFakeClock();
  const store = createSpanStore(
    { capacity: 1_000, maxBytes: 1e9, routeAttribute: 'signalbox.route' },
    clock,
  );
  const query = createTraceQuery(store);
  const list = (filter: Partial<TraceFilter> = {}, window: Partial<typeof ALL> = {}) =>
    query({ ...EVERYTHING, ...filter }, { ...ALL, ...window }, clock.epochMs());
  return {
    clock,
    list,
    send: (backend: string, ...spans: WrittenSpan[]) =>
      void store.add(received(backend, spans), 200),
    names(filter: Partial<TraceFilter> = {}) {
      return list(filter).rows.map(({ name }) => name);
    },
    flags() {
      return list().rows.map(({ flags }) => flags);
    },
  };
}

describe('the list of traces', () => {
  it('is newest first, named after the root', () => {
    const { send, list } = setUp();
    send('a', { traceId: '1', spanId: '2', parentSpanId: '1', name: 'child', startMs: 1_000 });
    send('a', { traceId: '2', spanId: '1', parentSpanId: '9', name: 'rootless' });
    send('a', { traceId: '1', spanId: '1', name: 'root', startMs: 1_005, durationMs: 20 });

    expect(list().rows).toMatchObject([
      { name: 'rootless', isRootMissing: true, spans: 1 },
      { name: 'root', isRootMissing: false, spans: 2, startMs: 1_000, durationMs: 25 },
    ]);
  });

  it('filters by backend, key, service, text and flags', () => {
    const { send, names } = setUp();
    send('a', { traceId: '1', spanId: '1', name: 'one', key: 'acme' });
    send('b', { traceId: '2', spanId: '2', name: 'two', key: 'globex', service: 'cart' });
    send('a', { traceId: '3', spanId: '3', name: 'three', attributes: { path: '/Basket/7' } });
    send('b', { traceId: '3', spanId: '4', parentSpanId: '3', error: 'It broke' });

    expect(names()).toEqual(['three', 'two', 'one']);
    expect(names({ backend: 'b' })).toEqual(['three', 'two']);
    expect(names({ key: 'acme' })).toEqual(['one']);
    expect(names({ key: '' })).toEqual(['three']);
    expect(names({ service: 'cart' })).toEqual(['two']);
    expect(names({ text: 'path=/basket' })).toEqual(['three']);
    expect(names({ text: 'it broke' })).toEqual(['three']);
    expect(names({ text: '0000000000000002' })).toEqual(['two']);
    expect(names({ isFlagged: true })).toEqual(['three']);
    expect(names({ backend: 'a', text: 'two' })).toEqual([]);
  });

  it('takes key and backend to be of one span', () => {
    const { send, names } = setUp();
    send('a', { traceId: '1', spanId: '1', name: 'one', key: 'acme' });
    send('b', { traceId: '1', spanId: '2', key: 'globex' });
    expect(names({ key: 'acme', backend: 'a' })).toEqual(['one']);
    expect(names({ key: 'acme', backend: 'b' })).toEqual([]);
  });

  it('finds a text also in what arrives after it was asked for', () => {
    const { send, names } = setUp();
    send('a', { traceId: '1', spanId: '1', name: 'one' });
    expect(names({ text: 'late' })).toEqual([]);
    send('a', { traceId: '1', spanId: '2', parentSpanId: '1', name: 'late' });
    expect(names({ text: 'late' })).toEqual(['one']);
    expect(names({ text: 'later' })).toEqual([]);
  });

  it('stands still up to a trace, and counts what is newer', () => {
    const { send, list } = setUp();
    for (const traceId of ['1', '2', '3']) send('a', { traceId, spanId: traceId, name: traceId });
    const { newest } = list();
    send('a', { traceId: '4', spanId: '4', name: '4' });

    expect(list({}, { upTo: newest })).toMatchObject({ total: 3, newer: 1 });
    const { rows, total } = list({}, { upTo: newest, offset: 1, limit: 1 });
    expect(rows.map(({ name }) => name)).toEqual(['2']);
    expect(total).toBe(3);
  });
});

describe('the flags of a trace', () => {
  it('are none for a trace at one backend, or as a whole at several', () => {
    const setup = setUp();
    const spans = [
      { traceId: '1', spanId: '1' },
      { traceId: '1', spanId: '2', parentSpanId: '1' },
    ];
    setup.send('a', ...spans);
    expect(setup.flags()).toEqual([[]]);
    setup.send('b', ...spans);
    expect(setup.flags()).toEqual([[]]);
  });

  it('tell of spans at different backends', () => {
    const setup = setUp();
    setup.send('a', { traceId: '1', spanId: '1' });
    setup.send('b', { traceId: '1', spanId: '2', parentSpanId: '1' });
    expect(setup.flags()).toEqual([['split']]);
  });

  it('wait a while for the copies of a fan-out', async () => {
    const setup = setUp();
    const second = { traceId: '1', spanId: '2', parentSpanId: '1' };
    setup.send('a', { traceId: '1', spanId: '1' }, second);
    setup.send('b', { traceId: '1', spanId: '1' });
    expect(setup.flags()).toEqual([[]]);
    await setup.clock.advance(FAN_OUT_PATIENCE_MS);
    expect(setup.flags()).toEqual([['split']]);
    setup.send('b', second);
    expect(setup.flags()).toEqual([[]]);
  });

  it('tell of a span that arrived twice at one backend, and not of its copies at others', () => {
    const setup = setUp();
    setup.send('a', { traceId: '1', spanId: '1' });
    setup.send('b', { traceId: '1', spanId: '1' });
    expect(setup.flags()).toEqual([[]]);
    setup.send('b', { traceId: '1', spanId: '1' });
    expect(setup.flags()).toEqual([['repeated']]);
    expect(setup.list().rows).toMatchObject([{ spans: 1 }]);
  });
});
