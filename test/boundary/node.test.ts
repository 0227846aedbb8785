import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { fromHeader, fromPath, routeRequests, routeUpgrades } from '../../src/boundary/node.js';
import { getRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import {
  type Application,
  deferred,
  describeRouteRequests,
  listen,
  startTenants,
  stopServer,
  type Tenants,
} from './contract.js';

function handler(handle: Application['handle']): http.RequestListener {
  return (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      handle({ url: request.url ?? '', body }).then(
        (answer) => response.end(answer),
        () => response.writeHead(500).end('failed'),
      );
    });
  };
}

describeRouteRequests('a listener of Node’s server', ({ options, inner, handle }) => {
  const serve = handler(handle);
  const serveInner = routeRequests(inner, serve);
  const server = http.createServer(
    routeRequests(options, (request, response) => {
      if (request.url === '/inner') serveInner(request, response);
      else serve(request, response);
    }),
  );
  return listen(server);
});

describeRouteRequests('Connect', ({ options, inner, handle }) => {
  const outer = routeRequests(options);
  const routeInner = routeRequests(inner);
  const serve = handler(handle);
  const server = http.createServer((request, response) => {
    outer(request, response, () => {
      if (request.url !== '/inner') serve(request, response);
      else routeInner(request, response, () => serve(request, response));
    });
  });
  return listen(server);
});

describe('routeRequests in Node’s servers', () => {
  let tenants: Tenants;

  beforeEach(() => {
    tenants = startTenants();
  });

  afterEach(() => tenants.service.stop());

  async function start(server: http.Server): Promise<number> {
    await listen(server);
    onTestFinished(() => stopServer(server));
    return (server.address() as AddressInfo).port;
  }

  it('passes on what the listener gets, returns and throws', () => {
    const seen: unknown[] = [];
    const listener = routeRequests({ route: () => 'acme' }, function (this: unknown, ...args) {
      seen.push(this, ...args);
      if (args[0].url === '/throw') throw new Error('listener');
      return getRoute();
    });
    const request = new http.IncomingMessage(null as never);
    const response = new http.ServerResponse(request);

    expect(listener.call(tenants, request, response)).toBe('acme');
    expect(seen.slice(0, 3)).toEqual([tenants, request, response]);
    request.url = '/throw';
    expect(() => listener(request, response)).toThrow('listener');
  });

  it('settles a request that had closed before it came there', async () => {
    const gone = deferred<void>();
    const tenant = deferred<undefined>();
    const done = deferred<void>();
    const serve = routeRequests({ route: () => tenant.promise }, () => {
      tenants.service.inSpan('work', () => {});
      done.resolve();
    });
    const port = await start(
      http.createServer((request, response) => {
        response.once('close', () => setImmediate(serve, request, response));
        gone.resolve();
      }),
    );
    const request = http.get({ port, host: '127.0.0.1', agent: false }).on('error', () => {});
    await gone.promise;
    request.destroy();
    await done.promise;
    expect(tenants.service.processor.stats()).toMatchObject({ parked: 1 });
    tenant.resolve(undefined);

    expect(await tenants.arrived()).toEqual({ standard: ['work'] });
  });

  it('keeps the messages of a WebSocket inside its boundary, until its socket closes', async () => {
    const sockets = new WebSocketServer({ noServer: true });
    sockets.on('connection', (socket) => {
      socket.on('message', (message) => {
        tenants.service.inSpan(`message ${message}`, () => {});
        socket.send(String(getRoute()));
      });
    });
    const server = http.createServer();
    server.on(
      'upgrade',
      routeUpgrades({ route: fromPath(/^\/(\w+)/) }, (request, socket, head) => {
        sockets.handleUpgrade(request, socket, head, (each) => sockets.emit('connection', each));
      }),
    );
    const port = await start(server);
    const answers = await Promise.all(
      ['acme', 'globex', ''].map(async (tenant) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/${tenant}`);
        await once(socket, 'open');
        socket.send(tenant);
        const [answer] = await once(socket, 'message');
        if (tenant === '') expect(tenants.service.processor.stats().parked).toBe(1);
        socket.close();
        return String(answer);
      }),
    );

    expect(answers).toEqual(['acme', 'globex', 'undefined']);
    expect(await tenants.arrived()).toEqual({
      acme: ['message acme'],
      globex: ['message globex'],
      standard: ['message '],
    });
  });

  it('serves the compatible interface of HTTP/2', async () => {
    const serve = routeRequests({ route: fromHeader('x-tenant') }, (_request, response) => {
      tenants.service.inSpan('work', () => {});
      response.end();
    });
    const server = http2.createServer((request, response) => {
      // Of another class, and all the same to a boundary.
      serve(request as never, response as never);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(async () => {
      client.close();
      await stopServer(server);
    });
    for (const headers of [{ 'x-tenant': 'acme' }, {}]) {
      await once(client.request({ ':path': '/', ...headers }).resume(), 'close');
    }

    expect(await tenants.arrived()).toEqual({ acme: ['work'], standard: ['work'] });
    await eventually(() => tenants.service.processor.stats().decisions.settled === 1);
  });
});
