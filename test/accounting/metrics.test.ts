import { metrics as metricsApi } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createKeyTallies } from '../../src/accounting/key-tallies.js';
import { createLedger } from '../../src/accounting/ledger.js';
import { createLog } from '../../src/accounting/log.js';
import { createMetrics } from '../../src/accounting/metrics.js';
import type { Backend } from '../../src/config/resolved.js';
import { createBackend } from '../helpers/backend.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const processor = {
  'otel.component.name': 'eu',
  'otel.component.type': 'batching_span_processor',
};
const exporter = {
  'otel.component.name': 'eu',
  'otel.component.type': 'otlp_http_span_exporter',
  'server.address': 'otlp.example',
  'server.port': 443,
};

function createProvider() {
  const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({
    exporter: memory,
    exportIntervalMillis: 3_600_000,
  });
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  return {
    provider,
    /** Every data point, as `[name, value, attributes]`, without the prefix that all names share. */
    async collect(): Promise<unknown[]> {
      memory.reset();
      await provider.forceFlush();
      const collected = memory.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      return collected.flatMap(({ metrics }) =>
        metrics.flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(({ value, attributes }) => [
            descriptor.name.replace('otel.sdk.', ''),
            typeof value === 'number' ? value : { count: value.count, sum: value.sum },
            attributes,
          ]),
        ),
      );
    },
    async describe() {
      memory.reset();
      await provider.forceFlush();
      const collected = memory.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      return collected.flatMap(({ scope, metrics }) =>
        metrics.map(({ descriptor }) => [scope.name, descriptor.name, descriptor.unit]),
      );
    },
  };
}

function setUp(provider: MeterProvider | undefined) {
  const clock = createFakeClock();
  const ledger = createLedger({ clock, log: createLog(clock), metrics: createMetrics(provider) });
  return {
    ledger,
    open: (overrides: Partial<Backend> = {}, url = 'https://otlp.example/v1/traces') =>
      ledger.backend(createBackend(url, { name: 'eu', ...overrides })),
  };
}

afterEach(() => {
  metricsApi.disable();
});

