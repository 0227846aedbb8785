import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Agent } from 'undici';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createKeySigner } from '../../src/boundary/signed-key.js';
import {
  type BackendConfig,
  flushRequest,
  RoutePropagator,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import { HOST, received, SECRET, TRACE_ID } from '../boundary/calls.js';
import { eventually } from '../helpers/eventually.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';

const running: Service[] = [];
const signer = createKeySigner({ secret: SECRET, previousSecret: undefined, epochMs: Date.now });

afterEach(async () => {
  for (const service of running.splice(0)) {
    await service.stop();
    expectLaws(service.processor.stats());
    expect(service.processor.stats().parked).toBe(0);
  }
});

function start(config: Partial<SignalboxConfig>): Service {
  const service = startService({ backends: {}, ...config });
  running.push(service);
  return service;
}

/** Ends one span under a key. */
function emit(service: Service, key: string, name = key): void {
  withRoute(key, () => service.inSpan(name, () => {}));
}

interface Gate<T> {
  readonly promise: Promise<T>;
  readonly open: (value: T) => void;
  readonly fail: (error: Error) => void;
}

function createGate<T>(): Gate<T> {
  let open: Gate<T>['open'] = () => {};
  let fail: Gate<T>['fail'] = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** A resolver whose answers are given by hand, in the order of its calls. */
function createResolver() {
  const calls: { key: string; gate: Gate<BackendConfig | undefined> }[] = [];
  return {
    calls,
    resolveBackend(key: string) {
      const gate = createGate<BackendConfig | undefined>();
      calls.push({ key, gate });
      return gate.promise;
    },
  };
}

async function receiver(): Promise<TestReceiver> {
  const started = await startReceiver();
  onTestFinished(() => started.stop());
  return started;
}

const isClosed = (service: Service, key: string) => () =>
  !(`template/${key}` in service.processor.stats().backends);

describe('a template', () => {
  it('sends each key to its own host', async () => {
    const server = await receiver();
    const dispatcher = new Agent({
      connect: {
        lookup: (_host, _options, callback) =>
          callback(null, [{ address: '127.0.0.1', family: 4 }]),
      },
    });
    onTestFinished(() => dispatcher.close());
    const template = { endpoint: `http://{route}.data.example:${server.port}/all`, dispatcher };
    const service = start({ template });
    for (const key of ['acme', 'globex', 'Acme', 'a.b', 'acme']) emit(service, key);
    await service.processor.forceFlush();
    const arrived = server.requests.map(({ headers, spans }) => [
      headers.host?.replace(/:\d+$/, ''),
      spans.map(({ name }) => name),
    ]);
    expect(arrived.sort()).toEqual([
      ['acme.data.example', ['acme', 'acme']],
      ['globex.data.example', ['globex']],
    ]);
    expect(service.processor.stats()).toMatchObject({
      dropped: { unknown_route: 2 },
      decisions: { decided: 3, unknown: 2 },
      backends: { 'template/acme': { delivered: 2 }, 'template/globex': { delivered: 1 } },
    });
  });
});

describe('resolveBackend', () => {
  it('is asked for keys that no configured route knows, and for no other', async () => {
    const [own, configured] = [recordingExporter(), recordingExporter()];
    const asked: string[] = [];
    const service = start({
      backends: { configured: { exporter: configured } },
      routes: { acme: ['configured'] },
      resolveBackend(key) {
        asked.push(key);
        return key === 'globex' ? { exporter: own } : undefined;
      },
    });
    for (const key of ['acme', 'globex', 'initech', 'configured', 'not valid']) emit(service, key);
    withRoute('globex', () => {});
    expect(asked).toEqual(['globex', 'initech', 'configured']);
    await service.processor.forceFlush();
    expect(configured.names()).toEqual(['acme']);
    expect(own.names()).toEqual(['globex']);
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 3 });
  });

  it('keeps spans waiting until it answers, and then sends them in the order in which they ended', async () => {
    const [acme, resolver] = [recordingExporter(), createResolver()];
    const service = start({ resolveBackend: resolver.resolveBackend });
    withBoundary(() => {
      service.inSpan('before the key', () => {});
      expect(setRoute('acme')).toBe('decided');
      service.inSpan('after the key', () => {});
    });
    emit(service, 'acme', 'another request');
    expect(service.processor.stats()).toMatchObject({ parked: 3, decisions: { decided: 0 } });
    expect(resolver.calls.map(({ key }) => key)).toEqual(['acme']);
    resolver.calls[0]?.gate.open({ exporter: acme });
    await eventually(() => service.processor.stats().parked === 0);
    emit(service, 'acme', 'later');
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['before the key', 'after the key', 'another request', 'later']);
    expect(service.processor.stats()).toMatchObject({ dropped: {}, decisions: { decided: 3 } });
  });

  it('that finds no backend makes the key unknown', async () => {
    const [standard, resolver] = [recordingExporter(), createResolver()];
    const service = start({
      backends: { standard: { exporter: standard } },
      defaultRoute: 'standard',
      unknownRoute: 'default',
      resolveBackend: resolver.resolveBackend,
    });
    emit(service, 'nobody');
    resolver.calls[0]?.gate.open(undefined);
    await eventually(() => service.processor.stats().parked === 0);
    emit(service, 'nobody', 'again');
    expect(resolver.calls).toHaveLength(1);
    await service.processor.forceFlush();
    expect(standard.names()).toEqual(['nobody', 'again']);
    expect(service.processor.stats().decisions).toMatchObject({ unknown: 2, decided: 0 });
  });

  it.each<[string, (key: string) => BackendConfig | Promise<BackendConfig>]>([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    ['gives no valid backend', () => ({ endpoint: 'ftp://secret' })],
    ['gives no backend at all', async () => 'secret' as BackendConfig],
    ['gives the exporter of another one', async () => ({ exporter: shared })],
  ])('that %s drops the spans, and sends them nowhere else', async (_, resolveBackend) => {
    const standard = recordingExporter();
    const service = start({
      backends: { standard: { exporter: standard }, shared: { exporter: shared } },
      defaultRoute: 'standard',
      unknownRoute: 'default',
      parkOverflow: 'default',
      resolveBackend,
    });
    emit(service, 'acme');
    await eventually(() => service.processor.stats().parked === 0);
    emit(service, 'acme');
    await service.processor.forceFlush();
    expect(standard.names()).toEqual([]);
    expect(service.processor.stats()).toMatchObject({
      dropped: { unknown_route: 2 },
      decisions: { unknown: 2 },
    });
  });
  const shared = recordingExporter();

  it('that never answers holds spans no longer than they may be parked', async () => {
    const standard = recordingExporter();
    const service = start({
      backends: { standard: { exporter: standard } },
      defaultRoute: 'standard',
      parkOverflow: 'default',
      parkTimeoutMs: 20,
      resolveBackend: () => new Promise(() => {}),
    });
    emit(service, 'acme');
    await eventually(() => service.processor.stats().parked === 0);
    emit(service, 'acme');
    await eventually(() => service.processor.stats().parked === 0);
    await service.processor.forceFlush();
    const { dropped } = service.processor.stats();
    expect((dropped.park_limit ?? 0) + (dropped.unknown_route ?? 0)).toBe(2);
    expect(standard.names()).toEqual([]);
  });

  it('is waited for within the bound of parked spans, and never sends what passes it to the default route', async () => {
    const [standard, acme, resolver] = [recordingExporter(), recordingExporter(), createResolver()];
    const service = start({
      backends: { standard: { exporter: standard } },
      defaultRoute: 'standard',
      parkOverflow: 'default',
      parkMaxSpans: 2,
      resolveBackend: resolver.resolveBackend,
    });
    for (let id = 0; id < 5; id += 1) emit(service, 'acme', `${id}`);
    resolver.calls[0]?.gate.open({ exporter: acme });
    await eventually(() => service.processor.stats().parked === 0);
    await service.processor.forceFlush();
    expect(standard.names()).toEqual([]);
    expect(acme.names()).toHaveLength(2);
    expect(service.processor.stats().dropped).toEqual({ park_limit: 3 });
  });

  it('is waited for at a shutdown, as long as that may take', async () => {
    const [acme, resolver] = [recordingExporter(), createResolver()];
    const service = start({ resolveBackend: resolver.resolveBackend, shutdownTimeoutMs: 400 });
    emit(service, 'acme');
    emit(service, 'never');
    const stopped = service.processor.shutdown();
    expect(service.processor.stats().parked).toBe(2);
    resolver.calls[0]?.gate.open({ exporter: acme });
    await stopped;
    expect(acme.names()).toEqual(['acme']);
    expect(service.processor.stats()).toMatchObject({ parked: 0, dropped: { park_limit: 1 } });
  });

  it('is waited for by who flushes a request', async () => {
    const [acme, resolver] = [recordingExporter(), createResolver()];
    const service = start({ resolveBackend: resolver.resolveBackend });
    await withRoute('acme', async () => {
      service.inSpan('span', () => {});
      const flushed = flushRequest();
      resolver.calls[0]?.gate.open({ exporter: acme });
      await flushed;
      expect(acme.names()).toEqual(['span']);
    });
  });

  it('runs outside of the request that needs it', async () => {
    const seen: unknown[] = [];
    const service = start({
      async resolveBackend() {
        seen.push(trace.getActiveSpan(), context.active());
        await Promise.resolve();
        service.inSpan('of the resolver', () => {});
        return undefined;
      },
    });
    emit(service, 'acme');
    await eventually(() => service.processor.stats().parked === 0);
    expect(seen[0]).toBeUndefined();
    expect(service.processor.stats().ended).toBe(1);
  });

  it('is asked again when its answer is too old, and a decided request keeps what it got', async () => {
    const [before, after] = [recordingExporter(), recordingExporter()];
    const answers = [before, after];
    const service = start({
      resolveBackend: () => ({ exporter: answers.shift() ?? recordingExporter() }),
      resolveBackendTtlMs: 0,
    });
    const span = service.tracer.startSpan('decided before', {}, ROOT_CONTEXT);
    context.with(trace.setSpan(ROOT_CONTEXT, span), () => setRoute('acme'));
    emit(service, 'acme', 'decided after');
    span.end();
    await service.processor.forceFlush();
    expect(before.names()).toEqual(['decided before']);
    expect(after.names()).toEqual(['decided after']);
    expect(service.processor.stats().backends).toMatchObject({ 'template/acme': { accepted: 2 } });
  });

  it('keeps the queue and the connections where it says the same again', async () => {
    const server = await receiver();
    const service = start({
      resolveBackend: async (key) => ({ endpoint: `${server.url}/${key}` }),
      resolveBackendTtlMs: 0,
    });
    emit(service, 'acme', 'one');
    await eventually(() => service.processor.stats().parked === 0);
    emit(service, 'acme', 'two');
    await eventually(() => service.processor.stats().parked === 0);
    await service.processor.forceFlush();
    expect(server.requests.map(({ spans }) => spans.length)).toEqual([2]);
  });

  it('finds the backend of a key that another service has signed', async () => {
    const [standard, acme, resolver] = [recordingExporter(), recordingExporter(), createResolver()];
    const service = start({
      backends: { standard: { exporter: standard } },
      defaultRoute: 'standard',
      resolveBackend: resolver.resolveBackend,
    });
    const propagator = new RoutePropagator({ secret: SECRET, hosts: [HOST] });
    const header = signer.sign('acme', TRACE_ID);
    const request = received(propagator, header, TRACE_ID);
    service.tracer.startSpan('callee', {}, request).end();
    expect(resolver.calls.map(({ key }) => key)).toEqual(['acme']);
    expect(service.processor.stats().parked).toBe(1);
    resolver.calls[0]?.gate.open({ exporter: acme });
    await eventually(() => service.processor.stats().parked === 0);
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['callee']);
    expect(standard.names()).toEqual([]);
  });
});

