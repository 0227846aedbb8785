import { describe, expect, it } from 'vitest';
import { createTally } from '../../src/viewer/tally.js';

describe('a tally', () => {
  it('knows the most frequent values, and forgets what is gone', () => {
    const tally = createTally();
    for (const value of ['a', 'b', 'b', 'c', 'c', 'c', 'd']) tally.add(value);
    tally.remove('c');
    tally.remove('d');
    expect(tally.top(2)).toEqual([
      { name: 'b', spans: 2 },
      { name: 'c', spans: 2 },
    ]);
    expect(tally.top(10).map(({ name }) => name)).toEqual(['b', 'c', 'a']);
    expect(tally.top(0)).toEqual([]);
  });
});
