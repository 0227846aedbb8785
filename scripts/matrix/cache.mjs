// @ts-check
// What the matrix keeps outside of the tree: Nodes, copies of the tree with their packages, and results.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

/** The tree that is tested. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'signalbox', 'matrix');

/** A place of this tree's own: several working trees may be tested at once. @param {string[]} parts */
export function ownPath(...parts) {
  return join(cache, createHash('sha256').update(root).digest('hex').slice(0, 8), ...parts);
}

/**
 * The newest Node of a major version, from the package `node` of the registry.
 *
 * @param {number} major
 * @returns the folder that has its binary.
 */
export async function findNode(major) {
  const folder = join(cache, `node-${major}`);
  const binaries = join(folder, 'node_modules', 'node', 'bin');
  if (!existsSync(join(binaries, 'node'))) {
    writeJson(join(folder, 'package.json'), { private: true });
    // Its install script fetches the package of this platform, which has the binary.
    const args = ['install', '--ignore-scripts=false', '--no-audit', '--no-fund', `node@${major}`];
    await run('npm', args, { cwd: folder });
  }
  return binaries;
}

/** @param {string} path @returns {any} its JSON; `undefined` where there is no such file. */
export function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** @param {string} path @param {unknown} value */
export function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
