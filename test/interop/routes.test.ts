import { expect, onTestFinished, test } from 'vitest';
import { tenants } from '../../examples/demo/tenants.mjs';
import { sendRequests, startModel } from '../../examples/demo/traffic.mjs';
import { withRoute } from '../../src/index.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { startService } from '../helpers/service.js';
import { startNode } from '../integration/child.js';
import { collectorConfig } from './collector-config.js';
import { createOtelcol, type Otelcol } from './otelcol.js';

/** The demo's configuration, with backends at these places of a receiver. */
function demoSettings(url: string, prefix: string): NodeJS.ProcessEnv {
  const standard = 'SIGNALBOX_BACKEND_STANDARD_';
  const byoc = 'SIGNALBOX_BACKEND_BYOC_';
  return {
    SIGNALBOX_BACKENDS: 'standard,byoc',
    SIGNALBOX_ROUTES: 'initech=standard,acme=byoc,umbrella=byoc,both=standard+byoc',
    SIGNALBOX_DEFAULT_ROUTE: 'standard',
    [`${standard}PRESET`]: 'braintrust',
    [`${standard}ENDPOINT`]: `${url}/${prefix}standard`,
    [`${standard}API_KEY`]: 'sk-standard',
    [`${standard}PARENT`]: 'project_name:demo',
    [`${byoc}PRESET`]: 'braintrust',
    [`${byoc}ENDPOINT`]: `${url}/${prefix}byoc`,
    [`${byoc}API_KEY`]: 'sk-byoc',
    [`${byoc}PARENT`]: 'project_name:demo-$byoc',
    [`${byoc}PROTOCOL`]: 'http/json',
    [`${byoc}COMPRESSION`]: 'gzip',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  };
}

async function startGateway(settings: NodeJS.ProcessEnv): Promise<Otelcol> {
  const config = await collectorConfig(settings);
  expect(config).not.toContain('sk-');
  const gateway = await createOtelcol({ config, env: settings });
  await gateway.start();
  return gateway;
}

async function startStandIn(): Promise<TestReceiver> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  return receiver;
}

function idsAt(receiver: TestReceiver, backend: string): string[] {
  return receiver
    .spans(backend)
    .map(({ spanId }) => spanId)
    .sort();
}

test.each(['drop', 'default'])(
  "routes the demo's traffic as the router in the process does, span by span: unknown keys %s",
  async (unknownRoute) => {
    const receiver = await startStandIn();
    const unknown = { SIGNALBOX_UNKNOWN_ROUTE: unknownRoute };
    const gateway = await startGateway({ ...demoSettings(receiver.url, 'far-'), ...unknown });
    const model = await startModel();
    onTestFinished(() => model.stop());
    const service = startNode(
      ['--import', './test/interop/fixtures/two-routers.mjs', 'examples/demo/service.mjs'],
      {
        ...demoSettings(receiver.url, 'near-'),
        ...unknown,
        DEMO_MODEL_URL: model.url,
        DEMO_COLLECTOR_URL: gateway.url,
      },
    );
    const { address } = (await service.receive()) as { address: { port: number } };
    const total = 40 * tenants.length;
    await sendRequests(`http://127.0.0.1:${address.port}`, { total, concurrency: 10 });
    service.send('stop');
    const { madeSpanIds } = (await service.receive()) as { madeSpanIds: string[] };

    for (const backend of ['standard', 'byoc']) {
      const near = idsAt(receiver, `near-${backend}`);
      expect(near.length).toBeGreaterThan(0);
      await receiver.waitForSpans(near.length, `far-${backend}`);
    }
    // What a gateway has taken it sends, or has dropped, before it stops.
    await gateway.stop();
    for (const backend of ['standard', 'byoc']) {
      expect(idsAt(receiver, `far-${backend}`)).toEqual(idsAt(receiver, `near-${backend}`));
    }
    const arrived = idsAt(receiver, 'far-standard').length + idsAt(receiver, 'far-byoc').length;
    expect(arrived === madeSpanIds.length).toBe(unknownRoute === 'default');
  },
);

