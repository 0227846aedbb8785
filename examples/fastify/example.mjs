// @ts-check
// npm run example fastify
//
// The world around server.mjs: its clients, its backends, and the judge.

import { startBackends } from '../check/backends.mjs';
import { conclude } from '../check/conclude.mjs';
import { startServer } from '../check/service.mjs';

const ROUNDS = 40;

/** Who asks, and in which region their telemetry has to stay. */
const customers = [
  { name: 'acme', token: 'token-1', region: 'eu' },
  { name: 'globex', token: 'token-2', region: 'us' },
];

const backends = await startBackends(['eu', 'us']);
const server = await startServer(
  import.meta.url,
  ['--env-file=signalbox.env', '--import', './telemetry.mjs', 'server.mjs'],
  backends.endpoints,
);

const requests = Array.from({ length: ROUNDS }, (_, round) =>
  customers.map((customer) => ({ ...customer, marker: `${customer.name}-${round}` })),
).flat();
console.log(`\n${requests.length} requests at once, GET /reports/<customer>-<number>.`);
await Promise.all(
  requests.map(async ({ marker, token }) => {
    const response = await fetch(`${server.url}/reports/${marker}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await response.text();
  }),
);
await server.stop();
await backends.stop();

conclude(
  backends.arrivals,
  requests.map(({ marker, region }) => ({
    marker,
    homes: [region],
    spans: [
      'GET /reports/:id',
      'request',
      'onRequest - signalbox',
      'SELECT accounts',
      'handler - fastify -> @fastify/otel -> signalbox',
      'SELECT rows',
      'SELECT rows',
    ],
  })),
);
