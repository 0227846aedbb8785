// @ts-check
// npm run example express
//
// The world around server.mjs: its clients, its backends, and the judge.

import { startBackends } from '../check/backends.mjs';
import { conclude } from '../check/conclude.mjs';
import { startServer } from '../check/service.mjs';

const ROUNDS = 25;

/** Who asks, and where their telemetry belongs: written down apart from SIGNALBOX_ROUTES, so that a wrong route shows. */
const callers = [
  { name: 'acme', apiKey: 'api-key-1', homes: ['acme'] },
  { name: 'globex', apiKey: 'api-key-2', homes: ['standard', 'acme'] },
  { name: 'initech', apiKey: 'api-key-3', homes: ['standard'] },
  { name: 'stranger', apiKey: 'guessed', homes: ['standard'] },
];

const backends = await startBackends(['standard', 'acme']);
const server = await startServer(
  import.meta.url,
  ['--env-file=signalbox.env', '--import', './telemetry.mjs', 'server.mjs'],
  backends.endpoints,
);

const requests = Array.from({ length: ROUNDS }, (_, round) =>
  callers.map((caller) => ({ ...caller, marker: `${caller.name}-${round}` })),
).flat();
console.log(`\n${requests.length} requests at once, GET /orders/<tenant>-<number>.`);
await Promise.all(
  requests.map(async ({ marker, apiKey }) => {
    const response = await fetch(`${server.url}/orders/${marker}`, {
      headers: { 'x-api-key': apiKey },
    });
    await response.text();
  }),
);
await server.stop();
await backends.stop();

const refused = ['GET', 'middleware - authenticate', 'SELECT api_keys'];
const served = [
  'GET /orders/:id',
  'middleware - authenticate',
  'SELECT api_keys',
  'request handler',
  'SELECT orders',
];
conclude(
  backends.arrivals,
  requests.map(({ name, marker, homes }) => ({
    marker,
    homes,
    spans: name === 'stranger' ? refused : served,
  })),
);
