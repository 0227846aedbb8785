import { once } from 'node:events';
import http from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { createKeySigner } from '../../src/boundary/signed-key.js';
import type { RoutingStats } from '../../src/index.js';
import { HEADER, OTHER_TRACE_ID, SECRET, TRACE_ID } from '../boundary/calls.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, type TestReceiver } from '../helpers/receiver.js';
import { openReceiver } from './backends.js';
import { type Child, fixture, startNode } from './child.js';

const BACKENDS = ['acme', 'globex', 'standard'];

/** What a service of `fixtures/chain-service.mjs` answers. */
interface Answer {
  readonly name: string;
  readonly headers: http.IncomingHttpHeaders;
  /** The key in force when it had named its own, if it did. */
  readonly route?: string;
  readonly calls: readonly Answer[];
}

interface ChainService {
  readonly url: string;
  /** Ends it in good order, and says what it counted. */
  stop(): Promise<RoutingStats>;
}

let receiver: TestReceiver;

beforeEach(async () => {
  receiver = await openReceiver();
});

/** Starts a service with three backends. */
async function start(name: string, env: { TENANT?: string } = {}): Promise<ChainService> {
  const child: Child = startNode(
    ['--import', fixture('chain-instrumentation.mjs'), fixture('chain-service.mjs')],
    {
      NAME: name,
      SIGNALBOX_BACKENDS: BACKENDS.join(),
      SIGNALBOX_DEFAULT_ROUTE: 'standard',
      SIGNALBOX_BACKEND_ACME_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_ACME_API_KEY: 'key',
      SIGNALBOX_BACKEND_ACME_PARENT: 'project_name:configured',
      SIGNALBOX_BACKEND_ACME_ENDPOINT: `${receiver.url}/acme`,
      SIGNALBOX_BACKEND_GLOBEX_ENDPOINT: `${receiver.url}/globex`,
      SIGNALBOX_BACKEND_STANDARD_ENDPOINT: `${receiver.url}/standard`,
      SIGNALBOX_PROPAGATION_SECRET: SECRET,
      SIGNALBOX_PROPAGATION_HOSTS: '127.0.0.1',
      ...env,
    },
  );
  const { port } = (await child.receive()) as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.send('stop');
      const stats = (await child.receive()) as RoutingStats;
      await child.ended;
      expectLaws(stats);
      return stats;
    },
  };
}

async function get(url: string, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
  const sent = http.get(url, { agent: false, headers });
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  return JSON.parse((await response.toArray()).join(''));
}

/** The URL at which the first of these services calls the second, which calls the third. */
function chain([first, ...rest]: readonly ChainService[]): string {
  if (first === undefined) throw new Error('a chain has a service');
  return rest.length === 0 ? first.url : `${first.url}/?next=${encodeURIComponent(chain(rest))}`;
}

/** Which services' spans are at which backend. */
function holders(): Record<string, string[]> {
  return Object.fromEntries(
    BACKENDS.map((backend) => {
      const spans = receiver.spans(backend);
      const names = spans.map(({ resource }) => plainAttributes(resource.attributes));
      return [
        backend,
        [...new Set(names.map((each) => String(each['service.name'])))].sort(),
      ] as const;
    }).filter(([, services]) => services.length > 0),
  );
}

function startBoth(): Promise<[gateway: ChainService, orders: ChainService]> {
  return Promise.all([start('gateway', { TENANT: 'header' }), start('orders')]);
}

