import { describe, expect, it } from 'vitest';
import { runScript, startNode } from './child.js';

describe('the examples', () => {
  it.each(['express', 'fastify', 'queue-worker', 'three-services', 'ai-chat', 'nextjs-layout'])(
    '%s sends every span where it belongs',
    async (name) => {
      const { code, stdout, stderr } = await startNode([`examples/${name}/example.mjs`]).ended;
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      const [, due, arrived] =
        /^(\d+) spans were due: (\d+) arrived where they belong, 0 elsewhere, 0 nowhere; 0 traces are split\.$/m.exec(
          stdout,
        ) ?? [];
      expect(Number(due), stdout).toBeGreaterThan(0);
      expect(arrived).toBe(due);
    },
  );
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
