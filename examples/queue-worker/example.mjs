// @ts-check
// npm run example queue-worker
//
// The world around worker.mjs: those who send messages, its backends, and the judge.

import { randomBytes } from 'node:crypto';
import { startBackends } from '../check/backends.mjs';
import { conclude } from '../check/conclude.mjs';
import { runService } from '../check/service.mjs';

const ROUNDS = 40;
const BATCH = 12;

/** Whose messages there are, and where their telemetry belongs. */
const tenants = [
  { name: 'acme', homes: ['acme'] },
  { name: 'globex', homes: ['globex', 'platform'] },
  { name: 'initech', homes: ['platform'] },
];

const backends = await startBackends(['platform', 'acme', 'globex']);
const worker = runService(
  import.meta.url,
  ['--env-file=signalbox.env', '--import', './telemetry.mjs', 'worker.mjs'],
  backends.endpoints,
);

const messages = Array.from({ length: ROUNDS }, (_, round) =>
  tenants.map((tenant, number) => ({
    ...tenant,
    marker: `${tenant.name}-${round}`,
    // Some messages name their tenant, and some an invoice of its.
    isNamed: (round + number) % 2 === 0,
  })),
).flat();
console.log(
  `\n${messages.length} messages of ${tenants.length} tenants, ${BATCH} in a batch, all of a batch at once.`,
);
for (const { name, marker, isNamed } of messages) {
  const message = {
    id: marker,
    headers: { traceparent: `00-${hex(16)}-${hex(8)}-01` },
    ...(isNamed ? { tenant: name } : { invoice: marker }),
  };
  worker.child.stdin.write(`${JSON.stringify(message)}\n`);
}
worker.child.stdin.end();
await worker.ended;
await backends.stop();

conclude(backends.arrivals, [
  ...messages.map(({ marker, homes, isNamed }) => ({
    marker,
    homes,
    spans: ['process', ...(isNamed ? [] : ['SELECT invoices']), 'UPDATE invoices'],
  })),
  { marker: '', homes: ['platform'], spans: Array(messages.length / BATCH).fill('receive') },
]);

/** @param {number} bytes */
function hex(bytes) {
  return randomBytes(bytes).toString('hex');
}
