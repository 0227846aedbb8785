import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RequestLike } from '../../src/boundary/resolvers.js';
import { getRoute, setRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { expectLaws } from '../helpers/laws.js';
import {
  type RecordingExporter,
  recordingExporter,
  type Service,
  startService,
} from '../helpers/service.js';

/** Options that every framework's `routeRequests` takes. */
export interface AnyOptions {
  readonly route: (request: RequestLike) => string | undefined | Promise<string | undefined>;
  readonly onError?: 'drop' | 'default';
}

/** What an application of these tests is made of. */
export interface Application {
  readonly options: AnyOptions;
  /** Of a second `routeRequests`, for what is below `/inner`. */
  readonly inner: AnyOptions;
  /** What `GET` and `POST` of any path do; the body is the answer. Where it throws, the framework answers. */
  readonly handle: (request: { readonly url: string; readonly body: string }) => Promise<string>;
  /** The framework's own resolvers, each at a path of its own: `GET /header`, `/host`, `/path/<key>`. */
}

/** Starts the application in a framework, on a port of its own. */
export type StartApplication = (application: Application) => Promise<Server>;

/** A promise, and what settles it. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Three tenants' recording exporters and the service; `standard` is the default route. */
export interface Tenants {
  readonly service: Service;
  /** Names of the spans at each backend, in order; a backend without any is absent. */
  arrived(): Promise<Record<string, string[]>>;
}

/** Starts a service that routes to `standard`, which is the default, `acme` and `globex`. */
export function startTenants(): Tenants {
  const backends: Record<string, RecordingExporter> = {
    standard: recordingExporter(),
    acme: recordingExporter(),
    globex: recordingExporter(),
  };
  const service = startService({
    backends: Object.fromEntries(
      Object.entries(backends).map(([name, exporter]) => [name, { exporter }]),
    ),
    defaultRoute: 'standard',
  });
  return {
    service,
    async arrived() {
      // A response closes on the server some turns after its client has read it.
      await eventually(() => service.processor.stats().parked === 0);
      await service.processor.forceFlush();
      expectLaws(service.processor.stats());
      const names = Object.entries(backends).map(([name, each]) => [name, each.names()] as const);
      return Object.fromEntries(names.filter(([, spans]) => spans.length > 0));
    },
  };
}

/** Listens on a free port until the test has finished, its connections included. */
export async function listen(server: http.Server): Promise<http.Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Ends a server, and all connections that it has. */
export function stopServer(server: Server): Promise<void> {
  if (server instanceof http.Server) server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** What every framework's `routeRequests` does. */
export function describeRouteRequests(framework: string, start: StartApplication): void {
  describe(`routeRequests in ${framework}`, () => {
    let tenants: Tenants;

    beforeEach(() => {
      tenants = startTenants();
    });

    afterEach(() => tenants.service.stop());

    function span(name: string): void {
      tenants.service.inSpan(name, () => {});
    }

    /** An application, and a client that has an own connection for each request. */
    async function startApplication(application: Partial<Application>) {
      const server = await start({
        options: { route: () => undefined },
        inner: { route: () => undefined },
        async handle() {
          span('work');
          return String(getRoute());
        },
        ...application,
      });
      onTestFinished(() => stopServer(server));
      const { port } = server.address() as AddressInfo;
      function request(path: string, options: http.RequestOptions = {}): http.ClientRequest {
        return http.request({ host: '127.0.0.1', port, path, agent: false, ...options });
      }
      return {
        request,
        async send(path: string, options?: http.RequestOptions, body?: string) {
          const sent = request(path, options);
          sent.end(body);
          const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
          return { status: response.statusCode, body: (await response.toArray()).join('') };
        },
      };
    }

    function counts() {
      const { decisions, dropped } = tenants.service.processor.stats();
      const { decided, settled, late, conflict, unresolved, failed } = decisions;
      return { decided, settled, late, conflict, unresolved, failed, dropped };
    }

    const NOTHING = {
      decided: 0,
      settled: 0,
      late: 0,
      conflict: 0,
      unresolved: 0,
      failed: 0,
      dropped: {},
    };

    it('runs handlers, and the resolver, inside a boundary that the answer decides', async () => {
      const app = await startApplication({
        options: {
          route: () => {
            span('look-up');
            return 'acme';
          },
        },
      });

      expect(await app.send('/')).toEqual({ status: 200, body: 'acme' });
      expect(await tenants.arrived()).toEqual({ acme: ['look-up', 'work'] });
      expect(counts()).toEqual({ ...NOTHING, decided: 1 });
    });

    it('does not keep a request waiting for the answer, and its spans follow it', async () => {
      const tenant = deferred<string>();
      const app = await startApplication({ options: { route: () => tenant.promise } });

      expect(await app.send('/')).toEqual({ status: 200, body: 'undefined' });
      expect(tenants.service.processor.stats().parked).toBe(1);
      tenant.resolve('acme');
      expect(await tenants.arrived()).toEqual({ acme: ['work'] });
      expect(counts()).toEqual({ ...NOTHING, decided: 1 });
    });

    it('keeps concurrent requests apart, whichever is answered first', async () => {
      const looksUp = { acme: deferred<string>(), globex: deferred<string>() };
      const app = await startApplication({
        options: {
          route: (request) => looksUp[urlOf(request).endsWith('acme') ? 'acme' : 'globex'].promise,
        },
        async handle({ url }) {
          span(`before ${url}`);
          await Promise.all([looksUp.acme.promise, looksUp.globex.promise]);
          span(`after ${url}`);
          return String(getRoute());
        },
      });
      const answers = Promise.all([app.send('/acme'), app.send('/globex')]);
      await eventually(() => tenants.service.processor.stats().parked === 2);
      looksUp.globex.resolve('globex');
      looksUp.acme.resolve('acme');

      expect((await answers).map(({ body }) => body)).toEqual(['acme', 'globex']);
      expect(await tenants.arrived()).toEqual({
        acme: ['before /acme', 'after /acme'],
        globex: ['before /globex', 'after /globex'],
      });
    });

    it('settles a request without an answer to the default route once it has closed', async () => {
      const app = await startApplication({ options: { route: async () => undefined } });

      expect((await app.send('/')).status).toBe(200);
      expect(await tenants.arrived()).toEqual({ standard: ['work'] });
      await eventually(() => counts().settled === 1);
      expect(counts()).toEqual({ ...NOTHING, settled: 1, unresolved: 1 });
    });

    it.each([
      {
        what: 'throws',
        route: () => {
          throw new Error('thrown');
        },
      },
      { what: 'rejects', route: () => Promise.reject(new Error('rejected')) },
    ])('drops the spans of a request whose resolver $what, which goes on', async ({ route }) => {
      const app = await startApplication({ options: { route } });

      expect(await app.send('/')).toEqual({ status: 200, body: 'undefined' });
      expect(await tenants.arrived()).toEqual({});
      expect(counts()).toEqual({ ...NOTHING, settled: 1, failed: 1, dropped: { no_route: 1 } });
    });

    it('sends them to the default route with onError: "default"', async () => {
      const route = () => Promise.reject(new Error('rejected'));
      const app = await startApplication({ options: { route, onError: 'default' } });

      expect((await app.send('/')).status).toBe(200);
      expect(await tenants.arrived()).toEqual({ standard: ['work'] });
      expect(counts()).toEqual({ ...NOTHING, settled: 1, failed: 1 });
    });

    it('leaves it to setRoute where the resolver fails or finds nothing', async () => {
      const app = await startApplication({
        options: {
          route(request) {
            if (urlOf(request) === '/fails') throw new Error('thrown');
            return undefined;
          },
        },
        async handle({ url }) {
          span('work');
          return setRoute(url === '/fails' ? 'acme' : 'globex');
        },
      });

      expect((await app.send('/fails')).body).toBe('decided');
      expect((await app.send('/')).body).toBe('decided');
      expect(await tenants.arrived()).toEqual({ acme: ['work'], globex: ['work'] });
      expect(counts()).toEqual({ ...NOTHING, decided: 2, unresolved: 1, failed: 1 });
    });

    it('keeps the first key where setRoute came before the answer, and counts the conflict', async () => {
      const tenant = deferred<string>();
      const app = await startApplication({
        options: { route: () => tenant.promise },
        async handle() {
          setRoute('globex');
          span('work');
          return 'done';
        },
      });
      await app.send('/');
      tenant.resolve('acme');

      await eventually(() => counts().conflict === 1);
      expect(await tenants.arrived()).toEqual({ globex: ['work'] });
    });

    it('holds a request open whose client goes away during the look-up', async () => {
      const tenant = deferred<string>();
      const handling = deferred<http.ClientRequest>();
      const gone = deferred<void>();
      const handled = deferred<void>();
      const app = await startApplication({
        options: { route: () => tenant.promise },
        async handle() {
          span('work');
          (await handling.promise).destroy();
          await gone.promise;
          span('after');
          handled.resolve();
          return 'nobody reads it';
        },
      });
      const request = app.request('/').on('error', () => {});
      request.once('close', () => gone.resolve());
      request.end();
      handling.resolve(request);
      await handled.promise;
      expect(tenants.service.processor.stats()).toMatchObject({ parked: 2 });
      tenant.resolve('acme');

      expect(await tenants.arrived()).toEqual({ acme: ['work', 'after'] });
      expect(counts()).toEqual({ ...NOTHING, decided: 1 });
    });

    it('leaves the failure of a handler to the framework', async () => {
      const app = await startApplication({
        options: { route: () => 'acme' },
        handle() {
          span('work');
          return Promise.reject(new Error('handler'));
        },
      });

      expect((await app.send('/')).status).toBe(500);
      expect(await tenants.arrived()).toEqual({ acme: ['work'] });
    });

    it('keeps what comes after a body has been read inside the boundary', async () => {
      const app = await startApplication({
        options: { route: () => 'acme' },
        async handle({ body }) {
          span(`work on ${body.length}`);
          return String(getRoute());
        },
      });
      // Larger than what comes with the headers.
      const headers = { 'content-type': 'text/plain', 'content-length': 100_000 };
      const answer = await app.send('/', { method: 'POST', headers }, 'x'.repeat(100_000));

      expect(answer).toEqual({ status: 200, body: 'acme' });
      expect(await tenants.arrived()).toEqual({ acme: ['work on 100000'] });
    });

    describe('further in', () => {
      it('decides what is still open', async () => {
        const app = await startApplication({
          options: { route: () => undefined },
          inner: { route: () => 'acme' },
        });

        expect((await app.send('/inner')).body).toBe('acme');
        expect(await tenants.arrived()).toEqual({ acme: ['work'] });
        expect(counts()).toEqual({ ...NOTHING, decided: 1, unresolved: 1 });
      });

      it('is not asked where a key has come', async () => {
        const app = await startApplication({
          options: { route: () => 'acme' },
          inner: {
            route() {
              throw new Error('asked');
            },
          },
        });

        expect((await app.send('/inner')).body).toBe('acme');
        expect(await tenants.arrived()).toEqual({ acme: ['work'] });
        expect(counts()).toEqual({ ...NOTHING, decided: 1 });
      });

      it.each([
        { what: 'finds nothing', route: () => undefined, count: { unresolved: 1 } },
        {
          what: 'fails',
          route: () => Promise.reject(new Error('inner')),
          count: { failed: 1 },
        },
        { what: 'answers otherwise', route: () => 'globex', count: { decided: 1 } },
      ])('leaves the outer answer to come where it $what', async ({ what, route, count }) => {
        const tenant = deferred<string>();
        const app = await startApplication({
          options: { route: () => tenant.promise },
          inner: { route },
        });
        await app.send('/inner');
        tenant.resolve('acme');
        const expected = what === 'answers otherwise' ? 'globex' : 'acme';

        expect(await tenants.arrived()).toEqual({ [expected]: ['work'] });
        expect(counts()).toMatchObject({ settled: 0, decided: 1, ...count });
      });

      it('changes nothing, and is no conflict, where the outer answer came first', async () => {
        const outer = deferred<string>();
        const inner = deferred<string>();
        const app = await startApplication({
          options: { route: () => outer.promise },
          inner: { route: () => inner.promise },
        });
        await app.send('/inner');
        outer.resolve('acme');
        inner.resolve('globex');

        expect(await tenants.arrived()).toEqual({ acme: ['work'] });
        expect(counts()).toEqual({ ...NOTHING, decided: 1 });
      });
    });
  });
}

function urlOf(request: RequestLike): string {
  return 'headers' in request ? (request.url ?? '') : new URL(request.req.url).pathname;
}
