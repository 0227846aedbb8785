import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import * as forExpress from '../../src/boundary/express.js';
import * as forFastify from '../../src/boundary/fastify.js';
import * as forHono from '../../src/boundary/hono.js';
import * as forKoa from '../../src/boundary/koa.js';
import * as forNode from '../../src/boundary/node.js';
import {
  fromClaim,
  fromHeader,
  fromHost,
  fromPath,
  type RequestLike,
} from '../../src/boundary/resolvers.js';
import { listen, stopServer } from './contract.js';

const CLAIMS = { org: 'acme' };

/** Where each framework's middleware for tokens puts what it has verified. */
type Claimed = { auth?: unknown; user?: unknown };

const findHeader = fromHeader('X-Tenant');
const findHost = fromHost();
const findPath = fromPath(/^\/api\/t\/([^/]+)/g);
const findClaim = fromClaim('org');

/** What every resolver finds in one request. */
function findAll(request: RequestLike) {
  return {
    header: findHeader(request),
    host: findHost(request),
    path: findPath(request),
    claim: findClaim(request),
  };
}

type Found = ReturnType<typeof findAll>;

/** Options that find nothing but what a test asks for. */
function listenIn(found: (found: Found) => void) {
  return {
    route(request: RequestLike) {
      found(findAll(request));
      return undefined;
    },
  };
}

const frameworks: Record<string, (found: (found: Found) => void) => Promise<Server>> = {
  'Node’s server': (found) => {
    const options = {
      route: (request: http.IncomingMessage) => found(findAll(request)) as undefined,
    };
    return listen(
      http.createServer((request, response) => {
        Object.assign(request, { auth: CLAIMS });
        forNode.routeRequests(options, () => response.end())(request, response);
      }),
    );
  },
  'Express 5': (found) => startExpress(express, found),
  'Express 4': (found) => startExpress(express4, found),
  async Fastify(found) {
    const app = fastify();
    app.decorateRequest('user', null);
    app.addHook('onRequest', async (request) => {
      (request as Claimed).user = CLAIMS;
    });
    app.register(forFastify.routeRequests, listenIn(found));
    app.get('*', async () => '');
    await app.listen({ host: '127.0.0.1', port: 0 });
    return app.server;
  },
  Hono(found) {
    const app = new Hono<{ Variables: { jwtPayload: unknown } }>();
    app.use((c, next) => {
      c.set('jwtPayload', CLAIMS);
      return next();
    });
    const below = new Hono();
    below.use(forHono.routeRequests(listenIn(found)));
    app.route(
      '/api',
      below.get('*', (c) => c.text('')),
    );
    return listen(http.createServer(getRequestListener(app.fetch)));
  },
  Koa(found) {
    const app = new Koa();
    app.use((ctx, next) => {
      ctx.state.user = CLAIMS;
      return next();
    });
    app.use(forKoa.routeRequests(listenIn(found)));
    app.use((ctx) => {
      ctx.body = '';
    });
    return listen(http.createServer(app.callback()));
  },
};

function startExpress(framework: typeof express, found: (found: Found) => void): Promise<Server> {
  const app = framework();
  app.use((request, _response, next) => {
    Object.assign(request, { auth: { payload: CLAIMS } });
    next();
  });
  app.use('/api', framework.Router().use(forExpress.routeRequests(listenIn(found))));
  app.use((_request, response) => {
    response.end();
  });
  return listen(http.createServer(app));
}

describe('the resolvers', () => {
  it.each(Object.keys(frameworks))('read the requests of %s', async (framework) => {
    const all: Found[] = [];
    const server = await frameworks[framework]?.((found) => all.push(found));
    if (server === undefined) throw new Error('unknown framework');
    onTestFinished(() => stopServer(server));
    const { port } = server.address() as AddressInfo;
    // Twice: a global pattern must not remember the last request.
    for (const tenant of ['acme', 'glo%62ex']) {
      await new Promise((resolve) => {
        const headers = { 'x-tenant': tenant, host: 'Acme.Example.com:8080' };
        const path = `/api/t/${tenant}/orders?t=/api/t/other`;
        http
          .get({ port, host: '127.0.0.1', path, headers, agent: false })
          .on('response', (response) => response.resume().on('end', resolve));
      });
    }

    expect(all).toEqual([
      { header: 'acme', host: 'acme.example.com', path: 'acme', claim: 'acme' },
      { header: 'glo%62ex', host: 'acme.example.com', path: 'globex', claim: 'acme' },
    ]);
  });

  it('fit each framework’s own types', () => {
    const route = fromHeader('x-tenant');
    expectTypeOf(forExpress.routeRequests).toBeCallableWith({ route });
    expectTypeOf(forHono.routeRequests).toBeCallableWith({ route: fromHost() });
    expectTypeOf(forKoa.routeRequests).toBeCallableWith({ route: fromPath(/x/) });
    expectTypeOf(forNode.routeRequests).toBeCallableWith({ route: fromClaim('org') });
    forExpress.routeRequests({
      route: fromClaim('org', (request) => {
        expectTypeOf(request).toEqualTypeOf<express.Request>();
        return request.res;
      }),
    });
  });
});

