// @ts-check
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './cache.mjs';
import { cells, exclusions, nameOf } from './cells.mjs';

/**
 * What is known of a cell.
 *
 * @typedef {object} CellResult
 * @property {string} date - When it ran, as `2026-11-21`.
 * @property {Record<string, string>} versions - Of Node, the API, the SDK and undici.
 * @property {import('./suite.mjs').SuiteResult} suite
 * @property {string} [consumer] - What an application of these versions met with, where that was a problem.
 */

/** @param {CellResult} result */
export function isGood({ suite, consumer }) {
  return suite.failed === 0 && suite.passed > 0 && consumer === undefined;
}

/** @param {Record<string, CellResult>} results - By the cells' names. */
export function formatTable(results) {
  const rows = cells.flatMap((cell) => {
    const result = results[nameOf(cell)];
    if (result === undefined) return [];
    const { versions, suite, date } = result;
    const outcome = isGood(result) ? 'passed' : 'failed';
    const tests =
      suite.failed === 0 ? `${suite.passed}` : `${suite.passed}, ${suite.failed} failed`;
    const columns = [
      versions.node,
      versions.sdk,
      versions.api,
      versions.undici,
      tests,
      outcome,
      date,
    ];
    return [`| ${columns.join(' | ')} |`];
  });
  return [
    '| Node | SDK | API | undici | tests | | on |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** What the cells leave out, and why. */
export function formatExclusions() {
  return exclusions.map((exclusion) => {
    const { file, because, holds } = exclusion;
    const all = cells.filter(holds).map(nameOf);
    return `- \`${file}\` is left out of ${all.join(', ')}: ${because}`;
  });
}

/** Puts the table into the README, between its two markers. @param {Record<string, CellResult>} results */
export function writeReadme(results) {
  const path = join(root, 'README.md');
  const parts = readFileSync(path, 'utf8').split(
    /(?<=<!-- matrix:begin -->)|(?=<!-- matrix:end -->)/,
  );
  if (parts.length !== 3) {
    throw new Error('README.md needs <!-- matrix:begin --> and <!-- matrix:end -->, once each');
  }
  writeFileSync(path, `${parts[0]}\n${formatTable(results)}\n${parts[2]}`);
}
