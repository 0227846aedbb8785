import { writeFileSync } from 'node:fs';
import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  ConfigError,
  loadConfig,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import { writeFiles } from '../config/problems.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';

const running: Service[] = [];

afterEach(async () => {
  for (const service of running.splice(0)) {
    await service.stop();
    expectLaws(service.processor.stats());
  }
});

function start(config: SignalboxConfig): Service {
  const service = startService(config);
  running.push(service);
  return service;
}

async function receiver(): Promise<TestReceiver> {
  const started = await startReceiver();
  onTestFinished(() => started.stop());
  return started;
}

/** A request that has decided, and whose spans are still to end. */
function openRequest(service: Service, key: string): { span: Span; end(name?: string): void } {
  const span = service.tracer.startSpan(key, {}, ROOT_CONTEXT);
  context.with(trace.setSpan(ROOT_CONTEXT, span), () => setRoute(key));
  return {
    span,
    end(name) {
      if (name !== undefined) span.updateName(name);
      span.end();
    },
  };
}

describe('update', () => {
  it('sends requests that are decided later by the new routes', async () => {
    const [acme, globex] = [recordingExporter(), recordingExporter()];
    const backends = { acme: { exporter: acme }, globex: { exporter: globex } };
    const service = start({ backends, routes: { tenant: ['acme'] } });
    withRoute('tenant', () => service.inSpan('before', () => {}));
    service.processor.update({
      backends,
      routes: { tenant: ['globex'], both: ['acme', 'globex'] },
    });
    withRoute('tenant', () => service.inSpan('after', () => {}));
    withRoute('both', () => service.inSpan('new', () => {}));
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['before', 'new']);
    expect(globex.names()).toEqual(['after', 'new']);
  });

  it('leaves a decided request where it is, also when none of its spans had ended', async () => {
    const [acme, globex] = [recordingExporter(), recordingExporter()];
    const backends = { acme: { exporter: acme }, globex: { exporter: globex } };
    const service = start({ backends, routes: { tenant: ['acme'] } });
    const request = openRequest(service, 'tenant');
    service.processor.update({ backends, routes: { tenant: ['globex'] } });
    request.end();
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['tenant']);
    expect(globex.names()).toEqual([]);
  });

  it('leaves a request that is settled to the default route where it is', async () => {
    const [one, other] = [recordingExporter(), recordingExporter()];
    const backends = { one: { exporter: one }, other: { exporter: other } };
    const service = start({ backends, defaultRoute: 'one' });
    const parent = service.tracer.startSpan('root', {}, ROOT_CONTEXT);
    parent.end();
    service.processor.update({ backends, defaultRoute: 'other' });
    service.tracer.startSpan('late', {}, trace.setSpan(ROOT_CONTEXT, parent)).end();
    service.inSpan('another request', () => {});
    await service.processor.forceFlush();
    expect(one.names()).toEqual(['root', 'late']);
    expect(other.names()).toEqual(['another request']);
  });

  it('has parked spans follow the new routes', async () => {
    const [acme, globex] = [recordingExporter(), recordingExporter()];
    const backends = { acme: { exporter: acme }, globex: { exporter: globex } };
    const service = start({ backends, routes: { tenant: ['acme'] } });
    withBoundary(() => {
      service.inSpan('parked', () => {});
      service.processor.update({ backends, routes: { tenant: ['globex'] } });
      setRoute('tenant');
    });
    await service.processor.forceFlush();
    expect(acme.names()).toEqual([]);
    expect(globex.names()).toEqual(['parked']);
  });

  it('changes the default route, and what becomes of unknown keys', async () => {
    const [one, other] = [recordingExporter(), recordingExporter()];
    const backends = { one: { exporter: one }, other: { exporter: other } };
    const service = start({ backends });
    service.inSpan('nowhere', () => {});
    service.processor.update({ backends, defaultRoute: 'other', unknownRoute: 'default' });
    service.inSpan('unkeyed', () => {});
    withRoute('nobody', () => service.inSpan('unknown', () => {}));
    await service.processor.forceFlush();
    expect(other.names()).toEqual(['unkeyed', 'unknown']);
    expect(service.processor.stats().dropped).toEqual({ no_route: 1 });
  });

  it('keeps the queue and the connections of a backend whose settings stay the same', async () => {
    const server = await receiver();
    const config = () => ({
      backends: { acme: { endpoint: `${server.url}/acme`, headers: { 'x-team': 'ml' } } },
    });
    const service = start(config());
    withRoute('acme', () => service.inSpan('first', () => {}));
    await service.processor.forceFlush();
    withRoute('acme', () => service.inSpan('queued', () => {}));
    service.processor.update(config());
    expect(service.processor.stats().backends).toMatchObject({ acme: { queued: 1, delivered: 1 } });
    withRoute('acme', () => service.inSpan('after', () => {}));
    await service.processor.forceFlush();
    // In one request: it was one queue.
    expect(server.requests.map(({ spans }) => spans.length)).toEqual([1, 2]);
  });

  it('opens a backend anew whose settings have changed, and delivers what the old one holds', async () => {
    const [before, after] = [await receiver(), await receiver()];
    const service = start({ backends: { acme: { endpoint: `${before.url}/acme` } } });
    const request = openRequest(service, 'acme');
    withRoute('acme', () => service.inSpan('queued', () => {}));
    service.processor.update({ backends: { acme: { endpoint: `${after.url}/acme` } } });
    withRoute('acme', () => service.inSpan('new', () => {}));
    request.end('decided before');
    expectLaws(service.processor.stats());
    await service.processor.forceFlush();
    expect(before.spans().map(({ name }) => name)).toEqual(['queued', 'decided before']);
    expect(after.spans().map(({ name }) => name)).toEqual(['new']);
    expect(service.processor.stats().backends).toMatchObject({
      acme: { accepted: 3, delivered: 3 },
    });
  });

  it('delivers the spans of a removed backend, at a shutdown too', async () => {
    const server = await receiver();
    const endpoint = `${server.url}/acme`;
    const service = start({ backends: { acme: { endpoint }, other: { endpoint } } });
    withRoute('acme', () => service.inSpan('queued', () => {}));
    service.processor.update({ backends: { other: { endpoint } } });
    withRoute('acme', () => service.inSpan('too late', () => {}));
    await service.processor.shutdown();
    expect(server.spans().map(({ name }) => name)).toEqual(['queued']);
    const { backends, dropped } = service.processor.stats();
    expect(backends.acme).toMatchObject({ accepted: 1, delivered: 1 });
    expect(dropped).toEqual({ unknown_route: 1 });
  });

  it('names a removed backend that does not settle', async () => {
    const stuck = { ...recordingExporter(), export() {} };
    const service = start({
      backends: { stuck: { exporter: stuck }, other: { exporter: recordingExporter() } },
      shutdownTimeoutMs: 10,
    });
    withRoute('stuck', () => service.inSpan('held', () => {}));
    service.processor.update({
      backends: { other: { exporter: recordingExporter() } },
      shutdownTimeoutMs: 10,
    });
    await expect(service.processor.forceFlush({ timeoutMillis: 10 })).rejects.toThrow('stuck');
  });

  it('changes the budget of memory', async () => {
    const backends = { acme: { exporter: recordingExporter() } };
    const service = start({ backends });
    service.processor.update({ backends, maxBufferedBytes: 10_000 });
    const attributes = { text: 'x'.repeat(20_000) };
    withRoute('acme', () => service.tracer.startSpan('large', { attributes }).end());
    expect(service.processor.stats().backends.acme?.dropped).toEqual({ buffer_full: 1 });
    service.processor.update({ backends, maxBufferedBytes: 1_000_000 });
    withRoute('acme', () => service.tracer.startSpan('large', { attributes }).end());
    expect(service.processor.stats().backends.acme).toMatchObject({ queued: 1 });
  });

  it('loses no span of a key that is being looked up as it is called, more than once', async () => {
    const acme = recordingExporter();
    let service: Service | undefined;
    const update = () =>
      service?.processor.update({ backends: {}, resolveBackend: () => undefined });
    service = start({
      backends: {},
      resolveBackend() {
        update();
        update();
        return { exporter: acme };
      },
    });
    withRoute('acme', () => service.inSpan('span', () => {}));
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['span']);
  });

  it('takes environment and files anew, and keeps what has not changed in them', async () => {
    const server = await receiver();
    const { key } = writeFiles({ key: 'one' });
    const env = {
      SIGNALBOX_BACKENDS: 'acme,globex',
      SIGNALBOX_BACKEND_ACME_ENDPOINT: `${server.url}/acme`,
      SIGNALBOX_BACKEND_ACME_API_KEY_FILE: key,
      SIGNALBOX_BACKEND_GLOBEX_ENDPOINT: `${server.url}/globex`,
      SIGNALBOX_BACKEND_GLOBEX_EXPORTER: 'otlp-http',
    };
    const service = start(loadConfig(env));
    const emit = (name: string) => {
      for (const route of ['acme', 'globex'])
        withRoute(route, () => service.inSpan(name, () => {}));
    };
    emit('first');
    service.processor.update(loadConfig(env));
    emit('second');
    writeFileSync(key, 'two');
    service.processor.update(loadConfig(env));
    emit('third');
    await service.processor.forceFlush();
    const requests = server.requests.map(({ backend, headers, spans }) => [
      backend,
      headers.authorization,
      spans.map(({ name }) => name),
    ]);
    // One request to each: a key that has changed in its file opens no backend anew.
    expect(requests.sort()).toEqual([
      ['acme', 'Bearer two', ['first', 'second', 'third']],
      ['globex', undefined, ['first', 'second', 'third']],
    ]);
  });
});