describe('fromHeader', () => {
  it.each([
    ['a header that is not there', {}, undefined],
    ['an empty one', { 'x-tenant': '' }, undefined],
    ['one that came several times', { 'x-tenant': ['acme', 'globex'] }, 'acme, globex'],
  ])('takes %s as it is', (_what, headers, expected) => {
    expect(fromHeader('x-tenant')({ headers })).toBe(expected);
  });
});

describe('fromHost', () => {
  it.each([
    ['no host', { headers: {} }, undefined],
    ['an empty one', { headers: { host: '' } }, undefined],
    ['a port', { headers: { host: 'a.example:80' } }, 'a.example'],
    ['an address of IPv6', { headers: { host: '[::1]:80' } }, '[::1]'],
    ['HTTP/2', { headers: { ':authority': 'a.example' } }, 'a.example'],
    [
      'the framework’s own opinion',
      { headers: { host: 'proxy' }, hostname: 'a.example' },
      'a.example',
    ],
  ])('understands %s', (_what, request, expected) => {
    expect(fromHost()(request)).toBe(expected);
  });

  it('takes a part of the host', () => {
    const find = fromHost(/^([^.]+)\.example\.com$/);
    expect(find({ headers: { host: 'ACME.example.com:443' } })).toBe('acme');
    expect(find({ headers: { host: 'acme.example.org' } })).toBeUndefined();
  });
});

describe('fromPath', () => {
  const headers = {};
  it.each([
    ['another path', /^\/t\/([^/]+)/, '/x/acme', undefined],
    ['the query', /acme/, '/?t=acme', undefined],
    ['a whole URL', /^\/t\/([^/]+)/, 'http://host.example/t/acme?x', 'acme'],
    ['a target that is no URL', /./, '*', undefined],
    ['a pattern without groups', /(?<=^\/)[a-z]+/, '/acme/x', 'acme'],
    ['a group that took no part', /^\/t\/([a-z]+)?/, '/t/', undefined],
    ['text that can not be decoded', /^\/(.+)/, '/%zz', '%zz'],
    ['text that is encoded', /^\/([^/]+)/, '/a%2Fb/c', 'a/b'],
    ['no URL', /./, undefined, undefined],
  ])('understands %s', (_what, pattern, url, expected) => {
    expect(fromPath(pattern)({ headers, url })).toBe(expected);
  });
});

describe('fromClaim', () => {
  it.each([
    ['no claims', {}, undefined],
    ['claims that are none', { auth: 'org=acme', user: null }, undefined],
    ['a number', { auth: { org: 42 } }, '42'],
    ['a list', { auth: { org: ['acme'] } }, undefined],
    ['empty text', { auth: { org: '' } }, undefined],
    ['an object’s own members', { auth: {} }, undefined],
  ])('understands %s', (_what, request, expected) => {
    expect(fromClaim('org')(request)).toBe(expected);
    expect(fromClaim('constructor')(request)).toBeUndefined();
  });

  it('asks the application where its claims are, at once or later', async () => {
    const request = { session: { token: { org: 'acme' } } };
    expect(fromClaim('org', ({ session }: typeof request) => session.token)(request)).toBe('acme');
    expect(
      await fromClaim('org', async ({ session }: typeof request) => session.token)(request),
    ).toBe('acme');
  });

  it('fails as the application’s verification does', async () => {
    const rejected = fromClaim('org', () => Promise.reject(new Error('expired')))({});
    await expect(rejected).rejects.toThrow('expired');
  });

  it('decodes no token', () => {
    const payload = Buffer.from('{"org":"acme"}').toString('base64url');
    const request = { headers: { authorization: `Bearer e30.${payload}.c2ln` }, url: '/' };
    expect(fromClaim('org')(request)).toBeUndefined();
  });
});
