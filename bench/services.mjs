// @ts-check
// How many requests a second a service answers without telemetry, with a processor that does nothing, and with signalbox: each
// service is a process of its own, and a client asks them in turn, a few thousand requests at a time, so that whatever
// the machine does meanwhile falls on all alike.
//
//   node services.mjs '{ "framework": "express", ... }'

import { ask, start } from './children.mjs';
import { median } from './statistics.mjs';
import { backendName } from './subjects/subject.mjs';

/**
 * What is to be run.
 *
 * @typedef {object} ServicesOptions
 * @property {import('./service.mjs').ServiceOptions['framework']} framework
 * @property {number} backends
 * @property {number} connections kept alive while a service is asked, each with one request at a time
 * @property {number} turns of each service
 * @property {number} requests of a turn, rounded up, so that each connection asks for each tenant equally often
 */

/** @typedef {ServicesOptions & { receiverUrl: string }} ServicesSpec */

/**
 * Medians of the turns: `cpuUs...` is user and system, of all of the service's threads, for each request. What a turn's requests have
 * made is delivered within it, and the time of that is part of it.
 *
 * @typedef {import('./service.mjs').ServiceAccount & Record<`${'perSecond' | 'cpuUs'}${'Bare' | 'Noop' | 'Signalbox'}`, number>} ServicesResult
 */

/** @typedef {{ process: import('node:child_process').ChildProcess, url: string, perSecond: number[], cpuUs: number[] }} Service */

const TENANT_HEADER = 'x-tenant';

/**
 * V8 sizes the young generation by what survives while modules are loaded, and on the way decides which of an application's
 * objects it makes as old from then on. In so small a service that depends on a module more or less. An application of some
 * size has the full one.
 */
const FLAGS = ['--min-semi-space-size=16'];

/** Of each service, before anything is measured. */
const WARM_UP_TURNS = 2;

/** @type {ServicesSpec} */
const spec = JSON.parse(process.argv[2] ?? '');
const { connections } = spec;
const tenants = Array.from({ length: spec.backends }, (_, index) => backendName(index));
const round = connections * tenants.length;
const requests = Math.ceil(spec.requests / round) * round;
const client = start('http-client.mjs', [], []);

/** @param {import('./service.mjs').ServiceOptions['subject']} subject @returns {Promise<Service>} */
async function open(subject) {
  const { framework, backends, receiverUrl } = spec;
  const serviceSpec = { subject, framework, backends, receiverUrl, tenantHeader: TENANT_HEADER };
  const child = start('service.mjs', [JSON.stringify(serviceSpec)], FLAGS);
  return { process: child, url: String(await ask(child)), perSecond: [], cpuUs: [] };
}

/** @param {Service} service @param {boolean} isMeasured */
async function takeTurn(service, isMeasured) {
  const cpuBefore = Number(await ask(service.process, 'cpu'));
  /** @type {import('./http-client.mjs').ClientTask} */
  const task = { url: service.url, connections, tenants, tenantHeader: TENANT_HEADER, requests };
  const answer = /** @type {import('./http-client.mjs').ClientAnswer} */ (await ask(client, task));
  const answeredAtMs = performance.now();
  await ask(service.process, 'flush');
  const seconds = answer.seconds + (performance.now() - answeredAtMs) / 1_000;
  const cpuUs = Number(await ask(service.process, 'cpu')) - cpuBefore;
  if (!isMeasured) return;
  service.perSecond.push(requests / seconds);
  service.cpuUs.push(cpuUs / requests);
}

/** @returns {Promise<ServicesResult>} */
async function measure() {
  const [bare, noop, signalbox] = [
    await open('bare'),
    await open('creation'),
    await open('signalbox'),
  ];
  const services = [bare, noop, signalbox];
  for (let turn = -WARM_UP_TURNS; turn < spec.turns; turn += 1) {
    for (const service of services) await takeTurn(service, turn >= 0);
    // Not always after the same one.
    services.reverse();
  }
  const account = /** @type {import('./service.mjs').ServiceAccount} */ (
    await ask(signalbox.process, 'stop')
  );
  return {
    ...account,
    perSecondBare: median(bare.perSecond),
    perSecondNoop: median(noop.perSecond),
    perSecondSignalbox: median(signalbox.perSecond),
    cpuUsBare: median(bare.cpuUs),
    cpuUsNoop: median(noop.cpuUs),
    cpuUsSignalbox: median(signalbox.cpuUs),
  };
}

const result = await measure();
process.send?.(result, () => process.exit());
