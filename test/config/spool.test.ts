import path from 'node:path';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig } from '../../src/config/schema.js';
import { backendOf, problemLines, resolveText, writeFiles } from './problems.js';

const endpoint = 'http://127.0.0.1:4318';
const resolve = (backend: BackendConfig) =>
  resolveConfig({ backends: { a: { endpoint, ...backend } } });
const exporter = { export: () => {}, shutdown: async () => {} };

test('without a directory there is no spool', () => {
  expect(backendOf(resolve({}), 'a').spool).toBeUndefined();
});

test('a directory that does not exist yet will do, and bounds have defaults', () => {
  expect(backendOf(resolve({ spoolDir: '/nowhere/yet' }), 'a').spool).toEqual({
    dir: '/nowhere/yet',
    maxBytes: 512 * 1024 * 1024,
    maxAgeMs: 86_400_000,
  });
});

test('a relative path starts where the process is at construction', () => {
  const { spool } = backendOf(
    resolve({ spoolDir: 'spool', spoolMaxBytes: 1, spoolMaxAgeMs: 2 }),
    'a',
  );
  expect(spool).toEqual({ dir: path.join(process.cwd(), 'spool'), maxBytes: 1, maxAgeMs: 2 });
  expect(Object.isFrozen(spool)).toBe(true);
});

test.each([
  ['a file', (file: string) => file, 'is not a directory'],
  ['below a file', (file: string) => path.join(file, 'spool'), 'lies below a file'],
])('a path that is %s is a problem', (_, pathOf, what) => {
  const spoolDir = pathOf(writeFiles({ file: '' }).file);
  expect(problemLines(() => resolve({ spoolDir }))).toEqual([
    `backends.a.spoolDir: names ${JSON.stringify(spoolDir)}, which ${what}`,
  ]);
});

test.each([['otlp-http' as const], ['console' as const], [exporter]])(
  'is a problem with an exporter made elsewhere (%s)',
  (other) => {
    const config = { backends: { a: { exporter: other, spoolDir: '/spool', endpoint } } };
    expect(problemLines(() => resolveConfig(config))).toContain(
      'backends.a.spoolDir: can not hold what this exporter sends',
    );
  },
);

test('bounds without a directory have no effect, which is told', () => {
  const { warnings } = resolve({ spoolMaxBytes: 1, spoolMaxAgeMs: 1 });
  expect(warnings).toEqual([
    expect.stringContaining('backends.a.spoolMaxBytes: has no effect without'),
    expect.stringContaining('backends.a.spoolMaxAgeMs: has no effect without'),
  ]);
});

test('is read from the file and from variables alike', () => {
  const text = `backends:\n  a: { endpoint: '${endpoint}', spool_dir: /spool, spool_max_bytes: 5 }`;
  const config = resolveText(text, { SIGNALBOX_BACKEND_A_SPOOL_MAX_AGE: '7' });
  expect(backendOf(config, 'a').spool).toEqual({ dir: '/spool', maxBytes: 5, maxAgeMs: 7 });
});
