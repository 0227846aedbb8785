// @ts-check
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { ownPath, readJson, root, writeJson } from './cache.mjs';
import { versionsOf } from './cells.mjs';
import { run } from './run.mjs';
import { useStandIns } from './stand-ins.mjs';

/**
 * A copy of the working tree with the packages of some versions, brought up to date. What was installed stays for as
 * long as `package.json` asks for the same.
 *
 * @param {Pick<import('./cells.mjs').Cell, 'sdk' | 'undici'>} cell
 * @param {string} bin - Of a Node that the packages take.
 * @returns its folder.
 */
export async function prepareTree({ sdk, undici }, bin) {
  const tree = ownPath(`sdk${sdk}-undici${undici}`);
  mkdirSync(tree, { recursive: true });
  for (const name of readdirSync(tree)) {
    if (name !== 'node_modules') rmSync(join(tree, name), { recursive: true });
  }
  for (const file of await listFiles()) {
    cpSync(join(root, file), join(tree, file), { recursive: true, dereference: false });
  }
  const manifest = withVersions(readJson(join(root, 'package.json')), versionsOf({ sdk, undici }));
  const isAsLocked = sdk === 2 && undici === 7;
  // The lock would hold the versions back.
  if (!isAsLocked) rmSync(join(tree, 'package-lock.json'));
  writeJson(join(tree, 'package.json'), manifest);

  const installed = join(tree, 'node_modules', '.matrix.json');
  const wanted = { ...manifest, lock: isAsLocked ? hashOf(join(root, 'package-lock.json')) : null };
  if (JSON.stringify(readJson(installed)) !== JSON.stringify(wanted)) {
    rmSync(join(tree, 'node_modules'), { recursive: true, force: true });
    const args = [isAsLocked ? 'ci' : 'install', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', args, { cwd: tree, bin });
    writeJson(installed, wanted);
  }
  if (sdk === 3) useStandIns(tree);
  return tree;
}

/** @param {any} manifest @param {Record<string, string | undefined>} versions @returns {any} */
function withVersions(manifest, versions) {
  const { dependencies, devDependencies } = manifest;
  for (const [name, version] of Object.entries(versions)) {
    const group = name in dependencies ? dependencies : devDependencies;
    if (version === undefined) delete group[name];
    else group[name] = version;
  }
  return manifest;
}

/** What Git has, or would take: no builds, no packages. */
export async function listFiles() {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { output } = await run('git', args, { cwd: root });
  return output
    .split('\0')
    .filter((file) => file !== '' && file !== 'node_modules' && existsSync(join(root, file)))
    .filter((file) => !lstatSync(join(root, file)).isDirectory())
    .sort();
}

/** Says whether two runs were of the same tree. Prose counts for nothing. @returns {Promise<string>} */
export async function fingerprint() {
  const hash = createHash('sha256');
  for (const file of await listFiles()) {
    if (/^(src\/|test\/|examples\/|scripts\/matrix|package(-lock)?\.json$)/.test(file)) {
      hash.update(`${file}\0${hashOf(join(root, file))}\0`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** @param {string} path */
function hashOf(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
