import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import type { SignalboxConfig } from '../../src/config/schema.js';
import { problemLines, problemsOf } from './problems.js';

const endpoint = 'http://127.0.0.1:4318';
const backends = { a: { endpoint }, b: { endpoint } };
const resolve = (config: Omit<SignalboxConfig, 'backends'>) =>
  resolveConfig({ backends, ...config });
const routesOf = (config: Omit<SignalboxConfig, 'backends'>) =>
  Object.fromEntries(Array.from(resolve(config).routes, ([key, route]) => [key, route.backends]));

describe('routes', () => {
  test("are the backends' own names where none are configured", () => {
    expect(routesOf({})).toEqual({ a: ['a'], b: ['b'] });
  });

  test('are the configured keys alone where some are', () => {
    expect(routesOf({ routes: { acme: ['a'], globex: ['b', 'a'] } })).toEqual({
      acme: ['a'],
      globex: ['b', 'a'],
    });
  });

  test('are none where an empty set is configured', () => {
    expect(routesOf({ routes: {} })).toEqual({});
  });

  test.each([
    ['-a', 'routes.-a: has -a, which is not a route key'],
    ['a b', 'routes."a b": has "a b", which is not a route key'],
    [
      `https://${'é'.repeat(100)}`,
      `routes."https://${'\\u00e9'.repeat(5)}...: has "https://${'\\u00e9'.repeat(5)}..., which is not a route key`,
    ],
  ])('can not have the key %j', (key, expected) => {
    expect(problemLines(() => resolve({ routes: { [key]: ['a', 'b'] } }))).toEqual([expected]);
  });

  test.each([
    [[], 'routes.acme: leads from acme to no backend'],
    [['a', 'a'], 'routes.acme: leads from acme to a backend twice'],
    [['c'], 'routes.acme: leads from acme to c, which is not a backend'],
  ])('can not lead to %j', (names, expected) => {
    expect(problemLines(() => resolve({ routes: { acme: names } }))).toEqual([expected]);
  });

  test('that lead nowhere come with the nearest name', () => {
    const config = {
      backends: { standard: { endpoint } },
      routes: { acme: ['standart'] },
    };
    expect(problemsOf(() => resolveConfig(config))[0]?.hint).toBe('did you mean standard?');
  });

  test('that lead nowhere come with all names where none is near', () => {
    const [problem] = problemsOf(() => resolve({ routes: { acme: ['c'] } }));
    expect(problem?.hint).toBe('there is a, b');
  });

  test('that do not reach a backend are warned of', () => {
    expect(resolve({ routes: { acme: ['a'] } }).warnings).toEqual([
      'routes: no route leads to the backend b (add a route, or leave the backend out)',
    ]);
    expect(resolve({ routes: { acme: ['a'] }, defaultRoute: 'b' }).warnings).toEqual([]);
  });
});

describe('the default route', () => {
  const routes = { acme: ['a'], b: ['b'] };

  test('is a route key', () => {
    const { defaultRoute } = resolve({ routes, defaultRoute: 'acme' });
    expect(defaultRoute).toEqual({ key: 'acme', backends: ['a'] });
  });

  test('or the name of a backend, which is its key but no key for requests', () => {
    const config = resolve({ routes, defaultRoute: 'a' });
    expect(config.defaultRoute).toEqual({ key: 'a', backends: ['a'] });
    expect(config.routes.has('a')).toBe(false);
  });

  test('or both, where they lead to the same backend', () => {
    const { defaultRoute } = resolve({ routes, defaultRoute: 'b' });
    expect(defaultRoute).toEqual({ key: 'b', backends: ['b'] });
  });

  test('can not be both where they lead to different backends', () => {
    const config = { routes: { a: ['b'] }, defaultRoute: 'a' };
    expect(problemLines(() => resolve(config))).toEqual([
      'defaultRoute: names both a route key and a backend, and that key leads elsewhere',
    ]);
  });

  test('can not be neither', () => {
    expect(problemLines(() => resolve({ routes, defaultRoute: 'c' }))).toEqual([
      'defaultRoute: names c, which is neither a route key nor a backend',
    ]);
  });

  test('that is neither comes with the names that are usable', () => {
    const config = { routes: { acme: ['a'], 'b ad': ['a'], globex: [] }, defaultRoute: 'zzz' };
    const problem = problemsOf(() => resolve(config)).find(({ where }) => where === 'defaultRoute');
    expect(problem?.hint).toBe('there is acme, a, b');
  });

  test.each(['unknownRoute', 'parkOverflow'] as const)('is what %s=default needs', (key) => {
    expect(problemLines(() => resolve({ [key]: 'default' }))).toEqual([
      `${key}: is default, and there is no default route`,
    ]);
    expect(resolve({ [key]: 'default', defaultRoute: 'a' })[key]).toBe('default');
  });
});
