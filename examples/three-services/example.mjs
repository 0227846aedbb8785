// @ts-check
// npm run example three-services
//
//   clients  ->  gateway  ->  orders  ->  billing
//
// The world around the services: their clients, their backends, and the judge.

import { startBackends } from '../check/backends.mjs';
import { conclude } from '../check/conclude.mjs';
import { markersOf } from '../check/judge.mjs';
import { startServer } from '../check/service.mjs';

const ROUNDS = 5;

const services = ['gateway', 'orders', 'billing'];

/** Who calls, and where their traces belong, whole: written down apart from signalbox.yaml, so that a wrong route shows. */
const tenants = [
  { name: 'acme', session: 'session-1', homes: ['byoc-acme'] },
  { name: 'globex', session: 'session-2', homes: ['standard', 'byoc-globex'] },
  { name: 'initech', session: 'session-3', homes: ['standard'] },
  { name: 'umbrella', session: 'session-4', homes: ['standard', 'eu'] },
];

const backends = await startBackends(['standard', 'eu', 'byoc-acme', 'byoc-globex']);
const billing = await start('billing');
const orders = await start('orders', { BILLING_URL: billing.url });
const gateway = await start('gateway', { ORDERS_URL: orders.url });

const requests = Array.from({ length: ROUNDS }, (_, round) =>
  tenants.map((tenant) => ({ ...tenant, marker: `${tenant.name}-${round}` })),
).flat();
console.log(`\n${requests.length} requests at once, GET /<tenant>-<number>.\n`);
await Promise.all(
  requests.map(async ({ marker, session }) => {
    const response = await fetch(`${gateway.url}/${marker}`, {
      headers: { authorization: `Bearer ${session}` },
    });
    await response.text();
  }),
);
for (const service of [gateway, orders, billing]) await service.stop();
await backends.stop();

printTraces();
conclude(
  backends.arrivals,
  requests.map(({ marker, homes }) => ({
    marker,
    homes,
    spans: [
      ...['gateway GET', 'gateway GET'],
      ...['orders GET', 'orders GET'],
      ...['billing GET', 'billing SELECT invoices'],
    ],
  })),
  (span) => `${serviceOf(span)} ${span.name}`,
);

/**
 * @param {string} name
 * @param {Record<string, string>} [env]
 */
function start(name, env) {
  return startServer(import.meta.url, ['--import', './telemetry.mjs', `${name}.mjs`], {
    OTEL_SERVICE_NAME: name,
    SIGNALBOX_CONFIG_FILE: 'signalbox.yaml',
    SIGNALBOX_PROPAGATION_SECRET: 'an-example-of-a-secret-of-32-bytes-or-more',
    SIGNALBOX_PROPAGATION_HOSTS: '127.0.0.1',
    STANDARD_API_KEY: 'key-of-standard',
    EU_API_KEY: 'key-of-eu',
    ACME_API_KEY: 'key-of-byoc-acme',
    GLOBEX_API_KEY: 'key-of-byoc-globex',
    ...backends.endpoints,
    ...env,
  });
}

/** Each trace in a line: which backends hold it, and of which services. */
function printTraces() {
  const markers = markersOf(backends.arrivals.map(({ span }) => span));
  const lines = [...new Set(backends.arrivals.map(({ span }) => span.traceId))].map((traceId) => {
    /** @type {Map<string, Set<string>>} */
    const holders = new Map();
    for (const { backend, span } of backends.arrivals) {
      if (span.traceId !== traceId) continue;
      holders.set(backend, (holders.get(backend) ?? new Set()).add(serviceOf(span)));
    }
    const holdings = [...holders]
      .sort()
      .map(
        ([backend, held]) => `${backend} (${services.filter((name) => held.has(name)).join(', ')})`,
      );
    const marker = markers.get(traceId) ?? '';
    return `${marker.padEnd(11)} trace ${traceId.slice(0, 8)}: ${holdings.join(', ')}`;
  });
  console.log(lines.sort().join('\n'));
}

/** @param {import('../check/backends.mjs').ReceivedSpan} span */
function serviceOf({ resource }) {
  const name = resource.attributes.find(({ key }) => key === 'service.name');
  return String(name?.value.value);
}