test('each backend gets its own credentials and parent, and no parent of the application', async () => {
  const receiver = await startStandIn();
  const settings = demoSettings(receiver.url, '');
  const gateway = await startGateway(settings);
  const service = startService({
    backends: { fleet: { preset: 'collector', endpoint: gateway.url } },
  });
  onTestFinished(() => service.stop());
  withRoute('both', () =>
    service.inSpan('of both', (span) =>
      span.setAttribute('braintrust.parent', 'project_name:other'),
    ),
  );
  await service.provider.forceFlush();
  for (const [backend, parent] of [
    ['standard', 'project_name:demo'],
    ['byoc', 'project_name:demo-$byoc'],
  ]) {
    const [span] = await receiver.waitForSpans(1, backend);
    expect(plainAttributes(span?.attributes ?? [])).toEqual({ 'signalbox.route': 'both' });
    const request = receiver.requests.find((each) => each.backend === backend);
    expect(request?.headers).toMatchObject({
      authorization: `Bearer sk-${backend}`,
      'x-bt-parent': parent,
      ...(backend === 'byoc' && { 'content-encoding': 'gzip', 'content-type': 'application/json' }),
    });
  }
});

test('a key in the resource, or under another type, leads nowhere', async () => {
  const receiver = await startStandIn();
  const { SIGNALBOX_DEFAULT_ROUTE: _, ...settings } = demoSettings(receiver.url, '');
  const gateway = await startGateway(settings);
  const spans = [
    { name: 'of the resource', attributes: [] },
    {
      name: 'a list',
      attributes: [
        { key: 'signalbox.route', value: { arrayValue: { values: [{ stringValue: 'acme' }] } } },
      ],
    },
    { name: 'a number', attributes: [{ key: 'signalbox.route', value: { intValue: '1' } }] },
    {
      name: 'a longer one',
      attributes: [{ key: 'signalbox.route', value: { stringValue: 'acme ' } }],
    },
    { name: 'acme', attributes: [{ key: 'signalbox.route', value: { stringValue: 'acme' } }] },
  ].map((each, index) => ({
    ...each,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: `b7ad6b716920333${index}`,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000000000001',
  }));
  const resource = { attributes: [{ key: 'signalbox.route', value: { stringValue: 'acme' } }] };
  const body = JSON.stringify({
    resourceSpans: [{ resource, scopeSpans: [{ scope: {}, spans }] }],
  });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${gateway.url}/v1/traces`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
  await receiver.waitForSpans(1);
  await gateway.stop();
  expect(receiver.spans().map(({ name }) => name)).toEqual(['acme']);
});

test('the agents keep each trace on one gateway', async () => {
  const receiver = await startStandIn();
  const gateways = [
    await startGateway(demoSettings(receiver.url, 'one-')),
    await startGateway(demoSettings(receiver.url, 'two-')),
  ];
  const hosts = gateways.map(({ grpc }) => grpc).join(',');
  const config = await collectorConfig(
    demoSettings(receiver.url, ''),
    ...['--tier', 'agents', '--gateways', hosts],
  );
  const agent = await createOtelcol({ config });
  await agent.start();
  const service = startService({
    backends: { fleet: { preset: 'collector', endpoint: agent.url, maxExportBatchSize: 7 } },
  });
  onTestFinished(() => service.stop());
  const traces = 60;
  for (let trace = 0; trace < traces; trace += 1) {
    withRoute(trace % 2 === 0 ? 'acme' : 'initech', () =>
      service.inSpan('root', () => {
        for (let child = 0; child < 4; child += 1) service.inSpan('child', () => {});
      }),
    );
  }
  await service.provider.forceFlush();
  await receiver.waitForSpans(traces * 5);

  const gatewaysOf = new Map<string, Set<string | undefined>>();
  for (const { backend, spans } of receiver.requests) {
    for (const { traceId } of spans) {
      gatewaysOf.set(traceId, (gatewaysOf.get(traceId) ?? new Set()).add(backend?.slice(0, 3)));
    }
  }
  expect(gatewaysOf.size).toBe(traces);
  expect([...gatewaysOf.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set([...gatewaysOf.values()].flatMap((each) => [...each])).size).toBe(2);
});
