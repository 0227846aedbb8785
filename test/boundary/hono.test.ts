import http from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromPath, routeRequests } from '../../src/boundary/hono.js';
import { deferred, describeRouteRequests, listen, startTenants, type Tenants } from './contract.js';

describeRouteRequests('Hono', ({ options, inner, handle }) => {
  const app = new Hono();
  app.use(routeRequests(options));
  const below = new Hono();
  below.use(routeRequests(inner));
  below.all('/', async (c) => c.text(await handle({ url: c.req.path, body: '' })));
  app.route('/inner', below);
  app.all('*', async (c) => c.text(await handle({ url: c.req.path, body: await c.req.text() })));
  app.onError((_error, c) => c.text('failed', 500));
  return listen(http.createServer(getRequestListener(app.fetch)));
});

describe('without a response of Node’s', () => {
  let tenants: Tenants;

  beforeEach(() => {
    tenants = startTenants();
  });

  afterEach(() => tenants.service.stop());

  function createApp(options: Parameters<typeof routeRequests>[0]): Hono {
    const app = new Hono();
    app.use(routeRequests(options));
    app.get('*', (c) => tenants.service.inSpan('work', () => c.text('done')));
    return app;
  }

  it('holds the boundary until the handlers have completed', async () => {
    const app = createApp({ route: fromPath(/^\/(\w+)/) });
    await app.request('/acme');
    await app.request('/');

    expect(await tenants.arrived()).toEqual({ acme: ['work'], standard: ['work'] });
    expect(tenants.service.processor.stats().decisions).toMatchObject({ decided: 1, settled: 1 });
  });

  it('holds it until the resolver has answered', async () => {
    const tenant = deferred<string>();
    await createApp({ route: () => tenant.promise }).request('/');
    expect(tenants.service.processor.stats().parked).toBe(1);
    tenant.resolve('acme');

    expect(await tenants.arrived()).toEqual({ acme: ['work'] });
  });
});
