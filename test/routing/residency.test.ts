import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  type BackendConfig,
  ConfigError,
  type ResolveBackend,
  type SignalboxConfig,
  setRoute,
  withRoute,
} from '../../src/index.js';
import type { SpanExporter } from '../../src/sdk.js';
import { eventually } from '../helpers/eventually.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';
import { listBatches, listFiles, makeSpoolDir } from '../helpers/spool-dir.js';

const running: Service[] = [];

afterEach(async () => {
  for (const service of running.splice(0)) await end(service);
});

function start(config: SignalboxConfig): Service {
  const service = startService(config);
  running.push(service);
  return service;
}

async function end(service: Service): Promise<void> {
  await service.stop();
  expectLaws(service.processor.stats());
  expect(service.processor.stats().parked).toBe(0);
}

/** Ends one span under a key. */
function emit(service: Service, key: string, name = key): void {
  withRoute(key, () => service.inSpan(name, () => {}));
}

async function receiver(...args: Parameters<typeof startReceiver>): Promise<TestReceiver> {
  const started = await startReceiver(...args);
  onTestFinished(() => started.stop());
  return started;
}

const exclusiveClasses = [['eu', 'us']];

describe('what resolveBackend finds for a key that requires a class', () => {
  type Answer = (exporter: SpanExporter) => ReturnType<ResolveBackend>;
  it.each<[string, Answer, number]>([
    ['is sent to, being of the class', (exporter) => ({ exporter, class: 'eu' }), 1],
    ['is sent to, coming later', async (exporter) => ({ exporter, class: 'eu' }), 1],
    ['is not sent to, being of another class', (exporter) => ({ exporter, class: 'us' }), 0],
    ['is not sent to, having no class', (exporter) => ({ exporter }), 0],
    ['is not sent to, coming late', async (exporter) => ({ exporter, class: 'us' }), 0],
    ['that is none leaves nothing for the default route', () => undefined, 0],
    ['that is none later leaves nothing for the default route', async () => undefined, 0],
    ['that nobody can name', () => Promise.reject(new Error('no tenants')), 0],
  ])('%s', async (_, answer, delivered) => {
    const [own, rest] = [recordingExporter(), recordingExporter()];
    const service = start({
      backends: { rest: { exporter: rest, class: 'us' } },
      routes: {},
      defaultRoute: 'rest',
      unknownRoute: 'default',
      parkOverflow: 'default',
      exclusiveClasses,
      routeClasses: { acme: 'eu' },
      resolveBackend: (key) => (key === 'acme' ? answer(own) : undefined),
    });
    emit(service, 'acme');
    emit(service, 'nobody');
    service.inSpan('unkeyed', () => {});
    await eventually(() => service.processor.stats().parked === 0);
    await service.processor.forceFlush();
    expect(rest.names().toSorted()).toEqual(['nobody', 'unkeyed']);
    expect(own.names().length).toBe(delivered);
    const { dropped, decisions } = service.processor.stats();
    expect(dropped).toEqual(delivered === 1 ? {} : { unknown_route: 1 });
    expect(decisions.unknown).toBe(delivered === 1 ? 1 : 2);
  });
});

