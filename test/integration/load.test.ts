import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import autocannon from 'autocannon';
import { expect, it } from 'vitest';
import type { RoutingStats } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { backendVariables, openReceiver } from './backends.js';
import { fixture, startNode } from './child.js';
import { pathsByTrace } from './framework-service.js';

const REQUESTS = 10_000;
const ABORTED = REQUESTS / 20;
const CONNECTIONS = 64;
const ABORTING_CONNECTIONS = 4;
const TENANTS = Array.from({ length: 200 }, (_, n) => `t${n}`);

function tenantOf(n: number): string {
  return TENANTS[n % TENANTS.length] ?? '';
}

/** Sends a request and goes away when its answer has begun. */
async function abort(port: number, path: string): Promise<void> {
  const request = http.get({ host: '127.0.0.1', port, path, agent: false });
  await once(request, 'response');
  request.destroy();
}

it('loses and misplaces no span of 10,000 requests of 200 tenants, a twentieth of them aborted', async () => {
  const receiver = await openReceiver();
  const urls = Object.fromEntries(TENANTS.map((tenant) => [tenant, `${receiver.url}/${tenant}`]));
  const service = startNode(
    ['--import', fixture('instrumentation.mjs'), fixture('load-service.mjs')],
    backendVariables(urls, { SIGNALBOX_SHUTDOWN_TIMEOUT: '20000' }),
  );
  const { port } = (await service.receive()) as AddressInfo;

  let requests = 0;
  const load = autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: CONNECTIONS - ABORTING_CONNECTIONS,
    amount: REQUESTS - ABORTED,
    requests: [
      {
        setupRequest(request) {
          requests += 1;
          return { ...request, path: `/answer/${tenantOf(requests)}` };
        },
      },
    ],
  });
  let aborted = 0;
  const aborting = Array.from({ length: ABORTING_CONNECTIONS }, async () => {
    while (aborted < ABORTED) {
      aborted += 1;
      await abort(port, `/abort/${tenantOf(aborted)}`);
    }
  });
  const [answers] = await Promise.all([load, ...aborting]);
  service.send('stop');
  const stats = (await service.receive()) as RoutingStats;
  await service.ended;

  expect(answers).toMatchObject({ '2xx': REQUESTS - ABORTED, non2xx: 0, errors: 0 });
  expectLaws(stats);
  expect(stats.dropped).toEqual({});
  expect(stats.parked).toBe(0);
  expect(stats.decisions).toMatchObject({
    decided: REQUESTS,
    settled: 0,
    late: 0,
    conflict: 0,
    unresolved: 0,
    failed: 0,
  });

  const spans = receiver.spans();
  expect(spans).toHaveLength(stats.ended);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(stats.ended);
  // A server span each, which says whose the trace is, and the service's own.
  const paths = pathsByTrace(spans);
  expect(paths.size).toBe(REQUESTS);
  const names = count(spans.map(({ name }) => name));
  expect(names).toEqual({
    GET: REQUESTS,
    'look-up': REQUESTS,
    work: REQUESTS - ABORTED,
    after: ABORTED,
  });
  const misplaced = TENANTS.flatMap((tenant) =>
    receiver.spans(tenant).filter(({ traceId }) => paths.get(traceId)?.split('/')[2] !== tenant),
  );
  expect(misplaced).toEqual([]);
}, 60_000);

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
