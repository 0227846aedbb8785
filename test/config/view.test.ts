import { describe, expect, test } from 'vitest';
import { describeConfig } from '../../src/config/describe.js';
import { resolveFromEnv } from '../../src/config/env.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig } from '../../src/config/schema.js';
import { backendOf, problemLines, resolveText, writeFiles } from './problems.js';

const endpoint = 'https://127.0.0.1:4318';
const key = 'a key of thirty-two bytes or more';
const resolve = (backend: BackendConfig) =>
  resolveConfig({ backends: { a: { endpoint, ...backend } } });
const viewOf = (backend: BackendConfig) => backendOf(resolve(backend), 'a').view;
const env = (variables: Record<string, string>) => ({
  SIGNALBOX_BACKENDS: 'a',
  SIGNALBOX_BACKEND_A_ENDPOINT: endpoint,
  ...Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`SIGNALBOX_BACKEND_A_${name}`, value]),
  ),
});

const complete = {
  filter: 'ai',
  attributes: {
    drop: ['db.*', 'secret'],
    hash: { attributes: ['user.id'], key },
    truncate: { 'prompt*': 256, 'a=b': 3 },
  },
  change: undefined,
};

describe('what a backend may see', () => {
  test('is everything by default, and where nothing is left out', () => {
    expect(viewOf({})).toBeUndefined();
    const nothing = { dropAttributes: [], hashAttributes: [], truncateAttributes: {} };
    expect(viewOf({ filter: 'all', ...nothing })).toBeUndefined();
  });

  test('is given in code', () => {
    const view = () => undefined;
    expect(viewOf({ view })).toEqual({ filter: 'all', attributes: undefined, change: view });
    expect(
      viewOf({
        filter: 'ai',
        dropAttributes: ['db.*', 'secret'],
        hashAttributes: ['user.id'],
        hashKey: key,
        truncateAttributes: { 'prompt*': 256, 'a=b': 3 },
      }),
    ).toEqual(complete);
  });

  test('is given by variables', () => {
    const variables = env({
      FILTER: 'ai',
      DROP_ATTRIBUTES: 'db.*, secret',
      HASH_ATTRIBUTES: 'user.id',
      HASH_KEY: key,
      TRUNCATE_ATTRIBUTES: 'prompt*=256, a=b=3',
    });
    expect(backendOf(resolveFromEnv(variables), 'a').view).toEqual(complete);
  });

  test('is given by a file', () => {
    const text = `
backends:
  a:
    endpoint: ${endpoint}
    filter: ai
    drop_attributes: [db.*, secret]
    hash_attributes: user.id
    hash_key: \${KEY}
    truncate_attributes: { 'prompt*': 256, a=b: 3 }
`;
    expect(backendOf(resolveText(text, { KEY: key }), 'a').view).toEqual(complete);
  });

  test('is frozen, and no later change counts', () => {
    const dropAttributes = ['a'];
    const truncateAttributes: Record<string, number> = { b: 1 };
    const view = viewOf({ dropAttributes, truncateAttributes });
    dropAttributes.length = 0;
    delete truncateAttributes.b;
    expect(view?.attributes).toEqual({ drop: ['a'], hash: undefined, truncate: { b: 1 } });
    expect([view, view?.attributes, view?.attributes?.drop, view?.attributes?.truncate]).toSatisfy(
      (parts: unknown[]) => parts.every(Object.isFrozen),
    );
  });

  test('holds for every backend of a template', async () => {
    const { dynamic } = resolveConfig({
      backends: {},
      template: { endpoint: 'https://{route}.data.example', dropAttributes: ['a'] },
    });
    expect((await dynamic?.lookUp('acme'))?.view?.attributes?.drop).toEqual(['a']);
  });

  test.each<[string, BackendConfig, string[]]>([
    [
      'hashes without a key',
      { hashAttributes: ['a'] },
      ['backends.a.hashKey: is not set beside backends.a.hashAttributes'],
    ],
    [
      'a key that is too short',
      { hashAttributes: ['a'], hashKey: 'short' },
      ['backends.a.hashKey: is not text of 32 bytes or more'],
    ],
    [
      'two keys',
      { hashAttributes: ['a'], hashKey: key, hashKeyFile: '/nowhere' },
      ['backends.a.hashKeyFile: stands beside backends.a.hashKey'],
    ],
    [
      'a file that is not there',
      { hashAttributes: ['a'], hashKeyFile: '/nowhere/key' },
      ['backends.a.hashKeyFile: names "/nowhere/key", which does not exist'],
    ],
    ['an empty name', { dropAttributes: [''] }, ['backends.a.dropAttributes.0: is not a name']],
    [
      'a limit that is none',
      { truncateAttributes: { a: 0, b: 1.5 } },
      [
        'backends.a.truncateAttributes.a: is not a whole number of characters',
        'backends.a.truncateAttributes.b: is not a whole number of characters',
      ],
    ],
    [
      'a limit of no name',
      { truncateAttributes: { '': 1 } },
      ['backends.a.truncateAttributes: is not a list of limits by name'],
    ],
    [
      'a view that is no function',
      JSON.parse('{ "view": {} }'),
      ['backends.a.view: is not a function'],
    ],
    [
      'another filter',
      JSON.parse('{ "filter": "llm" }'),
      ['backends.a.filter: is not one of its values'],
    ],
  ])('can not be %s', (_, backend, expected) => {
    expect(problemLines(() => resolve(backend))).toEqual(expected);
  });

  test.each([
    ['prompt', 'limit 1 can not be read'],
    ['=3', 'limit 1 can not be read'],
    ['a=1,,b=2', 'limit 2 can not be read'],
    ['a=1,a=2', 'limit 2 repeats a name'],
    ['a=many', 'is not a whole number of characters'],
    ['a=1e3', 'is not a whole number of characters'],
  ])('can not be truncated to %j', (text, what) => {
    const lines = problemLines(() => resolveFromEnv(env({ TRUNCATE_ATTRIBUTES: text })));
    expect(lines).toEqual([`SIGNALBOX_BACKEND_A_TRUNCATE_ATTRIBUTES: ${what}`]);
  });

  test('warns of a key without attributes to hash', () => {
    expect(resolve({ hashKey: key }).warnings).toEqual([
      expect.stringContaining('has no effect without backends.a.hashAttributes'),
    ]);
  });
});