describe('an update', () => {
  const backends = {
    eu: { exporter: recordingExporter(), class: 'eu' },
    us: { exporter: recordingExporter(), class: 'us' },
  };

  it.each<[string, Partial<SignalboxConfig>]>([
    ['across exclusive classes', { routes: { acme: ['eu', 'us'] } }],
    ['out of the class that the key requires', { routes: { acme: ['us'] } }],
    ['to a default route without a class', { defaultRoute: 'plain' }],
  ])('that would lead spans %s is refused, and changes nothing', async (_, change) => {
    const plain = recordingExporter();
    const all = { ...backends, plain: { exporter: plain } };
    const config: SignalboxConfig = {
      backends: all,
      routes: { acme: ['eu'] },
      exclusiveClasses,
      routeClasses: { acme: 'eu' },
    };
    const own = recordingExporter();
    const service = start({ ...config, backends: { ...all, eu: { exporter: own, class: 'eu' } } });
    expect(() => service.processor.update({ ...config, ...change })).toThrow(ConfigError);
    emit(service, 'acme');
    service.inSpan('unkeyed', () => {});
    await service.processor.forceFlush();
    expect(own.names()).toEqual(['acme']);
    expect(plain.names()).toEqual([]);
    expect(service.processor.stats().dropped).toEqual({ no_route: 1 });
  });

  it('has a key that now requires a class looked up anew, in its cache or not', async () => {
    const us = recordingExporter();
    const asked: string[] = [];
    const answer: BackendConfig = { exporter: us, class: 'us' };
    const resolveBackend = (key: string) => {
      asked.push(key);
      return key === 'nobody' ? undefined : answer;
    };
    const rest = recordingExporter();
    const config: SignalboxConfig = {
      backends: { rest: { exporter: rest, class: 'us' } },
      routes: {},
      defaultRoute: 'rest',
      unknownRoute: 'default',
      resolveBackend,
    };
    const service = start(config);
    emit(service, 'acme', 'before');
    emit(service, 'nobody', 'nobody before');
    const routeClasses = { acme: 'eu', nobody: 'eu' };
    service.processor.update({ ...config, routeClasses });
    emit(service, 'acme', 'after');
    emit(service, 'nobody', 'nobody after');
    await service.processor.forceFlush();
    expect(asked).toEqual(['acme', 'nobody', 'acme', 'nobody']);
    expect(us.names()).toEqual(['before']);
    expect(rest.names()).toEqual(['nobody before']);
    expect(service.processor.stats().dropped).toEqual({ unknown_route: 2 });
  });

  it('leaves what was decided and queued where it is', async () => {
    const [eu, us] = [recordingExporter(), recordingExporter()];
    const config: SignalboxConfig = {
      backends: { eu: { exporter: eu, class: 'eu' }, us: { exporter: us, class: 'us' } },
      routes: { acme: ['us'] },
      exclusiveClasses,
    };
    const service = start(config);
    emit(service, 'acme', 'queued');
    const open = service.tracer.startSpan('open', {}, ROOT_CONTEXT);
    context.with(trace.setSpan(ROOT_CONTEXT, open), () => setRoute('acme'));
    service.processor.update({
      ...config,
      routes: { acme: ['eu'] },
      routeClasses: { acme: 'eu' },
    });
    open.end();
    emit(service, 'acme', 'decided later');
    await service.processor.forceFlush();
    expect(us.names()).toEqual(['queued', 'open']);
    expect(eu.names()).toEqual(['decided later']);
  });
});

