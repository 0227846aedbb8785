import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RoutingSpanProcessor, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';

/** What people register a span processor with. */
interface Host {
  readonly name: string;
  /** Registers everything globally; returns the host's own shutdown. */
  readonly start: (processor: RoutingSpanProcessor) => () => Promise<void>;
}

const hosts: readonly Host[] = [
  {
    name: 'NodeTracerProvider',
    start(processor) {
      const provider = new NodeTracerProvider({ spanProcessors: [processor] });
      provider.register();
      return () => provider.shutdown();
    },
  },
  {
    name: 'BasicTracerProvider',
    start(processor) {
      const provider = new BasicTracerProvider({ spanProcessors: [processor] });
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      trace.setGlobalTracerProvider(provider);
      return () => provider.shutdown();
    },
  },
  {
    name: 'NodeSDK',
    start(processor) {
      const sdk = new NodeSDK({
        spanProcessors: [processor],
        metricReaders: [],
        logRecordProcessors: [],
      });
      sdk.start();
      return () => sdk.shutdown();
    },
  },
];

let receiver: TestReceiver;

beforeEach(async () => {
  receiver = await startReceiver();
});

afterEach(async () => {
  trace.disable();
  context.disable();
  propagation.disable();
  await receiver.stop();
});

function createProcessor(): RoutingSpanProcessor {
  return new RoutingSpanProcessor({
    backends: {
      standard: { endpoint: `${receiver.url}/standard` },
      acme: { endpoint: `${receiver.url}/acme` },
      globex: { endpoint: `${receiver.url}/globex`, protocol: 'http/json' },
    },
    defaultRoute: 'standard',
  });
}

/** A span with the tenant as its marker. */
function inSpan(name: string, tenant: string, fn?: () => Promise<unknown>): Promise<void> {
  const tracer = trace.getTracer('test');
  return tracer.startActiveSpan(name, { attributes: { tenant } }, async (span) => {
    await fn?.();
    span.end();
  });
}

function arrived(backend: string): unknown[] {
  return receiver.spans(backend).map(({ name, attributes }) => {
    return `${name} of ${plainAttributes(attributes).tenant}`;
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe.each(hosts)('in a $name', ({ start }) => {
  it('concurrent requests are routed, and delivered by its own shutdown', async () => {
    const processor = createProcessor();
    const shutdown = start(processor);

    const request = (tenant: string) =>
      inSpan('request', tenant, async () => {
        await inSpan('look-up', tenant, turn);
        if (tenant !== 'nobody') setRoute(tenant);
        await inSpan('work', tenant, turn);
      });
    await Promise.all([
      request('acme'),
      request('globex'),
      request('nobody'),
      withBoundary(() => request('acme')),
      withRoute('globex', () => inSpan('job', 'globex', turn)),
    ]);
    await shutdown();

    const one = (tenant: string) => [
      `look-up of ${tenant}`,
      `request of ${tenant}`,
      `work of ${tenant}`,
    ];
    expect(arrived('acme').sort()).toEqual([...one('acme'), ...one('acme')].sort());
    expect(arrived('globex').sort()).toEqual(['job of globex', ...one('globex')]);
    expect(arrived('standard').sort()).toEqual(one('nobody'));
    const stats = processor.stats();
    expectLaws(stats);
    expect(stats).toMatchObject({ ended: 13, routed: 13, dropped: {} });
  });

  it('spans that end after its shutdown are dropped and counted', async () => {
    const processor = createProcessor();
    const shutdown = start(processor);
    const tracer = trace.getTracer('test');
    const late = withRoute('acme', () => tracer.startSpan('late'));
    await shutdown();
    late.end();

    expect(receiver.requests).toEqual([]);
    expect(processor.stats().dropped).toEqual({ already_shutdown: 1 });
    await shutdown();
  });
});
