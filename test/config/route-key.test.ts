import { expect, test } from 'vitest';
import { isRouteKey } from '../../src/config/route-key.js';

test.each(['a', '7', 'acme', 'EU-West_1', 'tenant:acme/project.1', 'a'.repeat(128)])(
  'takes %j as a route key',
  (key) => {
    expect(isRouteKey(key)).toBe(true);
  },
);

test.each([
  '',
  '-a',
  '.a',
  '/a',
  ' a',
  'a ',
  'a\n',
  'a b',
  'a,b',
  'a=b',
  'a+b',
  'ä',
  'a\u0000',
  'a'.repeat(129),
  'a'.repeat(10_000),
  undefined,
  null,
  7,
  ['a'],
  { toString: () => 'a' },
  Symbol('a'),
])('refuses %o as a route key', (key) => {
  expect(isRouteKey(key)).toBe(false);
});