describe('what is on disk', () => {
  /** Backends that keep on disk what they can not deliver at once. */
  async function startDown() {
    let isDown = true;
    const server = await receiver({ answer: () => (isDown ? { status: 503 } : undefined) });
    const spoolDir = makeSpoolDir();
    const at = (name: string, own?: string): BackendConfig => ({
      endpoint: `${server.url}/${name}`,
      spoolDir,
      retryMaxElapsedMs: 0,
      ...(own !== undefined && { class: own }),
    });
    return {
      server,
      spoolDir,
      at,
      restore() {
        isDown = false;
      },
      names: (backend: string) => server.spans(backend).map(({ name }) => name),
      quarantined: () => listFiles(spoolDir).filter((file) => file.includes('quarantine')).length,
    };
  }

  async function spool(service: Service, ...keys: string[]): Promise<void> {
    for (const key of keys) {
      emit(service, key);
      // A file for each.
      await service.processor.forceFlush();
    }
  }

  /** Whether so many spans were taken over from disk, and nothing is there that is still to be sent. */
  function isDone({ processor }: Service, recovered = 0): boolean {
    const backends = Object.values(processor.stats().backends);
    const total = backends.reduce((sum, backend) => sum + backend.recovered, 0);
    return total === recovered && backends.every((each) => each.spooled + each.inFlight === 0);
  }

  const routes = { acme: ['us'], globex: ['us'], initech: ['plain'] };

  it('is set aside after a restart under which it may not go, and counted', async () => {
    const { at, spoolDir, restore, names, quarantined } = await startDown();
    const before = { us: at('us', 'us'), plain: at('plain'), eu: at('eu', 'eu') };
    const first = start({ backends: before, routes });
    await spool(first, 'acme', 'globex', 'initech');
    running.pop();
    await end(first);
    expect(listBatches(spoolDir).length).toBe(3);

    restore();
    const second = start({
      backends: before,
      routes: { ...routes, acme: ['eu'] },
      exclusiveClasses,
      routeClasses: { acme: 'eu' },
    });
    await eventually(() => isDone(second, 3));
    expect(names('us')).toEqual(['globex']);
    expect(names('plain')).toEqual(['initech']);
    expect(names('eu')).toEqual([]);
    await eventually(() => quarantined() === 1);
    const { us, plain } = second.processor.stats().backends;
    expect(us).toMatchObject({ recovered: 2, delivered: 1, dropped: { quarantined: 1 } });
    expect(plain).toMatchObject({ recovered: 1, delivered: 1, dropped: {} });
  });

  it.each<[string, Partial<SignalboxConfig>]>([
    ['whose key requires another class now', { routeClasses: { acme: 'eu' } }],
    ['whose key leads to an excluded class now', { exclusiveClasses }],
    ['whose key no route has any more', { routes: { globex: ['us'] }, exclusiveClasses }],
  ])('%s is set aside after an update', async (_, change) => {
    const { at, restore, names, quarantined } = await startDown();
    const backends = { us: at('us', 'us'), eu: at('eu', 'eu') };
    const service = start({ backends, routes: { acme: ['us'] } });
    await spool(service, 'acme');
    service.processor.update({ backends, routes: { acme: ['eu'] }, ...change });
    restore();
    await eventually(() => isDone(service));
    expect(names('us')).toEqual([]);
    await eventually(() => quarantined() === 1);
    expect(service.processor.stats().backends.us?.dropped).toEqual({ quarantined: 1 });
  });

  it('is set aside where its backend is called another class now', async () => {
    const { at, restore, names, quarantined } = await startDown();
    const config: SignalboxConfig = {
      backends: { near: at('near', 'eu'), far: at('far', 'eu') },
      routes: { acme: ['near'] },
      routeClasses: { acme: 'eu' },
    };
    const service = start(config);
    await spool(service, 'acme');
    const backends = { near: at('near', 'us'), far: at('far', 'eu') };
    service.processor.update({ ...config, backends, routes: { acme: ['far'] } });
    restore();
    await eventually(() => isDone(service));
    expect(names('near')).toEqual([]);
    await eventually(() => quarantined() === 1);
  });

  it('is sent where no rule is about it', async () => {
    const { at, restore, names } = await startDown();
    const config: SignalboxConfig = {
      backends: { us: at('us', 'us'), eu: at('eu', 'eu'), rest: at('rest', 'cn') },
      routes: { acme: ['us'], globex: ['eu'] },
      defaultRoute: 'rest',
    };
    const service = start(config);
    await spool(service, 'acme', 'globex');
    service.inSpan('unkeyed', () => {});
    await service.processor.forceFlush();
    service.processor.update({ ...config, exclusiveClasses, routeClasses: { globex: 'eu' } });
    restore();
    await eventually(() => isDone(service));
    expect([names('us'), names('eu'), names('rest')]).toEqual([['acme'], ['globex'], ['unkeyed']]);
  });

  it('is set aside where its key has another parent now', async () => {
    const { server, at, restore, quarantined } = await startDown();
    const bt: BackendConfig = {
      ...at('bt'),
      preset: 'braintrust',
      apiKey: 'key',
      parent: 'project_name:own',
    };
    const config: SignalboxConfig = {
      backends: { bt },
      routes: { acme: ['bt'], globex: ['bt'], initech: ['bt'] },
      routeParents: { acme: 'project_name:acme', globex: 'project_name:globex' },
    };
    const first = start(config);
    await spool(first, 'acme', 'globex', 'initech');
    running.pop();
    await end(first);
    restore();
    const second = start({
      ...config,
      routeParents: { acme: 'project_name:acme', globex: 'project_name:other' },
    });
    await eventually(() => isDone(second, 3));
    const taken = server.requests.filter(({ httpStatus }) => httpStatus === 200);
    expect(taken.map(({ headers, spans }) => [headers['x-bt-parent'], spans[0]?.name])).toEqual(
      expect.arrayContaining([
        ['project_name:acme', 'acme'],
        ['project_name:own', 'initech'],
      ]),
    );
    expect(taken).toHaveLength(2);
    await eventually(() => quarantined() === 1);
  });
});

describe('a root that REROOT has made', () => {
  it.each([
    ['another class', 'cn', 1],
    ['a class that excludes its own', 'eu', 0],
  ])('has a link to a parent of %s as it may', async (_, parentClass, links) => {
    const server = await receiver();
    const at = (name: string, own: string): BackendConfig => ({
      endpoint: `${server.url}/${name}`,
      class: own,
      reroot: true,
    });
    const service = start({
      backends: { outer: at('outer', parentClass), inner: at('inner', 'us') },
      exclusiveClasses,
    });
    withRoute('outer', () => service.inSpan('request', () => emit(service, 'inner')));
    await service.processor.forceFlush();
    const [root] = server.spans('inner');
    expect(root).toMatchObject({ name: 'inner', parentSpanId: '' });
    expect(root?.links).toHaveLength(links);
  });

  it('has none where nobody knows yet whose span the parent is', async () => {
    const server = await receiver();
    const at = (name: string, own: string): BackendConfig => ({
      endpoint: `${server.url}/${name}`,
      class: own,
      reroot: true,
    });
    const service = start({
      backends: { outer: at('outer', 'cn'), inner: at('inner', 'us') },
      exclusiveClasses,
    });
    service.inSpan('request', () => {
      emit(service, 'inner');
      setRoute('outer');
    });
    await service.processor.forceFlush();
    expect(server.spans('inner')[0]).toMatchObject({ parentSpanId: '', links: [] });
  });
});