describe('metrics', () => {
  it('have the names and units of the semantic conventions', async () => {
    const { provider, describe } = createProvider();
    const eu = setUp(provider).open({ maxQueueSize: 2048 });
    eu.accept();
    eu.start(1, 'queued');
    eu.deliver(1);
    eu.endOperation(12);
    expect((await describe()).sort()).toEqual([
      ['signalbox', 'otel.sdk.exporter.operation.duration', 's'],
      ['signalbox', 'otel.sdk.exporter.span.exported', '{span}'],
      ['signalbox', 'otel.sdk.exporter.span.inflight', '{span}'],
      ['signalbox', 'otel.sdk.processor.span.processed', '{span}'],
      ['signalbox', 'otel.sdk.processor.span.queue.capacity', '{span}'],
      ['signalbox', 'otel.sdk.processor.span.queue.size', '{span}'],
    ]);
  });

  it('count a span as processed when it is first sent, and as exported when it is settled', async () => {
    const { provider, collect } = createProvider();
    const eu = setUp(provider).open();
    for (let count = 0; count < 5; count += 1) eu.accept();
    eu.start(3, 'queued');
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 2, processor],
      ['processor.span.processed', 3, processor],
      ['exporter.span.inflight', 3, exporter],
    ]);
    eu.deliver(3);
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 2, processor],
      ['processor.span.processed', 3, processor],
      ['exporter.span.inflight', 0, exporter],
      ['exporter.span.exported', 3, exporter],
    ]);
  });

  it('count a span that was on disk once, whether it had been attempted before or not', async () => {
    const { provider, collect } = createProvider();
    const eu = setUp(provider).open();
    for (let count = 0; count < 3; count += 1) eu.accept();
    eu.start(2, 'queued');
    eu.spool(2, 'inFlight');
    eu.spool(1, 'queued');
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 0, processor],
      ['processor.span.processed', 2, processor],
      ['exporter.span.inflight', 2, exporter],
    ]);
    eu.start(2, 'spooledAttempted');
    eu.start(1, 'spooled');
    eu.deliver(3);
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 0, processor],
      ['processor.span.processed', 3, processor],
      ['exporter.span.inflight', 0, exporter],
      ['exporter.span.exported', 3, exporter],
    ]);
  });

  it('keep a span that waits for its retry in flight, and count it once in all', async () => {
    const { provider, collect } = createProvider();
    const eu = setUp(provider).open();
    eu.accept();
    eu.start(1, 'queued');
    for (let retry = 0; retry < 3; retry += 1) {
      eu.requeue(1);
      expect(await collect()).toEqual([
        ['processor.span.queue.size', 0, processor],
        ['processor.span.processed', 1, processor],
        ['exporter.span.inflight', 1, exporter],
      ]);
      eu.start(1, 'waiting');
    }
    eu.requeue(1);
    eu.drop('retry_exhausted', 1, 'waiting', 'HTTP 503', '503');
    eu.endOperation(300_000, '503', 503);
    const failed = { ...exporter, 'error.type': '503' };
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 0, processor],
      ['processor.span.processed', 1, processor],
      ['exporter.span.inflight', 0, exporter],
      ['exporter.span.exported', 1, failed],
      [
        'exporter.operation.duration',
        { count: 1, sum: 300 },
        { ...failed, 'http.response.status_code': 503 },
      ],
    ]);
  });

  it('count a span that is dropped before it is sent as processed, with the reason', async () => {
    const { provider, collect } = createProvider();
    const eu = setUp(provider).open();
    for (let count = 0; count < 4; count += 1) eu.accept();
    eu.drop('queue_full', 1, 'queued');
    eu.drop('queue_full', 1, 'queued');
    eu.drop('shutdown_timeout', 1, 'queued', 'after shutdown', 'ignored');
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 1, processor],
      ['processor.span.processed', 2, { ...processor, 'error.type': 'queue_full' }],
      ['processor.span.processed', 1, { ...processor, 'error.type': 'shutdown_timeout' }],
    ]);
  });

  it('count what a backend rejects of a batch as exported with an error, the rest without', async () => {
    const { provider, collect } = createProvider();
    const eu = setUp(provider).open();
    for (let count = 0; count < 10; count += 1) eu.accept();
    eu.start(10, 'queued');
    eu.deliver(8);
    eu.drop('rejected', 2, 'inFlight', 'too old');
    eu.endOperation(1500, 'rejected', 200);
    const rejected = { ...exporter, 'error.type': 'rejected' };
    expect((await collect()).slice(2)).toEqual([
      ['exporter.span.inflight', 0, exporter],
      ['exporter.span.exported', 8, exporter],
      ['exporter.span.exported', 2, rejected],
      [
        'exporter.operation.duration',
        { count: 1, sum: 1.5 },
        { ...rejected, 'http.response.status_code': 200 },
      ],
    ]);
  });

  it('count what is dropped before the backends by a component of its own', async () => {
    const { provider, collect } = createProvider();
    const { ledger } = setUp(provider);
    ledger.routing.drop('ambiguous');
    ledger.routing.drop('no_route', 4);
    ledger.routing.drop('no_route');
    const routing = {
      'otel.component.name': 'signalbox',
      'otel.component.type': 'RoutingSpanProcessor',
    };
    expect(await collect()).toEqual([
      ['processor.span.processed', 1, { ...routing, 'error.type': 'ambiguous' }],
      ['processor.span.processed', 5, { ...routing, 'error.type': 'no_route' }],
    ]);
  });

  it('state a capacity only where the queue is bounded in spans', async () => {
    const { provider, collect } = createProvider();
    const { open } = setUp(provider);
    open({ maxQueueSize: 100 }).accept();
    open({ name: 'us' }).accept();
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 1, processor],
      ['processor.span.queue.size', 1, { ...processor, 'otel.component.name': 'us' }],
      ['processor.span.queue.capacity', 100, processor],
    ]);
  });

  it('say nothing of a backend that has had no spans', async () => {
    const { provider, collect } = createProvider();
    setUp(provider).open({ maxQueueSize: 100 });
    expect(await collect()).toEqual([]);
  });

  it('observe no queue once the ledger is closed', async () => {
    const { provider, collect } = createProvider();
    const { ledger, open } = setUp(provider);
    open().accept();
    ledger.close();
    open().drop('shutdown_timeout', 1, 'queued');
    expect(await collect()).toEqual([
      ['processor.span.processed', 1, { ...processor, 'error.type': 'shutdown_timeout' }],
    ]);
  });
});

class CustomExporter {
  export() {}
  async shutdown() {}
}

