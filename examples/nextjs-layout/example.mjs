// @ts-check
// npm run example nextjs-layout
//
// The world around the application: its clients, its backends, and the judge.

import { startBackends } from '../check/backends.mjs';
import { conclude } from '../check/conclude.mjs';
import { startServer } from '../check/service.mjs';

const ROUNDS = 25;

/** Who asks, and where their telemetry belongs: written down apart from SIGNALBOX_ROUTES, so that a wrong route shows. */
const callers = [
  { name: 'acme', session: 'session-1', homes: ['acme'] },
  { name: 'globex', session: 'session-2', homes: ['standard', 'acme'] },
  { name: 'initech', session: 'session-3', homes: ['standard'] },
  { name: 'stranger', session: 'guessed', homes: ['standard'] },
];

const backends = await startBackends(['standard', 'acme']);
const server = await startServer(
  import.meta.url,
  ['--env-file=signalbox.env', 'next.mjs'],
  backends.endpoints,
);

const requests = Array.from({ length: ROUNDS }, (_, round) =>
  callers.map((caller) => ({ ...caller, marker: `${caller.name}-${round}` })),
).flat();
console.log(`\n${requests.length} requests at once, GET /api/notes/<tenant>-<number>.`);
await Promise.all(
  requests.map(async ({ marker, session }) => {
    const response = await fetch(`${server.url}/api/notes/${marker}`, {
      headers: { authorization: `Bearer ${session}` },
    });
    await response.text();
  }),
);
await server.stop();
await backends.stop();

const refused = [
  'GET /api/notes/[id]',
  'executing api route (app) /api/notes/[id]',
  'SELECT sessions',
];
conclude(
  backends.arrivals,
  requests.map(({ name, marker, homes }) => ({
    marker,
    homes,
    spans: name === 'stranger' ? refused : [...refused, 'SELECT notes'],
  })),
);
