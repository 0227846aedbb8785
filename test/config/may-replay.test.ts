import { expect, test } from 'vitest';
import { mayReplay } from '../../src/config/may-replay.js';
import { resolveConfig } from '../../src/config/resolve.js';

const backend = {
  endpoint: 'http://127.0.0.1:4318',
  preset: 'braintrust',
  apiKey: 'k',
  parent: 'project_name:own',
} as const;

const config = resolveConfig({
  backends: { a: backend },
  routes: { acme: ['a'], globex: ['a'] },
  routeParents: { acme: 'project_name:acme' },
});

test.each([
  ['under the parent that its key has', ['acme'], 'project_name:acme', true],
  ['under the backend’s own, where its key has none', ['globex'], undefined, true],
  ['under another parent than its key has', ['acme'], 'project_name:other', false],
  ['under the backend’s own, where its key has another', ['acme'], undefined, false],
  ['under the parent of one of its keys', ['acme', 'globex'], 'project_name:acme', false],
  ['of no key, under the backend’s own', [], undefined, true],
  ['of no key, under some parent', [], 'project_name:acme', false],
])('a batch on disk %s', (_, routeKeys, parent, expected) => {
  const found = config.backends.get('a');
  expect(found && mayReplay(config, found, { routeKeys, parent })).toBe(expected);
});