describe('a chain of services with the instrumentations of http and undici', () => {
  it('keeps a trace together where only its first service knows the tenant', async () => {
    const [gateway, orders] = await startBoth();
    const answer = await get(chain([gateway, orders, orders]), { 'x-tenant': 'acme' });

    expect(answer.headers).not.toHaveProperty(HEADER);
    const called = answer.calls.flatMap((each) => [each, ...each.calls]);
    expect(called).toHaveLength(2 + 4);
    for (const { headers, route } of called) {
      expect(headers[HEADER]).toMatch(/^1\..*\.acme$/);
      expect(route).toBeUndefined();
    }
    const stats = [await gateway.stop(), await orders.stop()];
    expect(holders()).toEqual({ acme: ['gateway', 'orders'] });
    expect(new Set(receiver.spans().map(({ traceId }) => traceId)).size).toBe(1);
    // 7 requests, 6 of them made by these services.
    expect(receiver.spans()).toHaveLength(7 + 6);
    expect(stats.map(({ decisions }) => decisions.decided)).toEqual([1, 6]);
    expect(stats.map(({ decisions }) => decisions.refused)).toEqual([0, 0]);
  });

  it('lets a service that knows better name its own', async () => {
    const [[gateway, orders], billing] = await Promise.all([
      startBoth(),
      start('billing', { TENANT: 'globex' }),
    ]);
    await get(chain([gateway, orders, billing]), { 'x-tenant': 'acme' });
    for (const service of [gateway, orders, billing]) {
      const { decisions } = await service.stop();
      expect(decisions).toMatchObject({ conflict: 0, late: 0, settled: 0 });
    }
    expect(holders()).toEqual({ acme: ['gateway', 'orders'], globex: ['billing'] });
  });

  it('tells no server that is not listed', async () => {
    const [gateway, orders] = await startBoth();
    // The same machine, by a name that is not on the list.
    const partner = { ...orders, url: orders.url.replace('127.0.0.1', 'localhost') };
    const { calls } = await get(chain([gateway, partner]), { 'x-tenant': 'acme' });
    expect(calls).toHaveLength(2);
    for (const { headers } of calls) {
      expect(headers).toHaveProperty('traceparent');
      expect(headers).not.toHaveProperty(HEADER);
    }
    await gateway.stop();
    await orders.stop();
    expect(holders()).toEqual({ acme: ['gateway'], standard: ['orders'] });
  });

  it('is not moved by a header that a client forged, doubled, or took from another trace', async () => {
    const orders = await start('orders');
    const signer = createKeySigner({
      secret: SECRET,
      previousSecret: undefined,
      epochMs: Date.now,
    });
    const genuine = signer.sign('acme', TRACE_ID);
    const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;
    const forgeries: http.OutgoingHttpHeaders[] = [
      { traceparent: `00-${OTHER_TRACE_ID}-b7ad6b7169203331-01`, [HEADER]: genuine },
      { [HEADER]: genuine },
      { traceparent, [HEADER]: [genuine, genuine] },
      { traceparent, [HEADER]: genuine.replace(/acme$/, 'globex') },
      { traceparent, [HEADER]: 'acme' },
    ];
    for (const headers of forgeries) await get(orders.url, headers);
    await get(orders.url, { traceparent, [HEADER]: genuine });
    const { decisions } = await orders.stop();
    expect(decisions).toMatchObject({ decided: 1, settled: 5, refused: 5 });
    expect(receiver.spans('standard')).toHaveLength(5);
    expect(receiver.spans('acme')).toHaveLength(1);
  });

  it('is not moved by baggage, nor by a parent that the caller names', async () => {
    const gateway = await start('gateway', { TENANT: 'header' });
    const parent = 'project_name:evil';
    const headers = {
      baggage: `signalbox.route=globex,${HEADER}=globex,braintrust.parent=${parent}`,
      'signalbox.route': 'globex',
      'braintrust.parent': parent,
      'x-bt-parent': parent,
    };
    const { calls } = await get(chain([gateway, gateway]), { 'x-tenant': 'acme', ...headers });
    await get(gateway.url, headers);
    // It is passed on as always, and read by nobody here.
    expect(calls[0]?.headers.baggage).toContain('signalbox.route=globex');
    await gateway.stop();
    expect(holders()).toEqual({ acme: ['gateway'], standard: ['gateway'] });
    expect(receiver.spans('standard')).toHaveLength(1);
    const parents = receiver.requests.map(({ headers: sent }) => sent['x-bt-parent']);
    expect(new Set(parents)).toEqual(new Set(['project_name:configured', undefined]));
    for (const { attributes } of receiver.spans()) {
      expect(plainAttributes(attributes)).not.toHaveProperty('braintrust.parent');
    }
  });
});
