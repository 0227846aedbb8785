// @ts-check
// What a user of these versions gets: the packed package, installed without force, under the compiler and under register.

import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownPath, readJson, root, writeJson } from './cache.mjs';
import { run } from './run.mjs';

const packages = {
  2: ['@opentelemetry/api@1.9', '@opentelemetry/sdk-trace-node@2'],
  3: [
    '@opentelemetry/api@1.10',
    '@opentelemetry/sdk-trace@3',
    '@opentelemetry/context-async-hooks@3',
  ],
};

/** In place of consumer/sdk.ts, which is that of SDK 2. */
const sdk3 = `export {
  InMemorySpanExporter,
  TracerProvider as Provider,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
`;

/**
 * Installs the package as an application of these versions would, checks the application's types, and runs it.
 *
 * @param {import('./cells.mjs').Cell} cell
 * @param {string} bin - Of its Node.
 * @param {string} built - A tree whose `dist` is what would be published.
 * @returns {Promise<string | undefined>} what went wrong.
 */
export async function tryConsumer({ sdk, undici }, bin, built) {
  const folder = ownPath(`consumer-sdk${sdk}-undici${undici}`);
  const { devDependencies } = readJson(join(root, 'package.json'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeJson(join(folder, 'package.json'), { private: true, type: 'module' });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: built, bin });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const tools = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  const wanted = [`./${tarball}`, ...packages[sdk], `undici@${undici}`, ...tools];
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const installed = await run('npm', ['install', ...flags, ...wanted], {
    cwd: folder,
    bin,
    mayFail: true,
  });
  if (installed.code !== 0) return `install: ${tail(installed.output)}`;

  cpSync(fileURLToPath(new URL('consumer', import.meta.url)), folder, { recursive: true });
  if (sdk === 3) writeFileSync(join(folder, 'sdk.ts'), sdk3);
  const options =
    '--noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2023 --types node';
  const args = ['node_modules/typescript/bin/tsc', ...options.split(' '), 'consumer.ts'];
  const checked = await run('node', args, { cwd: folder, bin, mayFail: true });
  if (checked.code !== 0) return `types: ${tail(checked.output)}`;

  const served = await run('node', ['service.mjs'], { cwd: folder, bin, mayFail: true });
  return served.code === 0 ? undefined : `register: ${tail(served.output)}`;
}

/** @param {string} output */
function tail(output) {
  return output.trim().slice(-3000);
}