describe('the key of hashes', () => {
  test('is read from a file, without the line break at its end', () => {
    const { file } = writeFiles({ file: `${key}\r\n` });
    const view = viewOf({ hashAttributes: ['a'], hashKeyFile: file });
    expect(view?.attributes?.hash?.key).toBe(key);
  });

  test.each(['short\n', '', '\ufffd'.repeat(32)])('is not what a file has as %j', (content) => {
    const { file } = writeFiles({ file: content });
    expect(problemLines(() => resolve({ hashAttributes: ['a'], hashKeyFile: file }))).toEqual([
      'backends.a.hashKeyFile: names a file whose content is not text of 32 bytes or more',
    ]);
  });

  test('is shown to nobody', () => {
    const description = describeConfig(
      env({ HASH_ATTRIBUTES: 'a', HASH_KEY: key, DROP_ATTRIBUTES: 'b' }),
    );
    expect(JSON.stringify([...(description.backends.get('a') ?? [])])).not.toContain(key);
    const settings = new Map(
      description.backends.get('a')?.map(({ name, value }) => [name, value]),
    );
    expect(settings.get('hash_key')).toBe('****');
    expect(settings.get('drop_attributes')).toEqual(['b']);
    const problem = problemLines(() =>
      resolveFromEnv(env({ HASH_ATTRIBUTES: 'a', HASH_KEY: 'short-secret' })),
    );
    expect(problem.join()).not.toContain('short-secret');
  });
});
