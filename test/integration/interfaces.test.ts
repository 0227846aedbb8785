import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as OTLPProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import {
  BasicTracerProvider,
  type ConsoleSpanExporter,
  InMemorySpanExporter,
  type ReadableSpan as SdkReadableSpan,
  type Span as SdkSpan,
  type SpanExporter as SdkSpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { NodeTracerConfig } from '@opentelemetry/sdk-trace-node';
import {
  Agent,
  Client,
  type Dispatcher,
  MockAgent,
  Pool,
  type ProxyAgent,
  RetryAgent,
} from 'undici';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import {
  type BackendConfig,
  type ReadableSpan,
  RoutingSpanProcessor,
  type SignalboxConfig,
  type SpanExporter,
  type StartedSpan,
} from '../../src/index.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';

describe('the public types', () => {
  it('let the processor stand where the SDK takes one', () => {
    expectTypeOf<RoutingSpanProcessor>().toExtend<SpanProcessor>();
    expectTypeOf<RoutingSpanProcessor[]>().toExtend<
      NonNullable<NodeTracerConfig['spanProcessors']>
    >();
    expectTypeOf<RoutingSpanProcessor[]>().toExtend<
      NonNullable<NodeSDKConfiguration['spanProcessors']>
    >();
    expectTypeOf<SdkSpan>().toExtend<StartedSpan>();
    expectTypeOf<SdkReadableSpan>().toExtend<ReadableSpan>();
  });

  it('take any exporter of the SDK, and any dispatcher of undici', () => {
    type ExporterOption = NonNullable<BackendConfig['exporter']>;
    expectTypeOf<SdkSpanExporter>().toExtend<ExporterOption>();
    expectTypeOf<InMemorySpanExporter>().toExtend<ExporterOption>();
    expectTypeOf<ConsoleSpanExporter>().toExtend<ExporterOption>();
    expectTypeOf<OTLPTraceExporter>().toExtend<ExporterOption>();
    expectTypeOf<OTLPProtobufExporter>().toExtend<ExporterOption>();
    expectTypeOf<'otlp-htp'>().not.toExtend<ExporterOption>();

    type DispatcherOption = NonNullable<BackendConfig['dispatcher']>;
    expectTypeOf<Agent>().toExtend<DispatcherOption>();
    expectTypeOf<Pool>().toExtend<DispatcherOption>();
    expectTypeOf<Client>().toExtend<DispatcherOption>();
    expectTypeOf<MockAgent>().toExtend<DispatcherOption>();
    expectTypeOf<ProxyAgent>().toExtend<DispatcherOption>();
    expectTypeOf<RetryAgent>().toExtend<DispatcherOption>();
    expectTypeOf<Dispatcher.ComposedDispatcher>().toExtend<DispatcherOption>();

    expectTypeOf<MeterProvider>().toExtend<NonNullable<SignalboxConfig['meterProvider']>>();
  });

  it('let an exporter that is written for them be used with the SDK', () => {
    expectTypeOf<SdkSpanExporter>().toExtend<SpanExporter>();
    expectTypeOf<SpanExporter>().toExtend<SdkSpanExporter>();
  });
});

describe('in code a backend', () => {
  let receiver: TestReceiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });

  afterEach(() => receiver.stop());

  /** Sends one span through a backend, and shuts down. */
  async function sendThrough(main: BackendConfig): Promise<RoutingSpanProcessor> {
    const processor = new RoutingSpanProcessor({ backends: { main }, defaultRoute: 'main' });
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    provider.getTracer('test').startSpan('sent').end();
    await provider.forceFlush();
    await provider.shutdown();
    expect(processor.stats().backends.main).toMatchObject({ delivered: 1, dropped: {} });
    return processor;
  }

  it.each<{ what: string; create: (url: string) => SpanExporter }>([
    { what: 'OTLP/JSON', create: (url) => new OTLPTraceExporter({ url }) },
    { what: 'OTLP/protobuf', create: (url) => new OTLPProtobufExporter({ url }) },
  ])('delivers through the stock $what exporter', async ({ create }) => {
    await sendThrough({ exporter: create(`${receiver.url}/v1/traces`) });
    expect(receiver.spans().map(({ name }) => name)).toEqual(['sent']);
  });

  it('delivers into the memory exporter, and shuts it down', async () => {
    const exporter = new InMemorySpanExporter();
    const exported: string[] = [];
    const record: SdkSpanExporter['export'] = exporter.export.bind(exporter);
    exporter.export = (spans, callback) => {
      exported.push(...spans.map(({ name }) => name));
      record(spans, callback);
    };
    await sendThrough({ exporter });
    expect(exported).toEqual(['sent']);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it.each<{ what: string; create: (origin: string) => Dispatcher }>([
    { what: 'an Agent', create: () => new Agent() },
    { what: 'a Pool', create: (origin) => new Pool(origin, { connections: 1 }) },
    { what: 'a Client', create: (origin) => new Client(origin) },
    { what: 'a RetryAgent', create: () => new RetryAgent(new Agent()) },
    {
      what: 'a composed dispatcher',
      create: () =>
        new Agent().compose(
          (dispatch) => (options, handler) => dispatch({ ...options, idempotent: false }, handler),
        ),
    },
  ])('sends through $what of the application’s own, and leaves it open', async ({ create }) => {
    const dispatcher = create(receiver.url);
    await sendThrough({ endpoint: receiver.url, dispatcher });
    await sendThrough({ endpoint: receiver.url, dispatcher });

    expect(receiver.spans().map(({ name }) => name)).toEqual(['sent', 'sent']);
    await dispatcher.close();
  });

  it('sends through a MockAgent, so that an application’s tests need no receiver', async () => {
    const dispatcher = new MockAgent();
    dispatcher.disableNetConnect();
    dispatcher
      .get('https://otlp.example.com')
      .intercept({ method: 'POST', path: '/v1/traces', headers: { authorization: 'Bearer key' } })
      .reply(200);
    await sendThrough({ endpoint: 'https://otlp.example.com', apiKey: 'key', dispatcher });

    dispatcher.assertNoPendingInterceptors();
    await dispatcher.close();
  });
});