describe('a configuration that is not valid', () => {
  it('changes nothing, and is told of with every problem', async () => {
    const acme = recordingExporter();
    const service = start({ backends: { acme: { exporter: acme } } });
    const wrong = () =>
      service.processor.update({
        backends: { acme: { endpoint: 'ftp://acme' } },
        routes: { tenant: ['nobody'] },
      });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(/backends\.acme\.endpoint[\s\S]*routes\.tenant/);
    withRoute('acme', () => service.inSpan('still', () => {}));
    await service.processor.forceFlush();
    expect(acme.names()).toEqual(['still']);
  });

  it.each([
    { routeAttribute: 'tenant' },
    { parkMaxSpans: 1 },
    { parkTimeoutMs: 1 },
    { meterProvider: { getMeter: () => ({}) as never } },
  ])('is one that changes what is fixed: %o', (change) => {
    const backends = { acme: { exporter: recordingExporter() } };
    const service = start({ backends });
    expect(() => service.processor.update({ backends, ...change })).toThrow(
      `${Object.keys(change)[0]}: can not change while the processor runs`,
    );
  });

  it('is one that gives an exporter to another backend, or the same one with other settings', () => {
    const exporter = recordingExporter();
    const service = start({ backends: { acme: { exporter } } });
    const { processor } = service;
    const problem = /has been the exporter of a backend with other settings/;
    expect(() => processor.update({ backends: { other: { exporter } } })).toThrow(problem);
    const changed = { acme: { exporter, scheduleDelayMs: 1 } };
    expect(() => processor.update({ backends: changed })).toThrow(problem);
    processor.update({ backends: { acme: { exporter } } });
  });

  it('is ignored after a shutdown, as any is', async () => {
    const service = start({ backends: { acme: { exporter: recordingExporter() } } });
    await service.processor.shutdown();
    service.processor.update({ backends: {} });
    expect(Object.keys(service.processor.stats().backends)).toEqual(['acme']);
  });
});

