// @ts-check
// npm run example migration
//
//   clients  ->  service  ->  old vendor, new vendor
//
// The world around the service: its clients, the two vendors, whoever runs the migration, and the judge.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { startBackends } from '../check/backends.mjs';
import { runService } from '../check/service.mjs';
import { begin, send, traceIdOf } from './clients.mjs';
import { compare, since } from './compare.mjs';
import { createStepJudge } from './step-judge.mjs';
import { configurationOf, describeRoute, steps } from './steps.mjs';
import { createTable } from './table.mjs';

/** @typedef {import('./steps.mjs').Step} Step */
/** @typedef {import('./compare.mjs').Due} Due */

const tenants = ['acme', 'globex', 'initech'];
/** Each tenant's; every step has a further request in each of them. */
const CONVERSATIONS = 40;
/** Of each tenant, under way while the configuration changes. */
const LONG_REQUESTS = 3;

let refusals = 0;
const oldVendor = await startBackends(['old']);
const newVendor = await startBackends(['new'], () => {
  refusals -= 1;
  return refusals >= 0;
});
const folder = mkdtempSync(join(tmpdir(), 'signalbox-migration-'));
process.once('exit', () => rmSync(folder, { recursive: true }));
const file = join(folder, 'signalbox.json');

const [first] = steps;
if (first !== undefined) write(first);
const { child, ended } = runService(
  import.meta.url,
  ['--import', './telemetry.mjs', 'service.mjs'],
  {
    SIGNALBOX_CONFIG_FILE: file,
    OLD_URL: oldVendor.endpoints.SIGNALBOX_BACKEND_OLD_ENDPOINT ?? '',
    NEW_URL: newVendor.endpoints.SIGNALBOX_BACKEND_NEW_ENDPOINT ?? '',
    OLD_API_KEY: 'key-of-old',
    NEW_API_KEY: 'key-of-new',
  },
);
const { service, operator } = await addresses();

const table = createTable();
/** @type {Step | undefined} */
let previous;
/** @type {import('./compare.mjs').RouteCounts} */
let counts = {};
let seen = { old: 0, new: 0 };
const judgeStep = createStepJudge();
for (const step of steps) await take(step);

child.kill('SIGTERM');
await ended;
await Promise.all([oldVendor.stop(), newVendor.stop()]);
table.conclude();

/** Goes one step of the migration, with traffic, and judges it. @param {Step} step */
async function take(step) {
  const before = previous;
  /** @type {Due[]} */
  const requests = [];
  /** @param {string} tenant @param {string} subject @param {Step} [under] */
  const due = (tenant, subject, under = step) => {
    const request = { tenant, traceId: traceIdOf(`${tenant} ${subject}`), step: under };
    requests.push(request);
    return request;
  };

  // What is under way keeps the route that it has, whatever the configuration becomes.
  const long =
    before === undefined
      ? []
      : await Promise.all(
          eachTenant(LONG_REQUESTS, (tenant, number) =>
            begin(service, due(tenant, `long ${step.name} ${number}`, before)),
          ),
        );
  write(step);
  await operate('reload');

  if (step.newRefuses !== undefined) refusals = step.newRefuses === 'twice' ? 2 : Infinity;
  const conversations = eachTenant(CONVERSATIONS, (tenant, number) =>
    due(tenant, `conversation ${number}`),
  );
  await Promise.all([
    ...conversations.map((request) => send(service, request)),
    ...long.map((request) => request.end()),
  ]);
  await operate('flush');
  const handedBack = refusals > 0 ? await handBack(due) : [];

  const now = await settled();
  const delta = since(now.routes, counts);
  const arrivals = [...oldVendor.arrivals.slice(seen.old), ...newVendor.arrivals.slice(seen.new)];
  const tallies = tenants.map((tenant) => compare(tenant, requests, arrivals, delta));
  const faults = judgeStep(step, { requests, conversations, handedBack, arrivals, tallies });
  table.add(step.name, describeRoute(step), tallies, faults);
  counts = now.routes;
  seen = { old: oldVendor.arrivals.length, new: newVendor.arrivals.length };
  previous = step;
}

/**
 * Has the new backend answer again, and sends single requests until it has been found to be up. What is sent then is its
 * own again.
 *
 * @param {(tenant: string, subject: string) => Due} due
 */
async function handBack(due) {
  refusals = 0;
  for (let round = 1; ; round += 1) {
    const sent = tenants.map((tenant) => due(tenant, `round ${round}`));
    const { backends } = await settled();
    const isUp = backends.new?.state === 'up';
    for (const request of sent) await send(service, request);
    if (isUp) return sent;
  }
}

/** Waits until nothing is on its way, shadows' spans included. @returns {Promise<import('signalbox').RoutingStats>} */
async function settled() {
  for (;;) {
    const response = await fetch(`${operator}/-/stats`);
    const stats = /** @type {import('signalbox').RoutingStats} */ (await response.json());
    const isUnderWay = Object.values(stats.backends).some(
      ({ queued, inFlight }) => queued + inFlight > 0,
    );
    if (!isUnderWay) return stats;
    await wait(10);
  }
}

/** @param {'reload' | 'flush'} what */
async function operate(what) {
  const response = await fetch(`${operator}/-/${what}`, { method: 'POST' });
  if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
}

/** @param {Step} step */
function write(step) {
  writeFileSync(file, JSON.stringify(configurationOf(step, tenants), undefined, 2));
}

/**
 * @template T
 * @param {number} count
 * @param {(tenant: string, number: number) => T} make
 */
function eachTenant(count, make) {
  return tenants.flatMap((tenant) =>
    Array.from({ length: count }, (_, number) => make(tenant, number)),
  );
}

/** Where the service listens, for its clients and for whoever runs it. */
async function addresses() {
  /** @type {string[]} */
  const found = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/\S+/.exec(line)?.[0];
    if (address !== undefined) found.push(address);
    const [service, operator] = found;
    if (service !== undefined && operator !== undefined) return { service, operator };
  }
  throw new Error('The service has ended before it listened.');
}
