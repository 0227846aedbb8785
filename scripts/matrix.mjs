// @ts-check
// npm run test:matrix [-- --node 22 --sdk 3 --undici 8] [--only test/routing] [--quick] [--readme]
//
// Runs the suite with each combination of Node, OpenTelemetry's SDK and undici, each in a copy of the tree with packages of
// its own, and has an application of these versions compiled and run. Exit code 1 where anything failed. Nothing is written
// to the tree, but by --readme its table of what passed.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findNode, ownPath, readJson, writeJson } from './matrix/cache.mjs';
import { cells, nameOf } from './matrix/cells.mjs';
import { tryConsumer } from './matrix/consumer.mjs';
import { run } from './matrix/run.mjs';
import { runSuite } from './matrix/suite.mjs';
import { formatExclusions, formatTable, isGood, writeReadme } from './matrix/table.mjs';
import { fingerprint, prepareTree } from './matrix/tree.mjs';

const { values: options } = parseArgs({
  options: {
    node: { type: 'string', multiple: true },
    sdk: { type: 'string', multiple: true },
    undici: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
  },
});

// The two ends, and of the suite the rooms that meet the SDK and undici.
const quickCells = ['node20-sdk2-undici7', 'node24-sdk3-undici8'];
const quickRooms = ['test/routing', 'test/encoding', 'test/transport', 'test/register'];

const only = options.quick && options.only.length === 0 ? quickRooms : options.only;
const chosen = cells.filter(
  (cell) =>
    (!options.quick || quickCells.includes(nameOf(cell))) &&
    (options.node?.includes(`${cell.node}`) ?? true) &&
    (options.sdk?.includes(`${cell.sdk}`) ?? true) &&
    (options.undici?.includes(`${cell.undici}`) ?? true),
);
if (chosen.length === 0) throw new Error('no such combination can be run');

// Results of the whole suite are kept, as long as the tree is the same, so that cells can be run one at a time.
const store = ownPath('results.json');
const tree = await fingerprint();
const kept = readJson(store);
/** @type {Record<string, import('./matrix/table.mjs').CellResult>} */
const results = kept?.tree === tree && only.length === 0 ? kept.results : {};

const built = await build();
for (const cell of chosen) {
  console.log(`${nameOf(cell)} ...`);
  const result = await runCell(cell);
  results[nameOf(cell)] = result;
  if (only.length === 0) writeJson(store, { tree, results });
  for (const failure of result.suite.failures) console.log(`  ${failure}`);
  if (result.consumer !== undefined) console.log(`  an application: ${result.consumer}`);
}

console.log(['', formatTable(results), '', ...formatExclusions()].join('\n'));
if (!chosen.every((cell) => isGood(results[nameOf(cell)] ?? fail()))) process.exitCode = 1;
if (options.readme && only.length === 0) writeReadme(results);

/** What would be published is built once, with the versions of the lock. */
async function build() {
  const bin = await findNode(22);
  const folder = await prepareTree({ sdk: 2, undici: 7 }, bin);
  await run('npm', ['run', 'build'], { cwd: folder, bin });
  return folder;
}

/** @param {import('./matrix/cells.mjs').Cell} cell */
async function runCell(cell) {
  const bin = await findNode(cell.node);
  const isBuilt = cell.sdk === 2 && cell.undici === 7;
  const folder = isBuilt ? built : await prepareTree(cell, bin);
  if (!isBuilt) cpSync(join(built, 'dist'), join(folder, 'dist'), { recursive: true });
  const consumer = await tryConsumer(cell, bin, built);
  const suite = await runSuite(folder, cell, bin, only);
  const version = (/** @type {string} */ name) =>
    readJson(join(folder, 'node_modules', name, 'package.json')).version;
  const versions = {
    node: (await run('node', ['--version'], { cwd: folder, bin })).output.trim().slice(1),
    sdk: version(cell.sdk === 2 ? '@opentelemetry/sdk-trace-base' : '@opentelemetry/sdk-trace'),
    api: version('@opentelemetry/api'),
    undici: version('undici'),
  };
  const date = new Date().toISOString().slice(0, 10);
  return { date, versions, suite, ...(consumer !== undefined && { consumer }) };
}

/** @returns {never} */
function fail() {
  throw new Error('a cell has no result');
}
