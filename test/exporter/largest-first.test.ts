import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLargestFirst } from '../../src/exporter/largest-first.js';

describe('largest first', () => {
  it('has no largest item while it is empty', () => {
    const items = createLargestFirst();
    expect(items.largest()).toBeUndefined();
    items.remove({ rank: 0 });
    expect(items.size).toBe(0);
  });

  it('always has the heaviest item at hand, whatever is set and removed', () => {
    const step = fc.record({
      item: fc.nat(11),
      weight: fc.option(fc.nat(9), { nil: undefined, freq: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const items = Array.from({ length: 12 }, (_, index) => ({ index, rank: 0 }));
        const largestFirst = createLargestFirst<{ index: number; rank: number }>();
        const weights = new Map<object, number>();
        for (const { item: index, weight } of steps) {
          const item = items[index] ?? { index, rank: 0 };
          if (weight === undefined) {
            largestFirst.remove(item);
            weights.delete(item);
          } else {
            largestFirst.set(item, weight);
            weights.set(item, weight);
          }
          expect(largestFirst.size).toBe(weights.size);
          const largest = largestFirst.largest();
          const found = largest === undefined ? undefined : weights.get(largest);
          expect(found).toBe(
            weights.size === 0 ? undefined : Math.max(...Array.from(weights.values())),
          );
        }
      }),
    );
  });
});
