import { describe, expect, test } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import { resolveConfig } from '../../src/config/resolve.js';
import { parseShare } from '../../src/config/route-targets.js';
import type { SignalboxConfig } from '../../src/config/schema.js';
import { recordingExporter } from '../helpers/service.js';
import { problemLines, problemsOf, resolveText } from './problems.js';

const endpoint = 'http://127.0.0.1:4318';
const backends = { a: { endpoint }, b: { endpoint }, c: { endpoint } };
const bt = { preset: 'braintrust', endpoint, apiKey: 'key', parent: 'project_name:own' } as const;
const resolve = (config: Omit<SignalboxConfig, 'backends'>) =>
  resolveConfig({ backends, ...config });

describe('the roles and shares of a route', () => {
  test('are none where a route says none', () => {
    const { routes } = resolve({ routes: { acme: ['a', { backend: 'b' }] } });
    expect(routes.get('acme')).toMatchObject({ backends: ['a', 'b'], targets: undefined });
  });

  test('are read from code', () => {
    const { routes } = resolve({
      routes: {
        acme: [
          { backend: 'a', share: '90%' },
          { backend: 'b', share: '10%', role: 'primary' },
          { backend: 'c', role: 'shadow', share: '0.25%' },
        ],
      },
    });
    expect(routes.get('acme')).toEqual({
      key: 'acme',
      backends: ['a', 'b', 'c'],
      targets: [
        { backend: 'a', role: 'primary', share: 900_000 },
        { backend: 'b', role: 'primary', share: 100_000 },
        { backend: 'c', role: 'shadow', share: 2_500 },
      ],
      parent: undefined,
    });
  });

  test('are read from a file, with its substitutions', () => {
    const text = `
backends: { a: { endpoint: '${endpoint}' }, b: { endpoint: '${endpoint}' } }
routes:
  acme:
    - backend: a
      share: \${OLD_SHARE}
    - { backend: b, share: 10% }
`;
    const { routes } = resolveText(text, { OLD_SHARE: '90%' });
    expect(routes.get('acme')?.targets).toEqual([
      { backend: 'a', role: 'primary', share: 900_000 },
      { backend: 'b', role: 'primary', share: 100_000 },
    ]);
    expect(problemLines(() => resolveText(text, { OLD_SHARE: '80%' }))).toEqual([
      expect.stringMatching(/^file:4 routes\.acme: has shares that add to 90%$|signalbox\.yaml:4 /),
    ]);
  });

  test.each([
    ['10%', 100_000],
    ['0%', 0],
    ['100%', 1_000_000],
    ['99.9999%', 999_999],
    ['33.3%', 333_000],
    ['101%', undefined],
    ['100.1%', undefined],
    ['-1%', undefined],
    ['10', undefined],
    ['0.1', undefined],
    ['1e1%', undefined],
    ['01%', undefined],
    ['1.23456%', undefined],
    ['10 %', undefined],
    ['', undefined],
  ])('has a share %j as %j millionths', (text, share) => {
    expect(parseShare(text)).toBe(share);
  });

  test.each<[SignalboxConfig['routes'], string]>([
    [{ acme: [{ backend: 'a', share: '50%' }, 'b'] }, 'routes.acme: has shares that add to 50%'],
    [
      {
        acme: [
          { backend: 'a', share: '50%' },
          { backend: 'b', share: '50.1%' },
        ],
      },
      'routes.acme: has shares that add to 100.1%',
    ],
    [
      { acme: [{ backend: 'a', share: 'half' }] },
      'routes.acme: gives a a share that can not be read',
    ],
    [{ acme: [{ backend: 'a', role: 'shadow' }] }, 'routes.acme: has shadows alone'],
    [
      { acme: ['a', { backend: 'x', role: 'shadow' }] },
      'routes.acme: leads from acme to x, which is not a backend',
    ],
    [
      { acme: ['a', { backend: 'a', role: 'shadow' }] },
      'routes.acme: leads from acme to a backend twice',
    ],
    [{ acme: [{ backend: 'a', role: 'mirror' as 'shadow' }] }, 'routes.acme: is not a route'],
    [{ acme: [{ backend: 'a', weight: 1 } as { backend: string }] }, 'routes.acme: is not a route'],
  ])('can not be %j', (routes = {}, expected) => {
    expect(problemLines(() => resolve({ routes }))).toEqual([expected]);
  });

  test('of an exporter that was made elsewhere are one', () => {
    const made = { exporter: recordingExporter() };
    const config = {
      backends: { a: { endpoint }, made },
      routes: { acme: ['a', { backend: 'made', role: 'shadow' as const }], globex: ['made'] },
    };
    expect(problemLines(() => resolveConfig(config))).toEqual([
      'routes.acme: has made as a shadow, which is none elsewhere, and has one exporter',
    ]);
  });
});

