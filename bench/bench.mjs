// @ts-check
// npm run bench
//
//   this process  ──forks──>  receiver.mjs                          counts what arrives
//                 ──forks──>  load.mjs, hot-path.mjs and so on      one process for each measured run
//
// Exit code 1 where signalbox did not deliver what it was sent; never for a time.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startReceiver } from './children.mjs';
import { summarize } from './results.mjs';
import { runRounds } from './rounds.mjs';
import { createScenarios } from './scenarios.mjs';
import { formatTable } from './table.mjs';

const PEER_PACKAGES = [
  '@opentelemetry/sdk-trace-base',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@opentelemetry/exporter-trace-otlp-http',
];
const RESULTS_FILE = fileURLToPath(new URL('results.json', import.meta.url));

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scenario: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    output: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

const all = createScenarios(options.quick);
const names = all.map(({ name }) => name);
const chosen = options.scenario === undefined ? all : all.filter(({ name }) => isChosen(name));
const unknown = options.scenario?.filter((name) => !names.includes(name)) ?? [];
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));

if (options.list) console.log(names.join('\n'));
else if (unknown.length > 0)
  fail(`no such scenario: ${unknown.join(', ')}; there are ${names.join(', ')}`);
else if (!Number.isInteger(rounds) || rounds < 1) fail('--rounds takes a whole number, 1 or more');
else await run();

async function run() {
  const receiver = await startReceiver();
  const startedAtMs = performance.now();
  const losses = [];
  const scenarios = [];
  try {
    for (const scenario of chosen) {
      const measured = await runRounds(scenario, { rounds, receiver, onRun: showProgress });
      losses.push(...measured.losses);
      scenarios.push(summarize(scenario, measured.rounds));
    }
  } finally {
    receiver.stop();
  }
  showProgress('');

  /** @type {import('./results.mjs').Results} */
  const results = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cores: availableParallelism(),
    rounds,
    versions: Object.fromEntries(PEER_PACKAGES.map((name) => [name, versionOf(name)])),
    scenarios,
  };
  console.log(formatTable(scenarios));
  const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
  console.log(`\n${rounds} round(s) in ${seconds} s, ${results.cores} cores, Node ${results.node}`);
  if (options.quick) console.log('Quick sizes show that it works; its times mean little.');
  save(results);

  for (const { run: name, backend, sent, delivered, stats } of losses) {
    fail(`${name}: ${backend} was sent ${sent} spans, and ${delivered} arrived`);
    if (stats !== undefined) console.error(JSON.stringify(stats));
  }
}

/** A part, or quick sizes, must not take the place of a whole measurement. @param {import('./results.mjs').Results} results */
function save(results) {
  const isWhole = !options.quick && options.scenario === undefined;
  const file = options.output ?? (isWhole ? RESULTS_FILE : undefined);
  if (file === undefined) return;
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(`written to ${file}`);
}

/** @param {string} name */
function isChosen(name) {
  return options.scenario?.includes(name) === true;
}

/** One line that is overwritten; nothing where no one watches. @param {string} text */
function showProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** @param {string} name */
function versionOf(name) {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return String(JSON.parse(readFileSync(manifest, 'utf8')).version);
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
