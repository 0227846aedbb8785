import { describe, expect, it } from 'vitest';
import { createSpanStore, type SpanStoreOptions } from '../../src/viewer/span-store.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { fullTraceId } from './otlp.js';
import { received } from './received.js';

function createStore(options: Partial<SpanStoreOptions> = {}) {
  return createSpanStore(
    { capacity: 100, maxBytes: 1e9, routeAttribute: 'signalbox.route', ...options },
    createFakeClock(),
  );
}

const numbered = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => ({
    traceId: (from + index).toString(16),
    spanId: (from + index).toString(16),
    name: `span ${from + index}`,
    key: `key-${from + index}`,
  }));

describe('the span store', () => {
  it('holds the newest spans, and forgets what the others brought along', () => {
    const store = createStore({ capacity: 3 });
    store.add(received('a', numbered(5)), 200);

    expect(store.received).toBe(5);
    expect(store.held).toBe(3);
    expect([0, 1, 2, 3, 4, 5].map((number) => store.span(number)?.name)).toEqual([
      undefined,
      undefined,
      'span 3',
      'span 4',
      'span 5',
      undefined,
    ]);
    expect(store.traces().map(({ traceId }) => traceId)).toEqual(['3', '4', '5'].map(fullTraceId));
    expect(store.keys.top(10).map(({ name }) => name)).toEqual(['key-3', 'key-4', 'key-5']);
    expect(store.services.top(10)).toEqual([{ name: 'shop', spans: 3 }]);
  });

  it('lets a trace lose its oldest spans alone', () => {
    const store = createStore({ capacity: 3 });
    store.add(received('a', [{ traceId: 'f', spanId: '1' }]), 200);
    store.add(received('a', numbered(2)), 200);
    store.add(received('a', [{ traceId: 'f', spanId: '2' }]), 200);

    expect(store.trace(fullTraceId('f'))?.spans.map(({ number }) => number)).toEqual([3]);
  });

  it('is bounded in bytes, and lets go of a body with its last span', () => {
    const store = createStore({ maxBytes: 20_000 });
    const big = { traceId: 'a', spanId: '1', attributes: { prompt: 'x'.repeat(8_000) } };
    for (let round = 0; round < 10; round += 1) store.add(received('a', [big]), 200);
    expect(store.heldBytes).toBeLessThanOrEqual(20_000);
    expect(store.held).toBe(2);

    store.add(received('a', [{ ...big, attributes: { prompt: 'x'.repeat(30_000) } }]), 200);
    expect(store.held).toBe(0);
    expect(store.heldBytes).toBe(0);
    expect(store.traceCount).toBe(0);
  });

  it('counts what it was given and has let go of again', () => {
    const store = createStore({ capacity: 10 });
    for (let round = 0; round < 50; round += 1) store.add(received('a', numbered(7, round)), 200);
    const held = store.heldBytes;
    store.add(received('a', []), 200);
    expect(store.heldBytes).toBe(held);
    expect(store.held).toBe(10);
    expect(store.keys.top(100).reduce((sum, { spans }) => sum + spans, 0)).toBe(10);
  });

  it('reads the key from the attribute that carries it', () => {
    const store = createStore({ routeAttribute: 'tenant' });
    store.add(
      received('a', [{ traceId: '1', spanId: '1', key: 'no', attributes: { tenant: 'yes' } }]),
      200,
    );
    expect(store.span(0)?.key).toBe('yes');
  });
});