describe('the parent of a route', () => {
  test('is read from code, a file and a variable', () => {
    const expected = { acme: 'project_name:acme', globex: 'project_name:a, b' };
    const routes = { acme: ['bt'], globex: ['bt'], initech: ['bt'] };
    const inCode = resolveConfig({ backends: { bt }, routes, routeParents: expected });
    const inFile = resolveText(`
backends: { bt: { preset: braintrust, endpoint: '${endpoint}', api_key: key, parent: 'project_name:own' } }
routes: { acme: bt, globex: bt, initech: bt }
route_parents: { acme: 'project_name:acme', globex: 'project_name:a, b' }
`);
    const inVariables = resolveFromEnv({
      SIGNALBOX_BACKENDS: 'bt',
      SIGNALBOX_BACKEND_BT_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_BT_ENDPOINT: endpoint,
      SIGNALBOX_BACKEND_BT_API_KEY: 'key',
      SIGNALBOX_BACKEND_BT_PARENT: 'project_name:own',
      SIGNALBOX_ROUTES: 'acme=bt,globex=bt,initech=bt',
      SIGNALBOX_ROUTE_PARENTS: 'acme=project_name:acme,globex=project_name:a%2C b',
    });
    for (const config of [inCode, inFile, inVariables]) {
      const parents = Array.from(config.routes.values(), ({ key, parent }) => [key, parent]);
      expect(parents).toEqual([
        ['acme', expected.acme],
        ['globex', expected.globex],
        ['initech', undefined],
      ]);
    }
  });

  test.each<[string, Omit<SignalboxConfig, 'backends'>, string]>([
    [
      'for a key without a route',
      { routes: { acme: ['bt'] }, routeParents: { acmee: 'project_name:x' } },
      'routeParents.acmee: is for acmee, which no route has',
    ],
    [
      'where no backend has parents',
      { routes: { acme: ['a'] }, routeParents: { acme: 'project_name:x' } },
      'routeParents.acme: is for acme, which leads to no backend that has parents',
    ],
    [
      'where an exporter has its own',
      { routes: { acme: ['stock'] }, routeParents: { acme: 'project_name:x' } },
      'routeParents.acme: is for acme, and the exporter of stock has one parent for all',
    ],
    [
      'that no header can carry',
      { routes: { acme: ['bt'] }, routeParents: { acme: 'a\nb' } },
      'routeParents.acme: is not a parent',
    ],
    [
      'that is empty',
      { routes: { acme: ['bt'] }, routeParents: { acme: '' } },
      'routeParents.acme: is not a parent',
    ],
  ])('can not be %s', (_, config, expected) => {
    const stock = { ...bt, exporter: 'otlp-http' } as const;
    expect(
      problemLines(() => resolveConfig({ backends: { bt, a: { endpoint }, stock }, ...config })),
    ).toEqual([expected]);
  });

  test('for a key without a route comes with the nearest one', () => {
    const config = {
      backends: { bt },
      routes: { acme: ['bt'] },
      routeParents: { acmee: 'project_name:x' },
    };
    expect(problemsOf(() => resolveConfig(config))[0]?.hint).toBe('did you mean acme?');
  });

  test.each([
    ['acme', 'pair 1 can not be read'],
    ['acme=a,=b', 'pair 2 can not be read'],
    ['acme=a,acme=b', 'pair 2 repeats a key'],
    ['acme=100%', 'pair 1 has a "%" that begins no percent-encoding'],
  ])('in a variable can not be %j', (text, expected) => {
    const lines = problemLines(() =>
      resolveFromEnv({
        SIGNALBOX_BACKENDS: 'a',
        SIGNALBOX_BACKEND_A_ENDPOINT: endpoint,
        SIGNALBOX_ROUTES: 'acme=a',
        SIGNALBOX_ROUTE_PARENTS: text,
      }),
    );
    expect(lines).toContain(`SIGNALBOX_ROUTE_PARENTS: ${expected}`);
  });
});
