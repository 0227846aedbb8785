import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteTarget } from '../../src/config/resolved.js';
import type { Exporter } from '../../src/exporter/exporter.js';
import { createChoice } from '../../src/routing/route-choice.js';
import { createTracePlace } from '../../src/routing/share.js';
import { runs } from '../helpers/runs.js';

const TRACES = 100_000;
const traceIds = Array.from({ length: TRACES }, () =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex'),
);

describe('the place of a trace', () => {
  // Services agree on it whatever version they run: these numbers may not change.
  it.each([
    ['acme', '0af7651916cd43dd8448eb211c80319c', 258_034],
    ['acme', '0af7651916cd43dd8448eb211c80319d', 865_198],
    ['globex', '0af7651916cd43dd8448eb211c80319c', 823_501],
    ['a', '00000000000000000000000000000001', 638_156],
  ])('of the key %s and the id %s is the same in every version', (key, traceId, place) => {
    expect(createTracePlace(key)(traceId)).toBe(place);
  });

  it('is as likely in each of 100 parts of the line', () => {
    const place = createTracePlace('acme');
    const counts = new Array<number>(100).fill(0);
    for (const id of traceIds) {
      const part = Math.floor(place(id) / 10_000);
      counts[part] = (counts[part] ?? 0) + 1;
    }
    // Chi-squared with 99 degrees of freedom: above 180 once in a million.
    const expected = TRACES / 100;
    const squares = counts.map((count) => (count - expected) ** 2 / expected);
    expect(squares.reduce((sum, each) => sum + each, 0)).toBeLessThan(180);
  });

  it('is as likely for ids that differ in few digits', () => {
    const place = createTracePlace('acme');
    const ids = Array.from({ length: TRACES }, (_, index) => index.toString(16).padStart(32, '0'));
    const half = ids.filter((id) => place(id) < 500_000).length;
    expect(Math.abs(half - TRACES / 2)).toBeLessThan(5 * Math.sqrt(TRACES / 4));
  });

  it('tells nothing of the place for another key', () => {
    const [one, other] = [createTracePlace('acme'), createTracePlace('acmf')];
    const both = traceIds.filter((id) => one(id) < 500_000 && other(id) < 500_000).length;
    expect(Math.abs(both - TRACES / 4)).toBeLessThan(5 * Math.sqrt((TRACES * 3) / 16));
  });
});

const names = ['a', 'b', 'c', 'd'];
const exporters = names.map((name) => ({ name }) as Exporter);

/** Targets whose primaries' shares add up, with shadows of any share. */
const targets: fc.Arbitrary<RouteTarget[]> = fc
  .tuple(
    fc.array(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 2 }),
    fc.array(fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined }), {
      maxLength: 1,
    }),
  )
  .map(([cuts, shadows]) => {
    const ends = [...cuts.sort((one, other) => one - other), 1_000_000];
    const primaries = ends.map((end, index) => end - (ends[index - 1] ?? 0));
    return [
      ...primaries.map((share) => ({ role: 'primary', share }) as const),
      ...shadows.map((share) => ({ role: 'shadow', share }) as const),
    ].map((target, index) => ({ ...target, backend: names[index] ?? '' }));
  });

const { parameters, timeoutMs } = runs(50);

describe('the choice of a route', () => {
  it('is none where every trace goes to all', () => {
    const all = [{ backend: 'a', role: 'primary', share: undefined }] as const;
    expect(createChoice('acme', all, exporters.slice(0, 1))).toBeUndefined();
  });

  it(
    'gives each trace to one of those with shares, and each its share, within what chance allows',
    () => {
      fc.assert(
        fc.property(fc.string(), targets, (key, all) => {
          const choose = createChoice(key, all, exporters.slice(0, all.length));
          const counts = new Map<string, number>();
          const sample = traceIds.slice(0, 5_000);
          const primaries = all.flatMap(({ backend, role }) => (role === 'primary' ? backend : []));
          for (const id of sample) {
            for (const { name } of choose?.(id) ?? []) {
              counts.set(name, (counts.get(name) ?? 0) + 1);
            }
            const chosen = choose?.(id).filter(({ name }) => primaries.includes(name)) ?? [];
            if (chosen.length !== 1) throw new Error(`${chosen.length} of those with shares`);
          }
          for (const { backend, share = 1_000_000 } of all) {
            const part = share / 1_000_000;
            const deviation = Math.sqrt(sample.length * part * (1 - part));
            const count = counts.get(backend) ?? 0;
            expect(Math.abs(count - sample.length * part)).toBeLessThanOrEqual(6 * deviation + 1);
          }
        }),
        parameters,
      );
    },
    timeoutMs,
  );

  it('leaves a backend what it had when its share is raised', () => {
    const cut = (share: number) =>
      createChoice(
        'acme',
        [
          { backend: 'a', role: 'primary', share },
          { backend: 'b', role: 'primary', share: 1_000_000 - share },
        ],
        exporters.slice(0, 2),
      );
    const shares = [10_000, 100_000, 500_000, 1_000_000].map(cut);
    for (const id of traceIds.slice(0, 5_000)) {
      const isNew = shares.map((choose) => choose?.(id)[0]?.name === 'a');
      // Once it has moved it does not move back.
      expect(isNew).toEqual([...isNew].sort());
    }
  });

  it('gives a shadow the traces of the route’s first share of the same size', () => {
    const choose = createChoice(
      'acme',
      [
        { backend: 'a', role: 'primary', share: 100_000 },
        { backend: 'b', role: 'primary', share: 900_000 },
        { backend: 'c', role: 'shadow', share: 100_000 },
      ],
      exporters.slice(0, 3),
    );
    for (const id of traceIds.slice(0, 5_000)) {
      const chosen = choose?.(id).map(({ name }) => name);
      expect([['a', 'c'], ['b']]).toContainEqual(chosen);
    }
  });
});
