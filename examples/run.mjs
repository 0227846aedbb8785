// @ts-check
// npm run example <name>: runs one example, or all of them where none is named.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const examples = [
  'express',
  'fastify',
  'queue-worker',
  'three-services',
  'ai-chat',
  'nextjs-layout',
  'migration',
];

const [named] = process.argv.slice(2);
if (named !== undefined && !examples.includes(named)) {
  console.error(`There is no example "${named}": it is one of ${examples.join(', ')}.`);
  process.exit(1);
}
for (const name of named === undefined ? examples : [named]) {
  console.log(`\n== ${name}\n`);
  const script = fileURLToPath(new URL(`${name}/example.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
