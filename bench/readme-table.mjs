// @ts-check
// Writes the results, as results.json has them, into README.md, between its two markers. With --check it writes
// nothing, and fails where the README is out of date.
//
//   node bench/readme-table.mjs [--check] [results.json [README.md]]

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatTable } from './table.mjs';

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [
  resultsFile = new URL('results.json', import.meta.url),
  readmeFile = new URL('../README.md', import.meta.url),
] = positionals;

/** @type {import('./results.mjs').Results} */
const results = JSON.parse(readFileSync(resultsFile, 'utf8'));
const readme = readFileSync(readmeFile, 'utf8');
const [before, , after, ...more] = readme.split(/(?<=<!-- bench:begin -->)|(?=<!-- bench:end -->)/);
if (before === undefined || after === undefined || more.length > 0) {
  throw new Error('README.md needs <!-- bench:begin --> and <!-- bench:end -->, once each');
}

const current = `${before}\n${describe()}\n\n${formatTable(results.scenarios)}\n${after}`;
if (!values.check) writeFileSync(readmeFile, current);
else if (readme !== current) {
  console.error('README.md: the benchmark is out of date; run node bench/readme-table.mjs');
  process.exitCode = 1;
}

function describe() {
  const { date, node, cores, rounds, versions } = results;
  const peers = Object.entries(versions)
    .map(([name, version]) => `\`${name}\` ${version}`)
    .join(', ');
  return [
    '![What a span costs with the peer and with signalbox](docs/bench.svg)',
    '',
    `Measured on ${date}, ${cores} cores, Node ${node.slice(1)}, medians of ${rounds} rounds, and in brackets how far the`,
    `rounds' ratios lie apart. The peer is a filter, a \`BatchSpanProcessor\` and an OTLP exporter for each backend (${peers});`,
    'for the services it is a processor that does nothing.',
  ].join('\n');
}
