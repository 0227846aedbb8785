// @ts-check
// npm run example ai-chat
//
// The world around server.mjs: its clients, its backends, and the judge.

import { startBackends } from '../check/backends.mjs';
import { conclude } from '../check/conclude.mjs';
import { startServer } from '../check/service.mjs';

const ROUNDS = 20;

/** Who chats, and at which Braintrust deployment and in which project their prompts belong. */
const tenants = [
  { name: 'acme', session: 'session-1', home: 'acme', parent: 'project_name:acme-chat' },
  { name: 'globex', session: 'session-2', home: 'globex', parent: 'project_name:globex-chat' },
];

const backends = await startBackends(['operations', 'acme', 'globex']);
const server = await startServer(
  import.meta.url,
  ['--env-file=signalbox.env', '--import', 'signalbox/register', 'server.mjs'],
  backends.endpoints,
);

const chats = Array.from({ length: ROUNDS }, (_, round) =>
  tenants.map((tenant) => ({ ...tenant, marker: `${tenant.name}-${round}` })),
).flat();
console.log(
  `\n${chats.length} chats at once, POST /chats/<tenant>-<number>, and as many health checks.`,
);
await Promise.all(
  chats.flatMap(({ marker, session }) => [
    exchange('/health'),
    exchange(`/chats/${marker}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${session}` },
      body: `Good morning, I am ${marker}.`,
    }),
  ]),
);
await server.stop();
await backends.stop();

conclude(backends.arrivals, [
  ...chats.map(({ marker, home }) => ({
    marker,
    homes: [home],
    spans: ['POST', 'ai.streamText', 'ai.streamText.doStream'],
  })),
  { marker: '', homes: ['operations'], spans: Array(chats.length).fill('GET') },
]);
checkPrompts();

/**
 * @param {string} path
 * @param {RequestInit} [init]
 */
async function exchange(path, init) {
  const response = await fetch(server.url + path, init);
  await response.text();
}

/** Prompts are what may least of all go astray: each span that has one has to be in its tenant's own project. */
function checkPrompts() {
  const prompts = backends.arrivals.flatMap(({ backend, span, headers }) =>
    span.attributes
      .filter(({ key }) => key === 'ai.prompt' || key === 'ai.prompt.messages')
      .map(({ value }) => ({
        backend,
        prompt: String(value.value),
        project: headers['x-bt-parent'],
      })),
  );
  const astray = prompts.filter(({ backend, prompt, project }) => {
    const owner = tenants.find(({ name }) => prompt.includes(`I am ${name}-`));
    return owner?.home !== backend || owner.parent !== project;
  });
  console.log(
    `${prompts.length} prompts were recorded, of which ${astray.length} are not in their tenant's Braintrust project.`,
  );
  if (prompts.length === 0 || astray.length > 0) process.exitCode = 1;
}
