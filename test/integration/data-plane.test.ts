import { expect, it, onTestFinished } from 'vitest';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { type Ended, fixture, startNode } from './child.js';

// What it sees is written by the process itself: a call elsewhere that fails is a call all the same.
const watched = ['--import', fixture('network-watch.mjs')];

async function startDataPlane(): Promise<TestReceiver> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  return receiver;
}

/** The application and its public URL are elsewhere, and nobody may go there. */
const elsewhere = {
  BRAINTRUST_APP_URL: 'https://app.braintrust.invalid',
  BRAINTRUST_APP_PUBLIC_URL: 'https://braintrust.acme.invalid',
  BRAINTRUST_ORG_NAME: 'acme',
};

/** Drops in where a single exporter stood; by a name, so that DNS has to be asked. */
function dropIn({ port }: TestReceiver): NodeJS.ProcessEnv {
  return {
    BRAINTRUST_API_KEY: 'k',
    BRAINTRUST_API_URL: `http://localhost:${port}`,
    BRAINTRUST_PARENT: 'project_name:checkout',
    SIGNALBOX_ALLOWED_HOSTS: 'localhost,127.0.0.1,::1',
    ...elsewhere,
  };
}

function configured({ url }: TestReceiver): NodeJS.ProcessEnv {
  return {
    SIGNALBOX_BACKENDS: 'byoc-acme',
    SIGNALBOX_DEFAULT_ROUTE: 'byoc-acme',
    SIGNALBOX_BACKEND_BYOC_ACME_PRESET: 'braintrust',
    SIGNALBOX_BACKEND_BYOC_ACME_ENDPOINT: url,
    SIGNALBOX_BACKEND_BYOC_ACME_API_KEY: 'k',
    SIGNALBOX_BACKEND_BYOC_ACME_PARENT: 'project_name:checkout',
    SIGNALBOX_BACKEND_BYOC_ACME_AUDIT_HEADERS: 'true',
    SIGNALBOX_ALLOWED_HOSTS: '127.0.0.1',
    ...elsewhere,
  };
}

const work = `
  import { trace } from '@opentelemetry/api';
  trace.getTracer('application').startSpan('work').end();`;

function runRegistered(env: NodeJS.ProcessEnv): Promise<Ended> {
  const args = ['--import', 'signalbox/register', '--input-type=module', '--eval', work];
  return startNode([...watched, ...args], {
    OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'undici',
    ...env,
  }).ended;
}

function networkOf({ stderr }: Ended): string[] {
  const [, list] = /\nnetwork: (.*)\n$/.exec(stderr) ?? [];
  if (list === undefined) throw new Error(`nothing was observed:\n${stderr}`);
  return JSON.parse(list).sort();
}

it('delivers to an address with nothing but connections to it', async () => {
  const dataPlane = await startDataPlane();
  const ended = await runRegistered(configured(dataPlane));
  expect(dataPlane.spans().map(({ name }) => name)).toEqual(['work']);
  expect(networkOf(ended)).toEqual([`TCPCONNECTWRAP 127.0.0.1 ${dataPlane.port}`]);
  expect(ended.code).toBe(0);
});

it('delivers to a name with no other name asked for, and no login before it', async () => {
  const dataPlane = await startDataPlane();
  const network = networkOf(await runRegistered(dropIn(dataPlane)));
  expect(dataPlane.requests.map(({ path }) => path)).toEqual(['/otel/v1/traces']);
  expect(dataPlane.requests[0]?.headers).toMatchObject({
    authorization: 'Bearer k',
    'x-bt-parent': 'project_name:checkout',
  });
  const [lookup, ...connections] = network;
  expect(lookup).toBe('GETADDRINFOREQWRAP localhost');
  // Where the name has an address of each family, both may be tried.
  expect(['127.0.0.1', '::1'].map((host) => `TCPCONNECTWRAP ${host} ${dataPlane.port}`)).toEqual(
    expect.arrayContaining(connections),
  );
  expect(connections).not.toEqual([]);
});

it('is probed with nothing asked of the application, whose pages it links to', async () => {
  const dataPlane = await startDataPlane();
  const command = ['--', './dist/cli/main.js', 'probe', '--json'];
  const ended = await startNode([...watched, ...command], configured(dataPlane)).ended;
  expect(JSON.parse(ended.stdout).probes).toEqual([
    expect.objectContaining({
      status: 'delivered',
      logs: { url: 'https://braintrust.acme.invalid/app/acme/p/checkout/logs' },
    }),
  ]);
  expect(networkOf(ended)).toEqual([`TCPCONNECTWRAP 127.0.0.1 ${dataPlane.port}`]);
});

it('would be seen to call elsewhere, if it did', async () => {
  const script = `
    import http from 'node:http';
    http.get("http://app.braintrust.invalid").on('error', () => {});
    await fetch('https://127.0.0.1:2').catch(() => {});`;
  const ended = await startNode([...watched, '--input-type=module', '--eval', script]).ended;
  expect(networkOf(ended)).toEqual([
    'GETADDRINFOREQWRAP app.braintrust.invalid',
    'TCPCONNECTWRAP 127.0.0.1 2',
  ]);
});