describe('a backend of a key', () => {
  it('is closed when it is idle, and opened again by its next request', async () => {
    const server = await receiver();
    const service = start({
      resolveBackend: (key) => ({ endpoint: `${server.url}/${key}`, scheduleDelayMs: 0 }),
      templateIdleTimeoutMs: 20,
    });
    emit(service, 'acme', 'first');
    await eventually(isClosed(service, 'acme'));
    expect(service.processor.stats().backends).toMatchObject({
      '(removed)': { accepted: 1, delivered: 1 },
    });
    emit(service, 'acme', 'second');
    expect(service.processor.stats().backends).toMatchObject({ 'template/acme': { accepted: 1 } });
    await eventually(isClosed(service, 'acme'));
    expect(server.spans().map(({ name }) => name)).toEqual(['first', 'second']);
  });

  it('is opened again by a request that was decided before it was closed', async () => {
    const server = await receiver();
    const service = start({
      resolveBackend: (key) => ({ endpoint: `${server.url}/${key}`, scheduleDelayMs: 0 }),
      templateIdleTimeoutMs: 20,
    });
    await withRoute('acme', async () => {
      service.inSpan('first', () => {});
      await eventually(isClosed(service, 'acme'));
      service.inSpan('second', () => {});
    });
    await eventually(isClosed(service, 'acme'));
    expect(server.spans().map(({ name }) => name)).toEqual(['first', 'second']);
    expect(service.processor.stats()).toMatchObject({ ended: 2, routed: 2 });
  });

  it('that was closed and opened again in between is waited for by who flushes a request', async () => {
    const server = await receiver();
    const service = start({
      resolveBackend: (key) => ({ endpoint: `${server.url}/${key}`, scheduleDelayMs: 60_000 }),
      templateIdleTimeoutMs: 20,
    });
    await withRoute('acme', async () => {
      // More turns between its spans and others' than a request is remembered by.
      for (let turn = 0; turn < 70; turn += 1) {
        context.with(ROOT_CONTEXT, () => emit(service, 'acme'));
        service.inSpan('own', () => {});
      }
      await eventually(isClosed(service, 'acme'));
      service.inSpan('last', () => {});
      await flushRequest();
      expect(server.spans().map(({ name }) => name)).toContain('last');
    });
  });

  it('is one of as many as there may be; further keys go nowhere, until one of them is idle', async () => {
    const server = await receiver();
    const standard = recordingExporter();
    const service = start({
      backends: { standard: { exporter: standard } },
      defaultRoute: 'standard',
      unknownRoute: 'default',
      resolveBackend: (key) => ({ endpoint: `${server.url}/${key}`, scheduleDelayMs: 0 }),
      templateMaxBackends: 2,
      templateIdleTimeoutMs: 20,
    });
    for (const key of ['a', 'b', 'c', 'a', 'd']) emit(service, key);
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 2 });
    await eventually(isClosed(service, 'a'));
    await eventually(isClosed(service, 'b'));
    emit(service, 'c');
    await service.processor.forceFlush();
    expect(
      server
        .spans()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'a', 'b', 'c']);
    expect(standard.names()).toEqual([]);
  });

  it('counts among them while it is looked up', () => {
    const resolver = createResolver();
    const service = start({ resolveBackend: resolver.resolveBackend, templateMaxBackends: 2 });
    for (const key of ['a', 'b', 'c']) emit(service, key);
    expect(resolver.calls.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(service.processor.stats()).toMatchObject({ parked: 2, dropped: { unknown_route: 1 } });
    for (const { gate } of resolver.calls) gate.open(undefined);
  });

  it('shares one name with the others in the metrics', async () => {
    const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({
      exporter: memory,
      exportIntervalMillis: 3_600_000,
    });
    const meterProvider = new MeterProvider({ readers: [reader] });
    onTestFinished(() => meterProvider.shutdown());
    const server = await receiver();
    const service = start({
      meterProvider,
      resolveBackend: (key) => ({ endpoint: `${server.url}/${key}`, maxQueueSize: 600 }),
    });
    for (const key of ['a', 'b', 'c']) emit(service, key);
    await meterProvider.forceFlush();
    await service.processor.forceFlush();
    await meterProvider.forceFlush();
    const points = memory
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ value, attributes }) => ({ name: descriptor.name, value, attributes })),
      );
    expect(new Set(points.map(({ attributes }) => attributes['otel.component.name']))).toEqual(
      new Set(['(dynamic)']),
    );
    const valuesOf = (name: string) =>
      points.filter((point) => point.name === `otel.sdk.${name}`).map(({ value }) => value);
    expect(valuesOf('processor.span.queue.size')).toEqual([3, 0]);
    expect(valuesOf('processor.span.queue.capacity').at(-1)).toBe(1_800);
    expect(valuesOf('exporter.span.exported')).toEqual([3]);
    expect(JSON.stringify(points)).not.toContain('127.0.0.1');
  });

  it('stays open over an update that keeps its source, and drains over one that changes it', async () => {
    const [before, after] = [await receiver(), await receiver()];
    const service = start({ resolveBackend: (key) => ({ endpoint: `${before.url}/${key}` }) });
    const { processor } = service;
    const span = service.tracer.startSpan('decided before', {}, ROOT_CONTEXT);
    context.with(trace.setSpan(ROOT_CONTEXT, span), () => setRoute('acme'));
    emit(service, 'acme', 'queued');
    processor.update({
      backends: {},
      resolveBackend: (key) => ({ endpoint: `${after.url}/${key}` }),
    });
    emit(service, 'acme', 'decided after');
    span.end();
    await processor.forceFlush();
    expect(before.spans().map(({ name }) => name)).toEqual(['queued', 'decided before']);
    expect(after.spans().map(({ name }) => name)).toEqual(['decided after']);
    processor.update({ backends: { own: { endpoint: `${after.url}/own` } } });
    emit(service, 'acme', 'unknown now');
    expect(processor.stats().dropped).toEqual({ unknown_route: 1 });
  });
});

