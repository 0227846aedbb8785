import { describe, expect, it } from 'vitest';
import type { HeldSpan } from '../../src/viewer/held-span.js';
import { createSpanStore } from '../../src/viewer/span-store.js';
import { layOut } from '../../src/viewer/waterfall.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import type { WrittenSpan } from './otlp.js';
import { received } from './received.js';

const SPANS_OF_REQUEST = 10_000;

function hold(spans: readonly Omit<WrittenSpan, 'traceId'>[], backend = 'a'): readonly HeldSpan[] {
  const store = createSpanStore(
    { capacity: 200_000, maxBytes: 1e9, routeAttribute: 'signalbox.route' },
    createFakeClock(),
  );
  const written = spans.map((span) => ({ ...span, traceId: '1' }));
  // More than a request may carry.
  const requests = Array.from(
    { length: Math.ceil(written.length / SPANS_OF_REQUEST) },
    (_, index) => written.slice(index * SPANS_OF_REQUEST, (index + 1) * SPANS_OF_REQUEST),
  );
  return requests.flatMap((each) => store.add(received(backend, each), 200));
}

const outline = (spans: readonly HeldSpan[]) =>
  layOut(spans, 0).map(({ name, depth, descendants }) => [name, depth, descendants]);

describe('the waterfall', () => {
  it('puts parents before their children, and siblings by their start', () => {
    const spans = hold([
      { spanId: '4', parentSpanId: '2', name: 'grandchild', startMs: 30 },
      { spanId: '3', parentSpanId: '1', name: 'second', startMs: 50 },
      { spanId: '2', parentSpanId: '1', name: 'first', startMs: 20 },
      { spanId: '1', name: 'root', startMs: 10 },
    ]);
    expect(outline(spans)).toEqual([
      ['root', 0, 3],
      ['first', 1, 1],
      ['grandchild', 2, 0],
      ['second', 1, 0],
    ]);
  });

  it('shows a span once, with all its copies', () => {
    const [row, ...others] = layOut(
      [...hold([{ spanId: '1' }], 'a'), ...hold([{ spanId: '1' }], 'b')],
      0,
    );
    expect(others).toEqual([]);
    expect(row?.copies.map(({ backend }) => backend)).toEqual(['a', 'b']);
  });

  it('keeps spans whose parent is not here', () => {
    const spans = hold([
      { spanId: '1', name: 'root', startMs: 10 },
      { spanId: '3', parentSpanId: '9', name: 'orphan', startMs: 5 },
    ]);
    expect(layOut(spans, 0)).toMatchObject([
      { name: 'orphan', depth: 0, isOrphan: true },
      { name: 'root', depth: 0, isOrphan: false },
    ]);
  });

  it('keeps spans that are each other’s parents, and their own', () => {
    const spans = hold([
      { spanId: '1', parentSpanId: '2', name: 'hen' },
      { spanId: '2', parentSpanId: '1', name: 'egg' },
      { spanId: '3', parentSpanId: '3', name: 'self' },
    ]);
    expect(
      outline(spans)
        .map(([name]) => name)
        .sort(),
    ).toEqual(['egg', 'hen', 'self']);
  });

  it('is made of a chain of 50,000 spans', () => {
    const spans = hold(
      Array.from({ length: 50_000 }, (_, index) => ({
        spanId: (index + 1).toString(16),
        ...(index > 0 && { parentSpanId: index.toString(16) }),
      })),
    );
    const rows = layOut(spans, 0);
    expect(rows).toHaveLength(50_000);
    expect(rows[0]).toMatchObject({ depth: 0, descendants: 49_999 });
    expect(rows.at(-1)).toMatchObject({ depth: 49_999, descendants: 0 });
  });
});
