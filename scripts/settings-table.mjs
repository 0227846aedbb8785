// Writes the table of settings into README.md, between its two markers, from the schema in dist. With --check it writes
// nothing, and fails where the README is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { settingsTable } from '../dist/config/settings-table.js';

const file = new URL('../README.md', import.meta.url);
const readme = readFileSync(file, 'utf8');
const [before, , after, ...more] = readme.split(
  /(?<=<!-- settings:begin -->)|(?=<!-- settings:end -->)/,
);
if (before === undefined || after === undefined || more.length > 0) {
  throw new Error('README.md needs <!-- settings:begin --> and <!-- settings:end -->, once each');
}

const current = `${before}\n${settingsTable()}\n${after}`;
if (!process.argv.includes('--check')) writeFileSync(file, current);
else if (readme !== current) {
  console.error('README.md: the table of settings is out of date; run npm run docs');
  process.exitCode = 1;
}
