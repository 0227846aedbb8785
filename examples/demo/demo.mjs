// @ts-check
// npm run demo
//
//   clients  ->  service.mjs, with signalbox  ->  /standard/otel/v1/traces
//   (many tenants at once)                    ->  /byoc/otel/v1/traces
//
// One receiver on loopback stands for two Braintrust deployments. This process is the world around the
// service: its clients, the model that it calls, the receiver, and the judge. The service is a process of its own.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
// The receiver is no part of the public API; an application has no use for one.
import { createReceiver } from '../../dist/receiver/receiver.js';
import { createReport } from './report.mjs';
import { backendKeys, tenants } from './tenants.mjs';
import { sendRequests, startModel } from './traffic.mjs';

const REQUESTS = 4_000;
const CONCURRENCY = 25;

const report = createReport();
const receiver = createReceiver({
  onRequest(request, httpStatus) {
    if (httpStatus === 200) report.add(request);
  },
  // A deployment takes nothing that comes with another's credentials.
  answer({ backend, headers }) {
    const expected = `Bearer ${backendKeys[backend ?? '']}`;
    return headers.authorization === expected ? undefined : { status: 401 };
  },
});
const { url: receiverUrl } = await receiver.start();
const model = await startModel();

/** All that tells the service where its telemetry belongs. */
const settings = {
  SIGNALBOX_BACKENDS: 'standard,byoc',
  SIGNALBOX_ROUTES: 'initech=standard,acme=byoc,umbrella=byoc',
  SIGNALBOX_DEFAULT_ROUTE: 'standard',
  SIGNALBOX_UNKNOWN_ROUTE: 'default',
  SIGNALBOX_BACKEND_STANDARD_PRESET: 'braintrust',
  SIGNALBOX_BACKEND_STANDARD_ENDPOINT: `${receiverUrl}/standard`,
  SIGNALBOX_BACKEND_STANDARD_API_KEY: backendKeys.standard,
  SIGNALBOX_BACKEND_STANDARD_PARENT: 'project_name:demo',
  SIGNALBOX_BACKEND_BYOC_PRESET: 'braintrust',
  SIGNALBOX_BACKEND_BYOC_ENDPOINT: `${receiverUrl}/byoc`,
  SIGNALBOX_BACKEND_BYOC_API_KEY: backendKeys.byoc,
  SIGNALBOX_BACKEND_BYOC_PARENT: 'project_name:demo',
  SIGNALBOX_BACKEND_BYOC_PROTOCOL: 'http/json',
  SIGNALBOX_BACKEND_BYOC_COMPRESSION: 'gzip',
  // Sooner than the default of 5 s, so that there is something to see.
  OTEL_BSP_SCHEDULE_DELAY: '500',
};

console.log('The service is configured by its environment:\n');
for (const [name, value] of Object.entries(settings)) {
  console.log(`  ${name}=${name.endsWith('_API_KEY') ? '...' : value}`);
}
const names = tenants.map(({ name }) => name).join(', ');
console.log(`\n${count(REQUESTS)} requests, ${CONCURRENCY} at a time, of ${names}:\n`);

const service = fork(fileURLToPath(new URL('service.mjs', import.meta.url)), {
  execArgv: ['--import', new URL('telemetry.mjs', import.meta.url).href],
  env: { ...withoutTelemetry(process.env), ...settings, DEMO_MODEL_URL: model.url },
});
const failEarly = () => {
  console.error('The service has stopped before it was told to.');
  process.exit(1);
};
service.once('disconnect', failEarly);
const [{ address }] = await once(service, 'message');

const show = process.stdout.isTTY ? showInPlace() : showBelow();
const timer = setInterval(() => show(report.table()), process.stdout.isTTY ? 200 : 1_000);
await sendRequests(`http://127.0.0.1:${address.port}`, {
  total: REQUESTS,
  concurrency: CONCURRENCY,
});
service.send('stop');
const [{ madeSpanIds, stats }] = await once(service, 'message');
service.off('disconnect', failEarly);
clearInterval(timer);
show(report.table());
model.stop();
await receiver.stop();

const { made, atHome, elsewhere, lost, repeated } = report.judge(madeSpanIds);
console.log(`
${count(made)} spans were made: ${count(atHome)} arrived where they belong, ${count(elsewhere)} elsewhere, ${count(lost)} nowhere.
The receiver judges that, by the tenant in each span's path. What signalbox itself counted (stats()):
  ${count(stats.ended)} ended, ${count(stats.routed)} routed, dropped ${JSON.stringify(stats.dropped)}`);
for (const [name, { delivered, dropped }] of Object.entries(stats.backends)) {
  console.log(`  ${name}: ${count(delivered)} delivered, dropped ${JSON.stringify(dropped)}`);
}
if (repeated > 0) console.log(`${count(repeated)} arrived more than once.`);

process.exitCode = made > 0 && elsewhere === 0 && lost === 0 ? 0 : 1;

/** @param {number} number */
function count(number) {
  return number.toLocaleString('en');
}

/**
 * The environment without settings of the caller's own telemetry.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function withoutTelemetry(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(OTEL|SIGNALBOX|BRAINTRUST)_/.test(name)),
  );
}

/** Writes each table over the one before. */
function showInPlace() {
  let height = 0;
  return (/** @type {string[]} */ table) => {
    if (height > 0) process.stdout.write(`\x1b[${height}A\x1b[J`);
    console.log(table.join('\n'));
    height = table.length;
  };
}

/** Writes each table below the one before, with one header for all; for a log, which has no cursor. */
function showBelow() {
  let shown = 0;
  return (/** @type {string[]} */ table) => {
    console.log(table.slice(shown === 0 ? 0 : 1).join('\n'));
    shown += 1;
  };
}