describe('under load', () => {
  it('misplaces no span and loses none, whatever is updated meanwhile', async () => {
    const names = ['a', 'b', 'c'] as const;
    const servers = await Promise.all(names.map(receiver));
    const endpoints = servers.map(({ url }, index) => `${url}/${names[index]}`);
    const configs = [0, 1, 2].map((shift): SignalboxConfig => {
      // Each route leads elsewhere in each configuration; c has other settings each time, and b is absent once.
      const backend = (index: number, delayMs = 5) => ({
        endpoint: endpoints[index] ?? '',
        scheduleDelayMs: delayMs,
      });
      return {
        backends: {
          a: backend(0),
          ...(shift === 1 ? {} : { b: backend(1) }),
          c: backend(2, shift + 1),
        },
        routes:
          shift === 1
            ? { x: ['c'], y: ['a'] }
            : shift === 0
              ? { x: ['a'], y: ['b'] }
              : { x: ['b'], y: ['c'] },
      };
    });
    const [first] = configs;
    if (first === undefined) throw new Error('no configuration');
    const service = start(first);
    /** By the span's name: where its request was to go as it was decided. */
    const expected = new Map<string, string>();
    let current = first;

    async function request(id: number): Promise<void> {
      await withBoundary(async () => {
        const early = service.tracer.startSpan(`${id} early`);
        early.end();
        if (id % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        const key = id % 2 === 0 ? 'x' : 'y';
        setRoute(key);
        const target = String(current.routes?.[key]?.[0]);
        expected.set(`${id} early`, target);
        for (let part = 0; part < 4; part += 1) {
          const name = `${id} part ${part}`;
          expected.set(name, target);
          service.inSpan(name, () => {});
          await new Promise((resolve) => setTimeout(resolve, id % 5));
        }
      });
    }

    const requests: Promise<void>[] = [];
    for (let round = 0; round < 60; round += 1) {
      for (let each = 0; each < 10; each += 1) requests.push(request(round * 10 + each));
      current = configs[round % 3] ?? first;
      service.processor.update(current);
      expectLaws(service.processor.stats());
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(requests);
    await service.processor.forceFlush();

    const arrived = new Map<string, string>();
    servers.forEach((server, index) => {
      for (const { name } of server.spans()) arrived.set(name, names[index] ?? '');
    });
    expect(arrived).toEqual(expected);
    expect(service.processor.stats()).toMatchObject({
      dropped: {},
      parked: 0,
      ended: expected.size,
    });
  });
});
