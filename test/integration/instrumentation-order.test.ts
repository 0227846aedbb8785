import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../helpers/eventually.js';
import { startFrameworkService } from './framework-service.js';

const INSTRUMENTED = [
  {
    instrumentations: '@opentelemetry/instrumentation-express and -fastify',
    env: {},
    servers: ['express-first', 'express-last', 'fastify-first', 'fastify-last'],
  },
  {
    instrumentations: '@fastify/otel',
    env: { FASTIFY_INSTRUMENTATION: 'otel' },
    servers: ['fastify-first', 'fastify-last'],
  },
];

describe.each(INSTRUMENTED)(
  'with $instrumentations, routeRequests before and behind other middleware',
  ({ env, servers }) => {
    it('sends all spans of every request to its tenant, those that ended before it was known included', async () => {
      const service = await startFrameworkService(env);
      const tenants = ['acme', 'globex', 'standard', 'anonymous'];
      const paths = servers.flatMap((server) =>
        Array.from({ length: 24 }, (_, n) => {
          return `/${n % 8 < 4 ? 'answer' : 'stream'}/${tenants[n % 4]}/${server}/${n}`;
        }),
      );
      const answers = await Promise.all(paths.map((path) => service.get(path)));
      const thrown = await Promise.all(
        servers.map((server) => service.get(`/throw/acme/${server}/24`)),
      );
      const failed = await Promise.all(
        servers.map((server) => service.get(`/answer/broken/${server}/25`)),
      );
      await eventually(async () => (await service.stats()).parked === 0);
      const stats = await service.stats();
      await service.stop();

      expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['done', 'first last']));
      expect(new Set(thrown.map(({ status }) => status))).toEqual(new Set([500]));
      expect(new Set(failed.map(({ status }) => status))).toEqual(new Set([200]));
      for (const path of paths) {
        const [, name, tenant = ''] = path.split('/');
        const arrived = service.arrived(path);
        expect(Object.keys(arrived)).toEqual([tenant === 'anonymous' ? 'standard' : tenant]);
        const names = Object.values(arrived).flat();
        // What ended before the tenant was known, the server span, and what came after it.
        const own = ['look-up', 'verify', name === 'answer' ? 'work' : 'part'];
        expect(names).toEqual(expect.arrayContaining(own));
        // Of the server and of two clients.
        expect(names.filter((each) => /^GET\b/.test(each))).toHaveLength(3);
        expect(names.some(isOfFramework)).toBe(true);
      }
      for (const server of servers) {
        expect(Object.keys(service.arrived(`/throw/acme/${server}/24`))).toEqual(['acme']);
        expect(service.arrived(`/answer/broken/${server}/25`)).toEqual({});
      }
      expect(stats.decisions).toMatchObject({
        decided: 19 * servers.length,
        settled: 7 * servers.length,
        late: 0,
        conflict: 0,
        unresolved: 6 * servers.length,
        failed: servers.length,
      });
      expect(Object.keys(stats.dropped)).toEqual(['no_route']);
      expect(service.receiver.spans()).toHaveLength(stats.routed);
    });

    it('sends a request to its tenant whose client went away during the look-up', async () => {
      const service = await startFrameworkService(env);
      service.directory.hold();
      const paths = servers.map((server, n) => `/abort/${n % 2 ? 'acme' : 'globex'}/${server}/1`);
      const requests = paths.map((path) => service.request(path).on('error', () => {}));
      await Promise.all([service.directory.asked('acme'), service.directory.asked('globex')]);
      for (const request of requests) request.destroy();
      for (const _ of requests) expect(await service.says()).toBe('closed');
      await eventually(async () => (await service.stats()).parked >= 3 * servers.length);
      service.directory.answer();
      await eventually(async () => (await service.stats()).parked === 0);
      const { decisions, dropped } = await service.stats();
      await service.stop();

      for (const path of paths) {
        const arrived = service.arrived(path);
        expect(Object.keys(arrived)).toEqual([path.split('/')[2]]);
        const names = Object.values(arrived).flat();
        expect(names).toEqual(expect.arrayContaining(['GET', 'after', 'look-up', 'verify']));
      }
      expect(decisions).toMatchObject({ decided: servers.length, settled: 0, late: 0 });
      expect(dropped).toEqual({});
    });
  },
);

it('adds no span of its own to a request, where Express is told to ignore the layer', async () => {
  const service = await startFrameworkService({ IGNORED_LAYER: 'middleware - signalbox' });
  const paths = ['/answer/acme/express-first/1', '/answer/acme/fastify-first/2'];
  for (const path of paths) await service.get(path);
  await eventually(async () => (await service.stats()).decisions.decided === 2);
  await service.stop();

  const arrived = paths.map((path) => service.arrived(path).acme?.filter(isOfFramework));
  expect(arrived).toEqual([['middleware - authenticate'], ['middleware - authenticate']]);
});

it('routes without any instrumentation', async () => {
  const service = await startFrameworkService({}, false);
  const servers = ['express-first', 'fastify-first'];
  const tenants = ['acme', 'globex', 'anonymous'];
  await Promise.all(
    servers.flatMap((server) => tenants.map((each) => service.get(`/answer/${each}/${server}/1`))),
  );
  await eventually(async () => (await service.stats()).parked === 0);
  const { decisions } = await service.stats();
  await service.stop();

  const spans = ['look-up', 'look-up', 'verify', 'verify', 'work', 'work'];
  expect(service.arrived()).toEqual({ acme: spans, globex: spans, standard: spans });
  expect(decisions).toMatchObject({ decided: 4, settled: 2, unresolved: 2 });
});

it('keeps an unsampled request unsampled, and a trace of its own inside it with the tenant', async () => {
  const service = await startFrameworkService();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
  await service.get('/audit/acme/express-first/1', { traceparent });
  await service.get('/audit/globex/fastify-first/2', { traceparent });
  await eventually(async () => (await service.stats()).decisions.decided === 2);
  await service.stop();

  expect(service.arrived()).toEqual({ acme: ['audit'], globex: ['audit'] });
});

describe('an upgrade to a WebSocket', () => {
  it('stays with its tenant, although its root span outlives the parking limit', async () => {
    const service = await startFrameworkService({
      SIGNALBOX_PARK_TIMEOUT: '200',
    });
    async function connect(tenant: string) {
      const socket = new WebSocket(
        `ws://127.0.0.1:${service.ports['express-first']}/socket/${tenant}`,
      );
      await once(socket, 'open');
      return {
        async send(message: string) {
          socket.send(message);
          await once(socket, 'message');
        },
        async close() {
          socket.close();
          await once(socket, 'close');
        },
      };
    }
    const keyed = await connect('acme');
    const unkeyed = await connect('anonymous');
    for (const socket of [keyed, unkeyed]) await socket.send('early');
    await eventually(async () => ((await service.stats()).dropped.park_limit ?? 0) === 3);
    for (const socket of [keyed, unkeyed]) await socket.send('late');
    for (const socket of [keyed, unkeyed]) await socket.close();
    await eventually(async () => (await service.stats()).decisions.settled === 1);
    await service.stop();

    expect(service.arrived()).toEqual({
      acme: ['GET', 'connection', 'look-up', 'message early', 'message late'],
      standard: ['connection', 'message late'],
    });
  });
});

/** A span of Express's, Fastify's or @fastify/otel's own. */
function isOfFramework(name: string): boolean {
  return /^(middleware|onRequest) - /.test(name);
}
