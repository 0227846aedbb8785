import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import {
  ConfigError,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';

type Start = (config: (url: string) => Partial<SignalboxConfig>) => Promise<{
  readonly service: Service;
  readonly receiver: TestReceiver;
}>;

/** A service that sends to a Collector, which a receiver stands for. */
const start: Start = async (config) => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const fleet = { preset: 'collector', endpoint: `${receiver.url}/fleet` } as const;
  const service = startService({ backends: { fleet }, ...config(receiver.url) });
  onTestFinished(() => service.stop());
  return { service, receiver };
};

function routesOf(spans: readonly ReceivedSpan[]): Record<string, unknown> {
  return Object.fromEntries(
    spans.map(({ name, attributes }) => [name, plainAttributes(attributes)['signalbox.route']]),
  );
}

test('sends to /v1/traces under the endpoint', async () => {
  const { service, receiver } = await start(() => ({ defaultRoute: 'fleet' }));
  service.inSpan('any', () => {});
  await service.provider.forceFlush();
  expect(receiver.requests.map(({ path }) => path)).toEqual(['/fleet/v1/traces']);
});

test.each(['http/protobuf', 'http/json'] as const)(
  'a Collector that is the only backend takes every valid key, and is told it: %s',
  async (protocol) => {
    const { service, receiver } = await start((url) => ({
      backends: { fleet: { preset: 'collector', endpoint: `${url}/fleet`, protocol } },
    }));
    withRoute('acme', () => service.inSpan('of acme', () => {}));
    withRoute('region:eu/7', () => service.inSpan('of a region', () => {}));
    withRoute('no key at all', () => service.inSpan('invalid', () => {}));
    service.inSpan('without a key', () => {});
    await service.provider.forceFlush();
    expect(routesOf(receiver.spans())).toEqual({ 'of acme': 'acme', 'of a region': 'region:eu/7' });
    const stats = service.processor.stats();
    expect(stats.dropped).toEqual({ unknown_route: 1, no_route: 1 });
    expect(stats.decisions).toMatchObject({ decided: 2, unknown: 1 });
    expectLaws(stats);
  },
);

test.each(['http/protobuf', 'http/json'] as const)(
  'what the application writes there reaches no Collector, in the span or without a key: %s',
  async (protocol) => {
    const { service, receiver } = await start((url) => ({
      backends: { fleet: { preset: 'collector', endpoint: `${url}/fleet`, protocol } },
      defaultRoute: 'fleet',
    }));
    withRoute('acme', () =>
      service.inSpan('keyed', (span) => span.setAttribute('signalbox.route', 'globex')),
    );
    service.inSpan('unkeyed', (span) => span.setAttribute('signalbox.route', 'globex'));
    await service.provider.forceFlush();
    // Without a key it is for the Collector's default route, which is no key of ours to name.
    expect(routesOf(receiver.spans())).toEqual({ keyed: 'acme', unkeyed: undefined });
    expect(inspect(receiver.spans(), { depth: null })).not.toContain('globex');
  },
);

test('a view can not write it either', async () => {
  const { service, receiver } = await start((url) => ({
    backends: {
      fleet: {
        preset: 'collector',
        endpoint: `${url}/fleet`,
        view: (span) => ({
          ...span,
          attributes: { ...span.attributes, 'signalbox.route': 'globex' },
        }),
      },
    },
    defaultRoute: 'fleet',
  }));
  withRoute('acme', () => service.inSpan('keyed', () => {}));
  service.inSpan('unkeyed', () => {});
  await service.provider.forceFlush();
  expect(routesOf(receiver.spans())).toEqual({ keyed: 'acme', unkeyed: undefined });
});

test.each([
  { name: 'every key', routes: undefined, defaultRoute: 'fleet' },
  {
    name: 'routes of the service',
    routes: { acme: ['fleet'], other: ['fleet'] },
    defaultRoute: 'other',
  },
])(
  'spans that end before the key is known wait for it, although all lead to one backend: $name',
  async ({ routes, defaultRoute }) => {
    const { service, receiver } = await start(() => ({ ...(routes && { routes }), defaultRoute }));
    await withBoundary(async () => {
      service.inSpan('authenticate', () => {});
      expect(service.processor.stats().parked).toBe(1);
      setRoute('acme');
      service.inSpan('handle', () => {});
    });
    await service.provider.forceFlush();
    expect(routesOf(receiver.spans())).toEqual({ authenticate: 'acme', handle: 'acme' });
  },
);

test('with routes of its own a service leads only these keys to the Collector', async () => {
  const { service, receiver } = await start(() => ({
    routes: { acme: ['fleet'], standard: ['fleet'] },
    defaultRoute: 'standard',
  }));
  withRoute('acme', () => service.inSpan('of acme', () => {}));
  withRoute('nobody', () => service.inSpan('of nobody', () => {}));
  service.inSpan('unkeyed', () => {});
  await service.provider.forceFlush();
  expect(routesOf(receiver.spans())).toEqual({ 'of acme': 'acme', unkeyed: 'standard' });
  expect(service.processor.stats().dropped).toEqual({ unknown_route: 1 });
});

test('beside another backend a Collector is one of those that routes name', async () => {
  const { service, receiver } = await start((url) => ({
    backends: {
      fleet: { preset: 'collector', endpoint: `${url}/fleet` },
      local: { endpoint: `${url}/local` },
    },
  }));
  withRoute('fleet', () => service.inSpan('to the fleet', () => {}));
  withRoute('acme', () => service.inSpan('of acme', () => {}));
  await service.provider.forceFlush();
  expect(routesOf(receiver.spans())).toEqual({ 'to the fleet': 'fleet' });
});

test('an update takes the routes here, and gives them back', async () => {
  const { service, receiver } = await start(() => ({}));
  const fleet = { preset: 'collector', endpoint: `${receiver.url}/fleet` } as const;
  service.processor.update({ backends: { fleet }, routes: { acme: ['fleet'] } });
  withRoute('globex', () => service.inSpan('dropped', () => {}));
  service.processor.update({ backends: { fleet } });
  withRoute('globex', () => service.inSpan('sent', () => {}));
  await service.provider.forceFlush();
  expect(routesOf(receiver.spans())).toEqual({ sent: 'globex' });
});

test('a backend that is found for a key can not be a Collector without the attribute', async () => {
  const { service, receiver } = await start((url) => ({
    backends: {},
    resolveBackend: () => ({ preset: 'collector', endpoint: `${url}/fleet` }),
    routeAttribute: 'tenant',
  }));
  withRoute('acme', () => service.inSpan('of acme', () => {}));
  await service.provider.forceFlush();
  expect(receiver.requests).toEqual([]);
  expect(service.processor.stats().routed).toBe(0);
});

test.each([['tenant'], ['']])(
  'the attribute can not be %j beside a Collector',
  (routeAttribute) => {
    const fleet = { preset: 'collector', endpoint: 'http://127.0.0.1:4318' } as const;
    const problemsOf = (config: SignalboxConfig) => {
      try {
        startService(config);
        return [];
      } catch (error) {
        return error instanceof ConfigError ? error.problems : [];
      }
    };
    expect(problemsOf({ backends: { fleet }, routeAttribute })).toMatchObject([
      { where: 'routeAttribute', what: expect.stringContaining('backends.fleet.preset') },
    ]);
  },
);