describe("an exporter's metrics", () => {
  const cases: [string, string | undefined, Partial<Backend>, object][] = [
    [
      'http/protobuf',
      'http://127.0.0.1:4318/v1/traces',
      {},
      { type: 'otlp_http_span_exporter', address: '127.0.0.1', port: 4318 },
    ],
    [
      'http/json',
      'http://otlp.example/v1/traces',
      { protocol: 'http/json' },
      { type: 'otlp_http_json_span_exporter', address: 'otlp.example', port: 80 },
    ],
    [
      'an IPv6 address',
      'https://[::1]/v1/traces',
      {},
      { type: 'otlp_http_span_exporter', address: '::1', port: 443 },
    ],
    [
      'credentials in the URL',
      'https://user:secret@otlp.example:8443/v1/traces?key=secret',
      {},
      { type: 'otlp_http_span_exporter', address: 'otlp.example', port: 8443 },
    ],
    [
      'an exporter of its own',
      undefined,
      { delivery: { kind: 'exporter', exporter: new CustomExporter() } },
      { type: 'CustomExporter' },
    ],
    [
      'an exporter without a class',
      undefined,
      { delivery: { kind: 'exporter', exporter: { export() {}, async shutdown() {} } } },
      { type: 'SpanExporter' },
    ],
  ];

  it.each(cases)('name its component and server: %s', async (_, url, overrides, expected) => {
    const { provider, collect } = createProvider();
    const { ledger } = setUp(provider);
    const eu = ledger.backend({ ...createBackend('', { name: 'eu' }), ...overrides, url });
    eu.accept();
    eu.start(1, 'queued');
    eu.deliver(1);
    const names = { type: 'otel.component.type', address: 'server.address', port: 'server.port' };
    const attributes = Object.entries(names).map(([short, name]) => [
      name,
      Reflect.get(expected, short),
    ]);
    expect(await collect()).toContainEqual([
      'exporter.span.exported',
      1,
      {
        'otel.component.name': 'eu',
        ...Object.fromEntries(attributes.filter(([, value]) => value !== undefined)),
      },
    ]);
  });
});

describe('the global MeterProvider', () => {
  it('is used where none is given', async () => {
    const { provider, collect } = createProvider();
    metricsApi.setGlobalMeterProvider(provider);
    setUp(undefined).open().accept();
    expect(await collect()).toEqual([['processor.span.queue.size', 1, processor]]);
  });

  it('is not used where another is given', async () => {
    const given = createProvider();
    const global = createProvider();
    metricsApi.setGlobalMeterProvider(global.provider);
    setUp(given.provider).open().accept();
    expect(await global.collect()).toEqual([]);
    expect(await given.collect()).toHaveLength(1);
  });

  it('may be registered later: from then on it is told, and what is in flight is right', async () => {
    const { open } = setUp(undefined);
    const eu = open({ maxQueueSize: 100 });
    for (let count = 0; count < 10; count += 1) eu.accept();
    eu.start(3, 'queued');
    eu.start(4, 'queued');
    eu.requeue(3);
    const { provider, collect } = createProvider();
    metricsApi.setGlobalMeterProvider(provider);
    eu.deliver(4);
    expect(await collect()).toEqual([
      ['processor.span.queue.size', 3, processor],
      ['processor.span.queue.capacity', 100, processor],
      ['exporter.span.inflight', 3, exporter],
      ['exporter.span.exported', 4, exporter],
    ]);
  });
});

it('states what became of the spans of each route that is counted by key, by backend', async () => {
  const { provider, collect } = createProvider();
  const tallies = createKeyTallies();
  createMetrics(provider, tallies);
  expect(await collect()).toEqual([]);
  const tally = tallies.of('acme', 'eu');
  tally.accepted += 3;
  tally.delivered += 2;
  tally.movedOut += 1;
  const points = await collect();
  expect(points).toHaveLength(5);
  const attributes = { 'signalbox.route': 'acme', 'otel.component.name': 'eu' };
  for (const [outcome, count] of [
    ['accepted', 3],
    ['delivered', 2],
    ['dropped', 0],
    ['moved_in', 0],
    ['moved_out', 1],
  ]) {
    expect(points).toContainEqual([
      'signalbox.route.spans',
      count,
      { ...attributes, 'signalbox.outcome': outcome },
    ]);
  }
});

describe('a MeterProvider that throws', () => {
  let calls = 0;
  const fail = () => {
    calls += 1;
    throw new Error('metrics');
  };
  const broken = { add: fail, record: fail, addCallback() {}, removeCallback: fail };
  const createBroken = () => broken;
  const meter = {
    createCounter: createBroken,
    createUpDownCounter: createBroken,
    createHistogram: createBroken,
    createObservableUpDownCounter: createBroken,
    createObservableCounter: createBroken,
  };
  const providers: [string, unknown][] = [
    ['for its meter', { getMeter: fail }],
    ['for an instrument', { getMeter: () => ({ createObservableUpDownCounter: fail }) }],
    ['for a measurement', { getMeter: () => meter }],
  ];

  it.each(providers)('%s changes no count, and is called no more', (_, provider) => {
    calls = 0;
    const { ledger, open } = setUp(provider as MeterProvider);
    const eu = open({ maxQueueSize: 1 });
    eu.accept();
    eu.accept();
    eu.drop('queue_full', 1, 'queued');
    eu.start(1, 'queued');
    eu.deliver(1);
    eu.endOperation(1);
    ledger.routing.drop('no_route');
    ledger.close();
    expect(calls).toBe(1);
    expect(ledger.stats().dropped).toEqual({ no_route: 1 });
    expect(ledger.stats().backends.eu).toMatchObject({
      accepted: 2,
      delivered: 1,
      queued: 0,
      inFlight: 0,
      dropped: { queue_full: 1 },
    });
  });
});
