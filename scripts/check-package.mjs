// Checks what a user gets: packs the package, lints the tarball, and imports every entry of it, as ESM and
// from CommonJS, in a fresh folder that installed it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const { exports, devDependencies, sideEffects } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const folder = mkdtempSync(join(tmpdir(), 'signalbox-package-'));

function run(command, args, cwd = root) {
  console.log(`$ ${command} ${args.join(' ')}`);
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

try {
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder]));
  const tarball = join(folder, filename);
  console.log(run('npx', ['publint', '--strict', tarball]));
  console.log(run('npx', ['attw', '--profile', 'esm-only', tarball]));

  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const peer = (name) => `${name}@${devDependencies[name]}`;
  run(
    'npm',
    [
      'install',
      '--no-audit',
      '--no-fund',
      tarball,
      peer('@opentelemetry/api'),
      peer('@opentelemetry/sdk-trace-base'),
    ],
    folder,
  );
  const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));
  for (const entry of entries) {
    const name = entry === '.' ? 'signalbox' : `signalbox${entry.slice(1)}`;
    const print = "console.log(Object.keys(entry).sort().join(' '))";
    const esm = `import * as entry from '${name}'; ${print}`;
    const fromEsm = run('node', ['--input-type=module', '-e', esm], folder);
    const fromCommonJs = run('node', ['-e', `const entry = require('${name}'); ${print}`], folder);
    const exported = (names) =>
      names
        .trim()
        .split(' ')
        .filter((each) => each !== '' && each !== '__esModule');
    // What is imported for its effect alone exports nothing.
    const isEmpty = exported(fromEsm).length === 0 && !sideEffects.includes(exports[entry].default);
    if (isEmpty || `${exported(fromEsm)}` !== `${exported(fromCommonJs)}`) {
      throw new Error(`${name} exports differ: ESM ${fromEsm}, CommonJS ${fromCommonJs}`);
    }
    console.log(`${name}: ${fromEsm}`);
  }
  console.log(run('npx', ['--no-install', 'signalbox', '--version'], folder));
} finally {
  rmSync(folder, { recursive: true });
}
