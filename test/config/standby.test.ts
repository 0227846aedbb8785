import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig, SignalboxConfig } from '../../src/config/schema.js';
import type { ReadableSpan } from '../../src/index.js';
import { recordingExporter } from '../helpers/service.js';
import { problemLines, problemsOf } from './problems.js';

const endpoint = 'http://127.0.0.1:4318';
const routes = { acme: ['a'], globex: ['c'] };
const resolve = (
  backends: Record<string, BackendConfig>,
  rest: Partial<SignalboxConfig> = { routes },
) => resolveConfig({ backends: { c: { endpoint }, ...backends }, ...rest });

describe('a standby', () => {
  test('is a backend of the same protocol, preset and view', () => {
    const config = resolve({
      a: { endpoint, standby: 'b', dropAttributes: ['x'], compression: 'gzip' },
      b: { endpoint, dropAttributes: ['x'] },
    });
    expect(config.backends.get('a')?.standby).toBe('b');
  });

  test('may have the other for its own', () => {
    expect(
      problemLines(() => resolve({ a: { endpoint, standby: 'b' }, b: { endpoint, standby: 'a' } })),
    ).toEqual([]);
  });

  const view = (span: ReadableSpan) => span;
  test.each<[string, BackendConfig, BackendConfig]>([
    ['protocol', { endpoint }, { endpoint, protocol: 'http/json' }],
    [
      'preset',
      { endpoint },
      { endpoint, preset: 'braintrust', apiKey: 'k', parent: 'project_name:x' },
    ],
    ['view', { endpoint }, { endpoint, filter: 'ai' }],
    ['view', { endpoint, dropAttributes: ['x'] }, { endpoint, dropAttributes: ['y'] }],
    ['view', { endpoint, view }, { endpoint, view: (span) => span }],
    [
      'view',
      { endpoint, hashAttributes: ['x'], hashKey: '0123456789abcdef0123456789abcdef' },
      { endpoint, hashAttributes: ['x'], hashKey: 'f123456789abcdef0123456789abcdef' },
    ],
    ['exporter', { endpoint }, { exporter: recordingExporter() }],
    ['class', { endpoint, class: 'eu' }, { endpoint, class: 'us' }],
    ['class', { endpoint, class: 'eu' }, { endpoint }],
  ])('can have no other %s', (what, a, b) => {
    expect(problemLines(() => resolve({ a: { ...a, standby: 'b' }, b }))).toEqual([
      `backends.a.standby: names b, which has another ${what}`,
    ]);
  });

  test('is another backend, that exists', () => {
    expect(problemLines(() => resolve({ a: { endpoint, standby: 'a' } }))).toEqual([
      'backends.a.standby: is the backend itself',
    ]);
    const [problem] = problemsOf(() =>
      resolve({ a: { endpoint, standby: 'bakcup' }, backup: { endpoint } }),
    );
    expect(problem).toEqual({
      where: 'backends.a.standby',
      what: 'names bakcup, which is not a backend',
      hint: 'did you mean backup?',
    });
  });

  test.each<[Partial<SignalboxConfig>]>([
    [{ routes: { acme: ['a', 'b'] } }],
    [{ routes: { acme: ['a', { backend: 'b', role: 'shadow' }] } }],
    [{ routes: { acme: ['b', 'a'] }, defaultRoute: 'acme' }],
  ])('is on no route beside the one it stands by for: %j', (rest) => {
    expect(
      problemLines(() => resolve({ a: { endpoint, standby: 'b' }, b: { endpoint } }, rest)),
    ).toEqual(['backends.a.standby: names b, to which acme leads as well']);
  });

  test('can not be given to what is made for a key', () => {
    const template = { endpoint: 'https://{route}.data.example', standby: 'c' };
    expect(problemLines(() => resolve({}, { template }))).toEqual([
      'template.standby: can not be given to a backend that is made for a key',
    ]);
  });
});
