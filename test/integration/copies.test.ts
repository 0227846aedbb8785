import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, startNode } from './child.js';

const API = '@opentelemetry/api';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-copy-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Installs a second copy of the built package, with its own copies of `packages`; returns its entry. */
function installCopy(packages: readonly string[]): string {
  cpSync('package.json', join(folder, 'package.json'));
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  for (const scope of ['.', '@opentelemetry']) {
    mkdirSync(join(folder, 'node_modules', scope), { recursive: true });
    for (const entry of readdirSync(join('node_modules', scope))) {
      const name = join(scope, entry);
      const [from, to] = [
        join(process.cwd(), 'node_modules', name),
        join(folder, 'node_modules', name),
      ];
      if (packages.includes(name)) cpSync(from, to, { recursive: true });
      else if (name !== '@opentelemetry') symlinkSync(from, to);
    }
  }
  return join(folder, 'dist', 'index.js');
}

describe('two loaded copies of the package', () => {
  it.each([
    { what: 'imported', how: 'import', packages: [] },
    { what: 'required', how: 'require', packages: [] },
    { what: 'imported with an OpenTelemetry API of its own', how: 'import', packages: [API] },
  ])('share decisions, the second $what', async ({ how, packages }) => {
    const entry = installCopy(packages);
    const { code, stdout, stderr } = await startNode([fixture('copies.mjs'), how, entry]).ended;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      results: [['decided', 'acme', 'conflict'], ['decided', 'globex'], ['acme'], ['no_request']],
      spans: {
        standard: [],
        acme: ['before the key', 'request', 'outer'],
        globex: ['in the boundary', 'inner'],
      },
      decisions: {
        decided: 4,
        settled: 0,
        late: 0,
        unknown: 0,
        conflict: 1,
        noRequest: 1,
        unresolved: 0,
        failed: 0,
        refused: 0,
      },
    });
  });
});
