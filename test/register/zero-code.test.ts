import { describe, expect, it } from 'vitest';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { plainAttributes, type TestReceiver } from '../helpers/receiver.js';
import { pathOf, startApplication, TENANTS } from './service.js';

const SERVER = 2;
const CLIENT = 3;

function serverSpans(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  return spans.filter(({ kind }) => kind === SERVER);
}

/** The tenant that each trace belongs to, by the paths that its client asked for. */
function tenantsByTrace(receiver: TestReceiver): Map<string, Set<string | undefined>> {
  const tenants = new Map<string, Set<string | undefined>>();
  for (const span of serverSpans(receiver.spans())) {
    const [, , tenant] = pathOf(span).split('/');
    tenants.set(span.traceId, (tenants.get(span.traceId) ?? new Set()).add(tenant));
  }
  return tenants;
}

describe('an application without a line of telemetry', () => {
  it.each(['service.mjs', 'service.cjs'])(
    'has the spans of every library sent to the tenant of the request (%s)',
    async (name) => {
      const { receiver, ...service } = await startApplication(name, {
        SIGNALBOX_ROUTE_FROM: 'header:x-tenant',
      });
      const requests = Array.from({ length: 30 }, (_, n) => {
        const tenant = TENANTS[n % 3] ?? 'none';
        // The default route's tenant is the one whose clients send no key.
        return service.get(
          `/work/${tenant}/${n}`,
          tenant === 'standard' ? {} : { 'x-tenant': tenant },
        );
      });
      expect(await Promise.all(requests)).toEqual(Array(30).fill('done'));
      expect(await service.stop()).toMatchObject({ code: 0 });

      const tenants = tenantsByTrace(receiver);
      expect(tenants.size).toBe(30);
      for (const backend of TENANTS) {
        const spans = receiver.spans(backend);
        expect(spans.map(({ traceId }) => [...(tenants.get(traceId) ?? [])])).toEqual(
          spans.map(() => [backend]),
        );
        // Of each request the two that its service served, what Express did for them, and the call between.
        expect(serverSpans(spans)).toHaveLength(20);
        expect(spans.filter(({ kind }) => kind === CLIENT)).toHaveLength(10);
        expect(new Set(spans.map(({ name }) => name))).toContain(
          'request handler - /leaf/:tenant/:n',
        );
      }
    },
  );

  it('has bodies that are read by events in their request, by its path', async () => {
    const { receiver, ...service } = await startApplication('service.mjs', {
      SIGNALBOX_ROUTE_FROM: 'path:^/(?:post|leaf)/([^/]+)',
    });
    await Promise.all(TENANTS.map((tenant) => service.get(`/post/${tenant}/1`)));
    expect(await service.stop()).toMatchObject({ code: 0 });
    const tenants = tenantsByTrace(receiver);
    for (const backend of TENANTS) {
      const spans = receiver.spans(backend);
      expect(spans.map(({ traceId }) => [...(tenants.get(traceId) ?? [])])).toEqual(
        spans.map(() => [backend]),
      );
      expect(serverSpans(spans)).toHaveLength(2);
    }
  });

  it('is routed by its host, and drops what names an unknown tenant', async () => {
    const { receiver, ...service } = await startApplication('service.cjs', {
      SIGNALBOX_ROUTE_FROM: 'host',
    });
    await service.get('/leaf/acme/1', { host: 'acme:8080' });
    await service.get('/leaf/globex/1', { host: 'Globex' });
    await service.get('/leaf/other/1', { host: 'other.example' });
    const { stderr } = await service.stop();
    expect(
      receiver
        .spans('acme')
        .filter(({ kind }) => kind === SERVER)
        .map(pathOf),
    ).toEqual(['/leaf/acme/1']);
    expect(serverSpans(receiver.spans('globex')).map(pathOf)).toEqual(['/leaf/globex/1']);
    expect(receiver.spans('standard')).toEqual([]);
    expect(stderr).toContain('unknown_route');
  });

  it('has the resource, the sampler and the propagators that the environment names', async () => {
    const { receiver, ...service } = await startApplication('service.cjs', {
      OTEL_SERVICE_NAME: 'checkout',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,host.name=mine,service.name=no',
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
      OTEL_PROPAGATORS: 'b3,unheard-of',
    });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await service.get('/leaf/acme/1');
    await service.get('/leaf/acme/2', { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    await service.get('/leaf/acme/3', { b3: `${traceId}-b7ad6b7169203331-1` });
    const { stderr } = await service.stop();

    const spans = receiver.spans();
    expect(serverSpans(spans).map(pathOf)).toEqual(['/leaf/acme/3']);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(plainAttributes(spans[0]?.resource.attributes ?? [])).toMatchObject({
      'service.name': 'checkout',
      'deployment.environment.name': 'test',
      'host.name': 'mine',
      'os.type': process.platform,
      'process.runtime.name': 'nodejs',
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'telemetry.sdk.language': 'nodejs',
    });
    expect(stderr).toContain('OTEL_PROPAGATORS: the propagator "unheard-of" is not known');
  });
});
