import { context, DiagLogLevel, diag, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RoutingSpanProcessor, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { type RecordingExporter, recordingExporter } from '../helpers/service.js';

/** A processor with two backends, and a table of its own. */
function createProcessor(routes: Record<string, ('old' | 'new')[]>, defaultRoute: 'old' | 'new') {
  const backends = { old: recordingExporter(), new: recordingExporter() };
  const processor = new RoutingSpanProcessor({
    backends: { old: { exporter: backends.old }, new: { exporter: backends.new } },
    routes,
    defaultRoute,
  });
  return { processor, backends, read: () => read(processor, backends) };
}

async function read(
  processor: RoutingSpanProcessor,
  backends: Record<'old' | 'new', RecordingExporter>,
) {
  await processor.forceFlush();
  const stats = processor.stats();
  expectLaws(stats);
  return { old: backends.old.names(), new: backends.new.names(), dropped: stats.dropped };
}

function span(tracer: Tracer, name: string, fn: () => void = () => {}): void {
  tracer.startActiveSpan(name, (started) => {
    fn();
    started.end();
  });
}

beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterEach(() => context.disable());

describe('two processors', () => {
  it('in one provider each look the request’s key up in a table of its own', async () => {
    const first = createProcessor({ acme: ['old'], globex: ['new'] }, 'new');
    const second = createProcessor({ acme: ['new'], initech: ['old', 'new'] }, 'old');
    const provider = new BasicTracerProvider({
      spanProcessors: [first.processor, second.processor],
    });
    const tracer = provider.getTracer('test');

    span(tracer, 'acme', () => {
      span(tracer, 'before the key');
      expect(setRoute('acme')).toBe('decided');
    });
    span(tracer, 'globex', () => expect(setRoute('globex')).toBe('decided'));
    withRoute('initech', () => span(tracer, 'initech'));
    span(tracer, 'nobody');

    expect(await first.read()).toEqual({
      old: ['before the key', 'acme'],
      new: ['globex', 'nobody'],
      dropped: { unknown_route: 1 },
    });
    expect(await second.read()).toEqual({
      old: ['initech', 'nobody'],
      new: ['before the key', 'acme', 'initech'],
      dropped: { unknown_route: 1 },
    });
    await provider.shutdown();
  });

  it('in two providers share the decision of a request that both make spans of', async () => {
    const first = createProcessor({ acme: ['old'] }, 'new');
    const second = createProcessor({ acme: ['new'] }, 'old');
    const firstProvider = new BasicTracerProvider({ spanProcessors: [first.processor] });
    const secondProvider = new BasicTracerProvider({ spanProcessors: [second.processor] });
    const firstTracer = firstProvider.getTracer('test');
    const secondTracer = secondProvider.getTracer('test');

    span(firstTracer, 'request', () => {
      span(secondTracer, 'child', () => span(firstTracer, 'grandchild'));
      setRoute('acme');
    });
    withBoundary(() => {
      span(firstTracer, 'first in a boundary');
      span(secondTracer, 'second in a boundary');
      setRoute('acme');
    });

    expect(await first.read()).toEqual({
      old: ['grandchild', 'request', 'first in a boundary'],
      new: [],
      dropped: {},
    });
    expect(await second.read()).toEqual({
      old: [],
      new: ['child', 'second in a boundary'],
      dropped: {},
    });
    await firstProvider.shutdown();
    await secondProvider.shutdown();
  });

  it('go on alone when the other has been shut down', async () => {
    const first = createProcessor({ acme: ['old'] }, 'new');
    const second = createProcessor({ acme: ['new'] }, 'old');
    const firstProvider = new BasicTracerProvider({ spanProcessors: [first.processor] });
    const secondProvider = new BasicTracerProvider({ spanProcessors: [second.processor] });
    const tracer = secondProvider.getTracer('test');
    await firstProvider.shutdown();

    span(tracer, 'request', () => expect(setRoute('acme')).toBe('decided'));

    expect(await second.read()).toEqual({ old: [], new: ['request'], dropped: {} });
    expect(first.processor.stats().decisions.decided).toBe(0);
    await secondProvider.shutdown();
  });

  it('with different budgets share the smallest, and say so', async () => {
    const lines: string[] = [];
    const warn = (line: string): void => void lines.push(line);
    const logger = { error: warn, warn, info: warn, debug: warn, verbose: warn };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    const create = (maxBufferedBytes: number) =>
      new RoutingSpanProcessor({
        backends: { only: { exporter: recordingExporter() } },
        maxBufferedBytes,
      });
    const processors = [create(5_000_000), create(3_000_000)];
    await vi.waitFor(() => expect(lines).toHaveLength(2));

    for (const line of lines) {
      expect(line).toMatch(/SIGNALBOX_MAX_BUFFERED_BYTES differs .* the smallest, 3000000, counts/);
    }
    for (const processor of processors) await processor.shutdown();
    diag.disable();
  });
});
