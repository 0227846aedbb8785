import { describe, expect, it } from 'vitest';
import { runScript, startNode } from './child.js';

describe('the examples', () => {
  it.each([
    'express',
    'fastify',
    'queue-worker',
    'three-services',
    'ai-chat',
    'nextjs-layout',
    'migration',
  ])('%s sends every span where it belongs', async (name) => {
    const { code, stdout, stderr } = await startNode([`examples/${name}/example.mjs`]).ended;
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    const [, due, arrived] =
      /^(\d+) spans were due: (\d+) arrived where they belong, 0 elsewhere, 0 nowhere; 0 traces are split\.$/m.exec(
        stdout,
      ) ?? [];
    expect(Number(due), stdout).toBeGreaterThan(0);
    expect(arrived).toBe(due);
  });
});

/** What the examples say, and end with, of these spans of the request `acme-1`: each its trace, its id and its backend. */
function judge(...arrivals: readonly `${string} ${string} ${string}`[]) {
  const spans = arrivals.map((arrival) => {
    const [traceId, spanId, backend] = arrival.split(' ');
    const path = { key: 'url.path', value: { type: 'string', value: '/orders/acme-1' } };
    return { backend, span: { traceId, spanId, name: `span ${spanId}`, attributes: [path] } };
  });
  const due = [{ marker: 'acme-1', homes: ['acme', 'standard'], spans: ['span a', 'span b'] }];
  return runScript(
    `import { conclude } from './examples/check/conclude.mjs';
     conclude(${JSON.stringify(spans)}, ${JSON.stringify(due)});`,
  );
}

describe('the judge of the examples', () => {
  it('passes what arrived at all of its homes, whole and once', async () => {
    const { code, stdout } = await judge('1 a acme', '1 b acme', '1 b standard', '1 a standard');
    expect(code, stdout).toBe(0);
  });

  it.each([
    { what: 'that never arrived', arrivals: [], says: '0 elsewhere, 4 nowhere; 0 traces' },
    {
      what: 'of which one home has a part',
      arrivals: ['1 a acme', '1 b acme', '1 a standard'],
      says: '0 elsewhere, 1 nowhere; 1 traces',
    },
    {
      what: 'that arrived elsewhere too',
      arrivals: [
        '1 a acme',
        '1 b acme',
        '1 b standard',
        '1 a standard',
        '1 a globex',
        '1 b globex',
      ],
      says: '2 elsewhere, 0 nowhere; 0 traces',
    },
    {
      what: 'that arrived twice',
      arrivals: ['1 a acme', '1 b acme', '1 b standard', '1 a standard', '1 a acme'],
      says: '1 x repeated: "span a", at acme',
    },
    {
      what: 'that nobody expected',
      arrivals: [
        '1 a acme',
        '1 b acme',
        '1 b standard',
        '1 a standard',
        '1 c acme',
        '1 c standard',
      ],
      says: '1 x unexpected: "span c", at standard',
    },
  ] as const)('fails spans $what', async ({ arrivals, says }) => {
    const { code, stdout } = await judge(...arrivals);
    expect(code).toBe(1);
    expect(stdout).toContain(says);
  });
});

/** What the migration finds wrong where these spans of the route `[old, { backend: new, role: shadow }]` arrived. */
async function compare(
  arrivals: readonly { backend: string; spanId: string; name: string; attributes?: string }[],
  delivered: { old: number; new: number },
) {
  const traceId = '1';
  const step = { route: [{ backend: 'old' }, { backend: 'new', role: 'shadow' }] };
  const counts = Object.fromEntries(
    Object.entries(delivered).map(([name, count]) => [
      name,
      { accepted: count, delivered: count, dropped: 0, movedIn: 0, movedOut: 0 },
    ]),
  );
  const { stdout } = await runScript(
    `import { compare } from './examples/migration/compare.mjs';
     const { missing, split, elsewhere, alike, faults } = compare(
       'acme',
       ${JSON.stringify([{ tenant: 'acme', traceId, step }])},
       ${JSON.stringify(arrivals.map(({ backend, ...span }) => ({ backend, span: { traceId, ...span } })))},
       { acme: ${JSON.stringify(counts)} },
     );
     console.log(JSON.stringify({ missing, split, elsewhere, alike, faults }));`,
  );
  return JSON.parse(stdout);
}

describe('the judge of the migration', () => {
  const whole = (backend: string) => [
    { backend, spanId: 'a', name: 'POST' },
    { backend, spanId: 'b', name: 'SELECT invoices' },
    { backend, spanId: 'c', name: 'UPDATE invoices' },
  ];

  it('passes copies that are all there, and the same', async () => {
    const arrivals = [...whole('old'), ...whole('new')];
    expect(await compare(arrivals, { old: 3, new: 3 })).toEqual({
      missing: 0,
      split: 0,
      elsewhere: 0,
      alike: 3,
      faults: [],
    });
  });

  it.each([
    {
      what: 'a copy that is missing',
      arrivals: [...whole('old'), ...whole('new').slice(1)],
      delivered: { old: 3, new: 2 },
      finds: { missing: 1, split: 1, faults: [] },
    },
    {
      what: 'copies that differ',
      arrivals: [
        ...whole('old'),
        ...whole('new').map((span) => ({ ...span, attributes: 'others' })),
      ],
      delivered: { old: 3, new: 3 },
      finds: {
        alike: 0,
        faults: Array(3).fill(expect.stringMatching(/^the copies of .* differ$/)),
      },
    },
    {
      what: 'counts that do not agree with what arrived',
      arrivals: [...whole('old'), ...whole('new')],
      delivered: { old: 3, new: 4 },
      finds: { faults: ['new counts 4 spans, and 3 arrived'] },
    },
    {
      what: 'a span that arrived twice',
      arrivals: [...whole('old'), ...whole('new'), ...whole('new').slice(2)],
      delivered: { old: 3, new: 4 },
      finds: { faults: ['new has spans twice'] },
    },
  ])('finds $what', async ({ arrivals, delivered, finds }) => {
    expect(await compare(arrivals, delivered)).toMatchObject(finds);
  });
});
