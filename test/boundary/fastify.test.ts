import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromClaim, fromHeader, routeRequests } from '../../src/boundary/fastify.js';
import { getRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { describeRouteRequests, startTenants, type Tenants } from './contract.js';

describeRouteRequests('Fastify', async ({ options, inner, handle }) => {
  const app = fastify();
  app.register(routeRequests, options);
  app.register(async (below) => {
    below.register(routeRequests, inner);
    below.get('/inner', (request) => handle({ url: request.url, body: '' }));
  });
  app.all('*', (request) => {
    return handle({ url: request.url, body: typeof request.body === 'string' ? request.body : '' });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app.server;
});

describe('the plugin', () => {
  let tenants: Tenants;

  beforeEach(() => {
    tenants = startTenants();
  });

  afterEach(() => tenants.service.stop());

  const acme = { headers: { 'x-tenant': 'acme' } };

  it('counts for the instance it is registered on, and not for those beside it', async () => {
    const app = fastify();
    app.register(async (below) => {
      below.register(routeRequests, { route: fromHeader('x-tenant') });
      below.get('/below', async () => String(getRoute()));
    });
    app.get('/beside', async () => String(getRoute()));

    expect((await app.inject({ url: '/below', ...acme })).body).toBe('acme');
    expect((await app.inject({ url: '/beside', ...acme })).body).toBe('undefined');
    await app.close();
  });

  it('runs hooks and error handlers inside the boundary', async () => {
    const routes: Record<string, string | undefined> = {};
    const see = (where: string) => async () => {
      routes[where] = getRoute();
    };
    const app = fastify();
    app.register(routeRequests, { route: fromHeader('x-tenant') });
    app.addHook('onRequest', see('onRequest'));
    app.addHook('preHandler', see('preHandler'));
    app.addHook('onSend', see('onSend'));
    app.addHook('onResponse', see('onResponse'));
    app.setErrorHandler((_error, _request, reply) => {
      routes.errorHandler = getRoute();
      reply.code(500).send('failed');
    });
    app.get('/', async () => {
      throw new Error('handler');
    });

    expect((await app.inject({ url: '/', ...acme })).statusCode).toBe(500);
    await eventually(() => 'onResponse' in routes);
    expect(routes).toEqual({
      onRequest: 'acme',
      preHandler: 'acme',
      errorHandler: 'acme',
      onSend: 'acme',
      onResponse: 'acme',
    });
    await app.close();
  });

  it('finds claims that a hook before it has verified', async () => {
    const app = fastify();
    app.decorateRequest('user', null);
    app.addHook('onRequest', async (request) => {
      Object.assign(request, { user: { org: 'acme' } });
    });
    app.register(routeRequests, { route: fromClaim('org') });
    app.get('/', async () => String(getRoute()));

    expect((await app.inject('/')).body).toBe('acme');
    await app.close();
  });

  it('fails the registration for wrong options', async () => {
    const app = fastify();
    app.register(routeRequests, {} as never);
    await expect(app.ready()).rejects.toThrow('routeRequests needs route');
  });

  it('settles injected requests too', async () => {
    const app = fastify();
    app.register(routeRequests, { route: () => undefined });
    app.get('/', async () => tenants.service.inSpan('work', () => 'done'));
    await app.inject('/');

    expect(await tenants.arrived()).toEqual({ standard: ['work'] });
    await app.close();
  });
});
