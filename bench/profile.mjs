// @ts-check
// npm run bench:profile -- backends-64 [peer]
//
// Where the time of one run goes, by V8's sampling profiler, from its start to its end: what the table of the benchmark does not say.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure, startReceiver } from './children.mjs';
import { createScenarios } from './scenarios.mjs';

/** @typedef {import('node:inspector').Profiler.Profile} Profile */

const SAMPLING_INTERVAL_US = 200;

/** What the time is told by: the first that a function's script, or its own name, matches. @type {readonly [string, RegExp][]} */
const GROUPS = [
  ['signalbox: encoding', /\/dist\/encoding\//],
  ['signalbox: routing', /\/dist\/(routing|boundary)\//],
  ['signalbox: queues, batches', /\/dist\/exporter\//],
  ['signalbox: sending', /\/dist\/transport\//],
  ['signalbox: accounting and the rest', /\/dist\//],
  ['HTTP client', /\/node_modules\/undici\//],
  ['OTLP serializer and exporter', /\/node_modules\/@opentelemetry\/(otlp-|exporter-)/],
  ['OpenTelemetry: spans, context', /\/node_modules\/@opentelemetry\//],
  ['what is measured with', /\/bench\//],
  ['writes to sockets', /^(writev?|writeBuffer|writeLatin1String|writeUtf8String)$/],
  ['garbage collector, main thread', /^\(garbage collector\)$/],
  ['idle', /^\(idle\)$/],
];

const [name = '', runName = 'signalbox'] = process.argv.slice(2);
const scenario = createScenarios(false).find((each) => each.name === name);
const run = scenario?.runs[runName];
if (run === undefined) {
  console.error(
    'usage: npm run bench:profile -- <scenario> [run]; npm run bench -- --list names the scenarios',
  );
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'bench-profile-'));
try {
  const spans = await profile(run);
  const [file = ''] = readdirSync(folder);
  print(readProfile(join(folder, file)), spans);
} finally {
  rmSync(folder, { recursive: true });
}

/** @param {import('./scenario.mjs').Run} measured @returns {Promise<number>} how many spans it made, the warm-up included */
async function profile({ script, spec, flags = [], behaviour = {} }) {
  const receiver = await startReceiver();
  await receiver.reset(behaviour);
  try {
    await measure(script, { ...spec, receiverUrl: receiver.url }, [
      ...flags,
      '--cpu-prof',
      `--cpu-prof-dir=${folder}`,
      `--cpu-prof-interval=${SAMPLING_INTERVAL_US}`,
    ]);
  } finally {
    receiver.stop();
  }
  const { spans = Number.NaN, warmUpSpans = 0 } =
    /** @type {{ spans?: number, warmUpSpans?: number }} */ (spec);
  return spans + warmUpSpans;
}

/** @param {string} path @returns {Map<string, number>} microseconds by group */
function readProfile(path) {
  /** @type {Profile} */
  const { nodes, samples = [], timeDeltas = [] } = JSON.parse(readFileSync(path, 'utf8'));
  const groups = new Map(nodes.map(({ id, callFrame }) => [id, groupOf(callFrame)]));
  /** @type {Map<string, number>} */
  const times = new Map();
  for (const [index, id] of samples.entries()) {
    const group = groups.get(id) ?? '';
    times.set(group, (times.get(group) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return times;
}

/** @param {import('node:inspector').Runtime.CallFrame} frame */
function groupOf({ functionName, url }) {
  const found = GROUPS.find(([, pattern]) => pattern.test(url === '' ? functionName : url));
  return found?.[0] ?? 'Node and V8';
}

/** @param {Map<string, number>} times @param {number} spans */
function print(times, spans) {
  const total = Array.from(times.values()).reduce((sum, each) => sum + each, 0);
  for (const [group, time] of [...times].sort(([, one], [, other]) => other - one)) {
    const each = `${(time / spans).toFixed(2)} µs per span`;
    console.log(
      `${group.padEnd(36)} ${each.padStart(18)} ${((100 * time) / total).toFixed(0).padStart(4)} %`,
    );
  }
}
