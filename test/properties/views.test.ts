import { ROOT_CONTEXT } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BackendConfig, RoutingSpanProcessor } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { recordingExporter } from '../helpers/service.js';

let receiver: TestReceiver;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.stop());

/** Names whose attributes a view may drop, each with a trace that is found in no other name, and in no other value. */
const groups = ['alpha', 'beta', 'gamma', 'delta'] as const;
const group = fc.constantFrom(...groups);

/** A value in which its group can be found. */
const valueIn = (name: string) =>
  fc.oneof(
    fc.string({ maxLength: 20 }).map((text) => `${text}value-of-${name}`),
    fc.integer({ min: 1, max: 300 }).map((length) => `value-of-${name} `.repeat(length)),
    fc.constant<string[]>([`value-of-${name}`, 'x']),
  );

const attributes = fc
  .array(
    group.chain((name) => fc.tuple(fc.constant(`app.${name}.x`), valueIn(name))),
    { maxLength: 5 },
  )
  .map((entries): Record<string, string | string[]> => Object.fromEntries(entries));

const spans = fc.array(
  fc.record({
    name: fc.constantFrom('GET /', 'ai.chat', 'llm.call', 'work'),
    attributes,
    event: attributes,
    link: attributes,
    // Past what is encoded as the span ends.
    padding: fc.constantFrom(0, 0, 0, 0, 70_000),
  }),
  { minLength: 1, maxLength: 8 },
);

const globsOf = fc.uniqueArray(group, { maxLength: 2 });

const viewed = fc.record({
  drop: globsOf,
  hash: globsOf,
  limit: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  filter: fc.constantFrom('all' as const, 'ai' as const),
  code: fc.constantFrom<NonNullable<BackendConfig['view']> | undefined>(
    undefined,
    (span) => span,
    (span) => (span.name === 'work' ? undefined : span),
    (span) => {
      for (const name of Object.keys(span.attributes)) delete span.attributes[name];
      return span;
    },
    (span) => {
      if (span.name === 'work') throw new Error('no');
      return { ...span, name: 'changed' };
    },
  ),
});

it('lets nothing through, and changes nothing of what other backends get', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      spans,
      viewed,
      fc.constantFrom('http/protobuf' as const, 'http/json' as const),
      async (wishes, { drop, hash, limit, filter, code }, protocol) => {
        run += 1;
        const at = (name: string) => ({ endpoint: `${receiver.url}/${name}-${run}`, protocol });
        const made = recordingExporter();
        const view: Partial<BackendConfig> = {
          filter,
          dropAttributes: drop.map((name) => `*.${name}.*`),
          hashAttributes: hash.map((name) => `app.${name}*`),
          ...(hash.length > 0 && { hashKey: 'a key of thirty-two bytes or more' }),
          ...(limit !== undefined && { truncateAttributes: { '*': limit } }),
          ...(code !== undefined && { view: code }),
        };
        const routes = { all: ['viewed', 'plain', 'again', 'made'], few: ['plain'] };
        const settings = { defaultRoute: 'all', parkMaxSpans: 0, routes } as const;
        const withViews = new RoutingSpanProcessor({
          ...settings,
          backends: {
            viewed: { ...at('viewed'), ...view },
            plain: at('plain'),
            again: { ...at('again'), ...view },
            made: { exporter: made, ...view },
          },
        });
        const without = new RoutingSpanProcessor({
          ...settings,
          routes: { all: ['plain'] },
          backends: { plain: at('without') },
        });
        const provider = new BasicTracerProvider({
          spanProcessors: [withViews, without],
          resource: resourceFromAttributes({
            'service.name': 'shop',
            'app.alpha.x': 'value-of-alpha',
          }),
        });
        const tracer = provider.getTracer('test');
        for (const wish of wishes) {
          const span = tracer.startSpan(wish.name, { root: true }, ROOT_CONTEXT);
          span.setAttributes(wish.attributes).addEvent('event', wish.event);
          span.addLink({ context: span.spanContext(), attributes: wish.link });
          if (wish.padding > 0) span.setAttribute('padding', 'p'.repeat(wish.padding));
          span.end();
        }
        await provider.forceFlush();

        const bodyOf = (name: string) =>
          Buffer.concat(
            receiver.requests
              .filter(({ backend }) => backend === `${name}-${run}`)
              .map(({ body }) => body),
          );
        const plain = bodyOf('plain');
        expect(plain.length).toBeGreaterThan(0);
        expect(plain.equals(bodyOf('without'))).toBe(true);
        expect(bodyOf('viewed').equals(bodyOf('again'))).toBe(true);
        const seen = [
          bodyOf('viewed').toString('latin1'),
          JSON.stringify(
            made.spans.map(({ name, attributes, events, links, resource }) => [
              [name, attributes, events, links, resource.attributes],
            ]),
          ),
        ];
        for (const text of seen) {
          for (const name of drop) expect(text).not.toContain(name);
          for (const name of hash) expect(text).not.toContain(`value-of-${name}`);
        }
        const stats = withViews.stats();
        expectLaws(stats);
        const left = wishes.filter(
          ({ name }) => filter === 'all' || /^(ai|llm)\./.test(name),
        ).length;
        const { delivered = 0, dropped = {} } = stats.backends.viewed ?? {};
        if (code === undefined) expect(delivered).toBe(left);
        else expect(delivered + (dropped.encode_error ?? 0)).toBeLessThanOrEqual(left);
        expect(made.spans).toHaveLength(delivered);
        await provider.shutdown();
      },
    ),
    { numRuns: 60 },
  );
});
