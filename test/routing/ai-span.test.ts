import { BraintrustSpanProcessor } from '@braintrust/otel';
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RoutingSpanProcessor } from '../../src/index.js';
import { isAiSpan } from '../../src/routing/ai-span.js';
import { makeHostileSpan, makeSpan } from '../encoding/span-fixtures.js';
import { expectLaws } from '../helpers/laws.js';
import { recordingExporter } from '../helpers/service.js';

describe('a span of AI', () => {
  it.each(['gen_ai.chat', 'ai.generateText', 'llm.call', 'traceloop.task', 'braintrust.eval'])(
    'is known by its name, or by the name of an attribute: %s',
    (name) => {
      expect(isAiSpan(makeSpan({ name }))).toBe(true);
      expect(isAiSpan(makeSpan({ attributes: { other: 1, [name]: 1 } }))).toBe(true);
    },
  );

  it.each(['gen_ai', 'ai', 'aix.y', 'xai.y', 'AI.y', ' ai.y', 'gen-ai.y', 'llm', 'GET /ai.txt'])(
    'is not known by %j',
    (name) => {
      expect(isAiSpan(makeSpan({ name, attributes: { [name]: 1 } }))).toBe(false);
    },
  );

  it('is not known by what Braintrust itself writes into every span', () => {
    const attributes = { 'braintrust.parent': 'project_name:x', 'braintrust.context_json': '{}' };
    expect(isAiSpan(makeSpan({ attributes }))).toBe(false);
    expect(isAiSpan(makeSpan({ attributes: { ...attributes, 'braintrust.tags': 'a' } }))).toBe(
      true,
    );
  });

  it('is not known by attributes that it inherits', () => {
    expect(isAiSpan(makeHostileSpan(Object.create({ 'gen_ai.system': 'x' })))).toBe(false);
  });
});

describe('FILTER=ai', () => {
  it('keeps what @braintrust/otel keeps of 1,000 random spans, roots among them', async () => {
    const exporter = recordingExporter();
    const own = new RoutingSpanProcessor({
      backends: { braintrust: { exporter, filter: 'ai' } },
      defaultRoute: 'braintrust',
      parkMaxSpans: 0,
    });
    const kept: ReadableSpan[] = [];
    const theirs = new BraintrustSpanProcessor({
      apiKey: 'none',
      parent: 'project_name:test',
      filterAISpans: true,
      _spanProcessor: {
        onStart() {},
        onEnd: (span) => kept.push(span),
        async forceFlush() {},
        async shutdown() {},
      },
    });
    const provider = new BasicTracerProvider({ spanProcessors: [own, theirs] });
    onTestFinished(() => provider.shutdown());
    const tracer = provider.getTracer('test');

    const prefix = fc.constantFrom('gen_ai.', 'ai.', 'llm.', 'traceloop.', 'braintrust.');
    const word = fc.constantFrom(
      '',
      'a',
      'chat',
      'parent',
      'context_json',
      'http.',
      'GET ',
      'x',
      'ai',
    );
    const name = fc.oneof(
      { weight: 1, arbitrary: fc.tuple(prefix, word).map((parts) => parts.join('')) },
      { weight: 4, arbitrary: fc.tuple(word, word).map((parts) => parts.join('')) },
      { weight: 2, arbitrary: fc.tuple(word, prefix).map((parts) => parts.join('')) },
      { weight: 1, arbitrary: fc.constantFrom('braintrust.parent', 'braintrust.context_json') },
      { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
    );
    const wish = fc.record({
      name,
      attributes: fc.dictionary(name, fc.constantFrom('text', 1, true), { maxKeys: 3 }),
      isRoot: fc.boolean(),
    });
    let parent = ROOT_CONTEXT;
    for (const { name: spanName, attributes, isRoot } of fc.sample(wish, 1_000)) {
      const span = tracer.startSpan(spanName, { attributes }, isRoot ? ROOT_CONTEXT : parent);
      parent = trace.setSpan(context.active(), span);
      span.end();
    }
    await own.forceFlush();

    const idsOf = (spans: readonly ReadableSpan[]) =>
      spans.map((span) => span.spanContext().spanId);
    const ids = idsOf(kept);
    expect(exporter.spans.map((span) => span.spanContext().spanId)).toEqual(ids);
    expect(ids.length).toBeGreaterThan(100);
    const stats = own.stats();
    expect(stats.filtered).toBe(1_000 - ids.length);
    expect(stats.filtered).toBeGreaterThan(100);
    expect(kept.some(({ parentSpanContext }) => parentSpanContext === undefined)).toBe(true);
    expectLaws(stats);
  });
});
