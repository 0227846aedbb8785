// @ts-check
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readJson } from './cache.mjs';
import { exclusions } from './cells.mjs';
import { run } from './run.mjs';

/**
 * What the suite came to in one cell.
 *
 * @typedef {object} SuiteResult
 * @property {number} passed - Tests.
 * @property {number} failed
 * @property {string[]} failures - What failed, by file and name.
 */

/**
 * Runs the suite of a tree.
 *
 * @param {string} tree
 * @param {import('./cells.mjs').Cell} cell
 * @param {string} bin - Of its Node.
 * @param {readonly string[]} only - Paths; all of it where there are none.
 * @returns {Promise<SuiteResult>}
 */
export async function runSuite(tree, cell, bin, only) {
  const report = join(tree, 'matrix-report.json');
  rmSync(report, { force: true });
  const left = exclusions.filter(({ holds }) => holds(cell));
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=json',
    `--outputFile=${report}`,
    ...left.map(({ file }) => `--exclude=${file}`),
    ...only,
  ];
  const { output } = await run('node', args, { cwd: tree, bin, mayFail: true });
  const json = readJson(report);
  if (json === undefined) throw new Error(`the suite has not run:\n${output.slice(-4000)}`);
  /** @type {string[]} */
  const failures = json.testResults.flatMap((/** @type {any} */ file) => failuresOf(file, tree));
  return { passed: json.numPassedTests, failed: failures.length, failures };
}

/** @param {any} file @param {string} tree @returns {string[]} */
function failuresOf({ name, status, message, assertionResults }, tree) {
  const path = relative(tree, name);
  const failed = assertionResults.filter((/** @type {any} */ test) => test.status === 'failed');
  // One that could not be loaded has no tests.
  if (failed.length === 0) return status === 'failed' ? [`${path}: ${firstLine(message)}`] : [];
  return failed.map((/** @type {any} */ test) => {
    return `${path}: ${test.fullName}: ${firstLine(test.failureMessages[0] ?? '')}`;
  });
}

/** @param {string} text */
function firstLine(text) {
  return text.split('\n', 1).join('').slice(0, 300);
}