describe('five thousand tenants', () => {
  it('are served a hundred at a time, and leave nothing behind', async () => {
    const server = await receiver();
    const sockets = () =>
      process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket')).length;
    const socketsBefore = sockets();
    const exporters: RecordingExporter[] = [];
    const service = start({
      resolveBackend(key) {
        if (key.endsWith('0')) return { endpoint: `${server.url}/${key}`, scheduleDelayMs: 0 };
        const exporter = recordingExporter();
        exporters.push(exporter);
        return Promise.resolve({ exporter, scheduleDelayMs: 0 });
      },
      templateMaxBackends: 100,
      templateIdleTimeoutMs: 10,
    });
    const { processor } = service;
    const open = () =>
      Object.keys(processor.stats().backends).filter((name) => name !== '(removed)').length;
    for (let tenant = 0; tenant < 5_000; tenant += 100) {
      for (let each = tenant; each < tenant + 100; each += 1) emit(service, `t${each}`);
      await eventually(() => processor.stats().parked === 0 && open() === 0);
      expectLaws(processor.stats());
    }
    await eventually(() => sockets() <= socketsBefore);
    const { backends, dropped } = processor.stats();
    expect(dropped).toEqual({});
    expect(backends['(removed)']).toMatchObject({ accepted: 5_000, delivered: 5_000 });
    expect(server.spans()).toHaveLength(500);
    expect(exporters.map(({ spans }) => spans.length)).toEqual(Array(4_500).fill(1));
  }, 30_000);
});
