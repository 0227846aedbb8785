import { describe, expect, it } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig, SignalboxConfig } from '../../src/config/schema.js';
import { backendOf, problemLines, problemsOf, resolveText } from './problems.js';

const endpoint = 'http://127.0.0.1:4318';
const template: BackendConfig = { endpoint: 'https://{route}.data.example' };
const at = (name?: string): BackendConfig =>
  name === undefined ? { endpoint } : { endpoint, class: name };
const backends = { eu1: at('eu'), eu2: at('eu'), us1: at('us'), plain: at() };
const exclusiveClasses = [['eu', 'us']];

function problemsIn(config: Partial<SignalboxConfig>): string[] {
  return problemLines(() => resolveConfig({ backends, ...config }));
}

function warningsIn(config: Partial<SignalboxConfig>): readonly string[] {
  return resolveConfig({ backends, ...config }).warnings;
}

/** The variables of two backends, one in each class, with these beside them. */
function env(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    SIGNALBOX_BACKENDS: 'eu1,us1',
    SIGNALBOX_BACKEND_EU1_ENDPOINT: endpoint,
    SIGNALBOX_BACKEND_EU1_CLASS: 'eu',
    SIGNALBOX_BACKEND_US1_ENDPOINT: endpoint,
    SIGNALBOX_BACKEND_US1_CLASS: 'us',
    ...variables,
  };
}

const crossing = 'may reach eu1 (class eu) and us1 (class us), which exclude each other';

describe('residency classes', () => {
  const expected = {
    exclusive: [
      ['eu', 'us'],
      ['prod', 'test'],
    ],
    required: new Map([['acme', 'eu']]),
  };

  it('are given in code', () => {
    const config = resolveConfig({
      backends,
      routes: { acme: ['eu1'], us: ['us1', 'plain'], eu: ['eu2'] },
      exclusiveClasses: [
        ['eu', 'us'],
        ['prod', 'test'],
      ],
      routeClasses: { acme: 'eu' },
    });
    expect(config.residency).toEqual(expected);
    expect(backendOf(config, 'eu1').class).toBe('eu');
    expect(backendOf(config, 'plain').class).toBeUndefined();
  });

  it('are given by variables', () => {
    const config = resolveFromEnv(
      env({
        SIGNALBOX_ROUTES: 'acme=eu1,globex=us1',
        SIGNALBOX_EXCLUSIVE_CLASSES: 'eu | us, prod|test',
        SIGNALBOX_ROUTE_CLASSES: 'acme = eu',
      }),
    );
    expect(config.residency).toEqual(expected);
    expect(backendOf(config, 'us1').class).toBe('us');
  });

  it.each([
    'exclusive_classes: [[eu, us], prod|test]',
    'exclusive_classes: eu|us,prod|test',
    'exclusive_classes:\n  - eu|us\n  - [prod, test]',
  ])('are given by a file (%s)', (groups) => {
    const config = resolveText(`
${groups}
route_classes: { acme: eu }
routes: { acme: [eu1] }
backends:
  eu1: { endpoint: '${endpoint}', class: eu }
`);
    expect(config.residency).toEqual(expected);
    expect(backendOf(config, 'eu1').class).toBe('eu');
  });

  it('are no rules where nothing is excluded and nothing required', () => {
    expect(resolveConfig({ backends }).residency).toBeUndefined();
    const none = { exclusiveClasses: [], routeClasses: {} };
    expect(resolveConfig({ backends, ...none }).residency).toBeUndefined();
  });

  it('can not be changed once they are read', () => {
    const groups = [['eu', 'us']];
    const { residency } = resolveConfig({
      backends,
      exclusiveClasses: groups,
      routeClasses: { eu1: 'eu' },
    });
    groups[0]?.push('cn');
    expect(residency?.exclusive).toEqual([['eu', 'us']]);
    expect(Object.isFrozen(residency?.exclusive[0])).toBe(true);
    expect(() => Reflect.get(residency?.required ?? {}, 'set')('acme', 'us')).toThrow('frozen');
  });

  it.each(['EU', '', '-eu', 'e u', 'eu|us', 'ü', 'e'.repeat(65)])('are not called %j', (name) => {
    expect(problemsIn({ backends: { a: at(name) } })).toEqual([
      'backends.a.class: is not the name of a class',
    ]);
    expect(problemsIn({ routeClasses: { eu1: name } })).toEqual([
      'routeClasses.eu1: is not the name of a class',
    ]);
    expect(problemsIn({ exclusiveClasses: [['eu', name]] })).toEqual([
      'exclusiveClasses.0: is not a group of two classes or more, each once',
    ]);
  });

  it.each([[['eu']], [['eu', 'eu']], [[]]])('exclude each other in groups, not %j', (...groups) => {
    expect(problemsIn({ exclusiveClasses: groups })).toEqual([
      'exclusiveClasses.0: is not a group of two classes or more, each once',
    ]);
  });

  it.each([
    ['SIGNALBOX_EXCLUSIVE_CLASSES', 'eu', 'is not a group of two classes or more, each once'],
    ['SIGNALBOX_EXCLUSIVE_CLASSES', 'eu|', 'is not a group of two classes or more, each once'],
    ['SIGNALBOX_EXCLUSIVE_CLASSES', 'eu|us,', 'is not a group of two classes or more, each once'],
    ['SIGNALBOX_EXCLUSIVE_CLASSES', '', 'is set but empty'],
    ['SIGNALBOX_ROUTE_CLASSES', 'eu1', 'pair 1 can not be read'],
    ['SIGNALBOX_ROUTE_CLASSES', 'eu1=eu,', 'pair 2 can not be read'],
    ['SIGNALBOX_ROUTE_CLASSES', 'eu1=eu,eu1=us', 'pair 2 repeats a key'],
    ['SIGNALBOX_ROUTE_CLASSES', 'eu1=eu=us', 'is not the name of a class'],
    ['SIGNALBOX_BACKEND_EU1_CLASS', '', 'is set but empty'],
  ])('in the variable %s are not %j', (variable, text, what) => {
    expect(problemLines(() => resolveFromEnv(env({ [variable]: text })))).toEqual([
      `${variable}: ${what}`,
    ]);
  });

  it('in a file are told of by their line', () => {
    const act = () =>
      resolveText(`
exclusive_classes: [[eu, us], [eu]]
route_classes:
  acme: EU
  Globex: us
routes: { acme: [a], globex: [a] }
backends:
  a: { endpoint: '${endpoint}', class: eu us }
`);
    const lines = problemLines(act).map((line) => line.replace(/^.*signalbox\.yaml:/, ''));
    expect(lines).toEqual([
      '2 exclusive_classes: is not a group of two classes or more, each once',
      '4 route_classes.acme: is not the name of a class',
      '8 backends.a.class: is not the name of a class',
    ]);
  });
});

describe('a configuration is refused', () => {
  it.each<[string, Partial<SignalboxConfig>, string[]]>([
    [
      'whose route leads across classes that exclude each other',
      { routes: { acme: ['plain', 'eu1', 'us1'] }, exclusiveClasses },
      [`routes.acme: spans of the key acme ${crossing}`],
    ],
    [
      'whose shadow does, however small its share',
      {
        routes: { acme: ['plain', 'eu1', { backend: 'us1', role: 'shadow', share: '0%' }] },
        exclusiveClasses,
      },
      [`routes.acme: spans of the key acme ${crossing}`],
    ],
    [
      'whose default route does, as the route of a key, once',
      { routes: { acme: ['eu1', 'us1'] }, defaultRoute: 'acme', exclusiveClasses },
      [`routes.acme: spans of the key acme ${crossing}`],
    ],
    [
      'whose route leads out of the class that its key requires',
      { routes: { acme: ['eu1', 'us1', 'plain'] }, routeClasses: { acme: 'eu' } },
      [
        'routes.acme: the key acme requires the class eu, and its spans may reach us1 (class us) and plain (no class)',
      ],
    ],
    [
      "where a backend's own name is a key that requires another class",
      { routeClasses: { us1: 'eu', plain: 'eu', eu1: 'eu' } },
      [
        'backends.us1.class: the key us1 requires the class eu, and its spans may reach us1 (class us)',
        'backends.plain.class: the key plain requires the class eu, and its spans may reach plain (no class)',
      ],
    ],
    [
      'where a key requires a class, and the default route leads to a backend without one',
      { defaultRoute: 'plain', routeClasses: { eu1: 'eu' } },
      ['defaultRoute: leads to plain (no class), while routeClasses has keys that require one'],
    ],
    [
      'likewise, where unknown keys follow it',
      {
        routes: { acme: ['eu1'], rest: ['us1', 'plain'] },
        defaultRoute: 'rest',
        unknownRoute: 'default',
        routeClasses: { acme: 'eu' },
      },
      ['defaultRoute: leads to plain (no class), while routeClasses has keys that require one'],
    ],
    [
      'that requires a class of a key that no route has',
      { routes: { acme: ['eu1'] }, routeClasses: { acmee: 'eu' } },
      ["routeClasses.acmee: has acmee, which is no route's key"],
    ],
    [
      "that requires a class of the default route's backend, which is no key",
      { routes: { acme: ['eu1'] }, defaultRoute: 'us1', routeClasses: { us1: 'us' } },
      ["routeClasses.us1: has us1, which is no route's key"],
    ],
    [
      'that requires a class of what can be no key',
      { routes: { acme: ['eu1'] }, routeClasses: { 'a b': 'eu' }, resolveBackend: () => undefined },
      [`routeClasses."a b": has "a b", which is no route's key`],
    ],
    [
      'whose default route bears the name of a key that requires another class',
      { defaultRoute: 'us1', resolveBackend: () => undefined, routeClasses: { us1: 'eu' } },
      ['defaultRoute: the key us1 requires the class eu, and its spans may reach us1 (class us)'],
    ],
    [
      'whose template makes a backend of another class',
      {
        template: { ...template, class: 'us' },
        routeClasses: { acme: 'eu', globex: 'us', initech: 'eu' },
      },
      [
        'template.class: the key acme requires the class eu, and its spans may reach template/acme (class us)',
        'template.class: the key initech requires the class eu, and its spans may reach template/initech (class us)',
      ],
    ],
    [
      'whose template has no class',
      { template, routeClasses: { acme: 'eu' } },
      [
        'template.class: the key acme requires the class eu, and its spans may reach template/acme (no class)',
      ],
    ],
    [
      'that requires a class of a key that the template does not take',
      { template: { ...template, class: 'eu' }, routeClasses: { Acme: 'eu' } },
      ["routeClasses.Acme: has Acme, which is no route's key, nor one that the template takes"],
    ],
  ])('%s', (_, config, expected) => {
    expect(problemsIn(config)).toEqual(expected);
  });

  it('by all rules that it breaks, at once', () => {
    expect(
      problemsIn({
        routes: { both: ['eu1', 'us1'], acme: ['us1'], initech: ['eu1'] },
        defaultRoute: 'plain',
        exclusiveClasses,
        routeClasses: { acme: 'eu', nobody: 'us' },
      }),
    ).toEqual([
      `routes.both: spans of the key both ${crossing}`,
      'routes.acme: the key acme requires the class eu, and its spans may reach us1 (class us)',
      "routeClasses.nobody: has nobody, which is no route's key",
      'defaultRoute: leads to plain (no class), while routeClasses has keys that require one',
    ]);
  });

  it('by the names of its variables, with what would be right', () => {
    const problems = problemsOf(() =>
      resolveFromEnv(
        env({
          SIGNALBOX_BACKENDS: 'eu1,us1,plain',
          SIGNALBOX_BACKEND_PLAIN_ENDPOINT: endpoint,
          SIGNALBOX_ROUTES: 'both=eu1+us1,acme=us1',
          SIGNALBOX_DEFAULT_ROUTE: 'plain',
          SIGNALBOX_EXCLUSIVE_CLASSES: 'eu|us',
          SIGNALBOX_ROUTE_CLASSES: 'acme=eu,acmee=us',
        }),
      ),
    );
    expect(problems.map(({ where, hint }) => [where, hint])).toEqual([
      ['SIGNALBOX_ROUTES', 'backends of one of these classes'],
      ['SIGNALBOX_ROUTES', 'backends of the class eu alone'],
      ['SIGNALBOX_ROUTE_CLASSES', 'did you mean acme?'],
      ['SIGNALBOX_DEFAULT_ROUTE', 'set the CLASS of its backends, or leave the default route out'],
    ]);
  });

  it('by the variables of a template', () => {
    const act = () =>
      resolveFromEnv({
        SIGNALBOX_TEMPLATE_ENDPOINT: 'https://{route}.data.example',
        SIGNALBOX_TEMPLATE_CLASS: 'us',
        SIGNALBOX_ROUTE_CLASSES: 'acme=eu',
      });
    expect(problemLines(act)).toEqual([
      'SIGNALBOX_TEMPLATE_CLASS: the key acme requires the class eu, and its spans may reach template/acme (class us)',
    ]);
  });

  it('where a single backend that is dropped in has no class', () => {
    const act = () =>
      resolveFromEnv({
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        SIGNALBOX_ROUTE_CLASSES: 'otlp=eu',
      });
    expect(problemLines(act).map((line) => line.replace(/^\S+: /, ''))).toEqual([
      'the key otlp requires the class eu, and its spans may reach otlp (no class)',
      'leads to otlp (no class), while SIGNALBOX_ROUTE_CLASSES has keys that require one',
    ]);
  });

  it('for its classes only as far as the rest could be read', () => {
    const config = {
      backends: { eu1: at('eu'), odd: { endpoint, class: 'EU' }, broken: { class: 'us' } },
      routes: { acme: ['odd', 'missing'], both: ['eu1', 'broken'] },
      exclusiveClasses,
      routeClasses: { acme: 'eu' },
    };
    expect(problemLines(() => resolveConfig(config))).toEqual([
      'backends.odd.class: is not the name of a class',
      'backends.broken.endpoint: is not set',
      'routes.acme: leads from acme to missing, which is not a backend',
      'routes.both: spans of the key both may reach eu1 (class eu) and broken (class us), which exclude each other',
    ]);
  });
});

describe('a configuration is taken', () => {
  it.each<[string, Partial<SignalboxConfig>]>([
    ['whose keys stay in one class each', { exclusiveClasses }],
    [
      'that leads to several backends of one class',
      { routes: { acme: ['eu1', 'eu2'] }, exclusiveClasses, routeClasses: { acme: 'eu' } },
    ],
    [
      'that leads to a backend without a class, where the key requires none',
      { routes: { acme: ['eu1', 'plain'] }, exclusiveClasses },
    ],
    [
      'whose classes are in different groups',
      {
        routes: { acme: ['eu1', 'us1'] },
        exclusiveClasses: [
          ['eu', 'cn'],
          ['us', 'cn'],
        ],
      },
    ],
    [
      'whose default route is of another class than a key requires',
      { defaultRoute: 'us1', exclusiveClasses, routeClasses: { eu1: 'eu' } },
    ],
    [
      'whose unknown keys go to another class than a known one requires',
      {
        defaultRoute: 'us1',
        unknownRoute: 'default',
        parkOverflow: 'default',
        exclusiveClasses,
        routeClasses: { eu1: 'eu' },
      },
    ],
    [
      "where a backend's own name is the route's",
      { routes: { eu1: ['eu1'] }, routeClasses: { eu1: 'eu' } },
    ],
    [
      'whose template makes backends of the class',
      {
        backends: {},
        template: { ...template, class: 'eu' },
        routeClasses: { acme: 'eu' },
        exclusiveClasses,
      },
    ],
    [
      'that requires a class of what resolveBackend finds',
      { resolveBackend: () => undefined, routes: { us: ['us1'] }, routeClasses: { acme: 'eu' } },
    ],
  ])('%s', (_, config) => {
    expect(problemsIn(config)).toEqual([]);
  });
});

describe('a word is said of', () => {
  it('a class that no rule names', () => {
    const config = { backends: { a: at('uss'), b: at('us') }, exclusiveClasses };
    expect(warningsIn(config)).toEqual([
      'backends.a.class: has no effect, as no rule names this class (did you mean us?)',
      'exclusiveClasses: names eu, which no backend has (set CLASS of the backends that have it)',
    ]);
    expect(warningsIn({ backends: { a: at('eu') } })).toEqual([
      'backends.a.class: has no effect, as no rule names this class (name it in exclusiveClasses, or leave it out)',
    ]);
  });

  it('a key that resolveBackend would have to find, and that is near to a route', () => {
    const config = {
      resolveBackend: () => undefined,
      routes: { acme: ['eu1'], us: ['us1', 'eu2', 'plain'] },
      routeClasses: { acmee: 'eu' },
    };
    expect(warningsIn(config)).toContain(
      'routeClasses.acmee: has acmee, which no route has, so that it counts for what resolveBackend finds (did you mean acme?)',
    );
  });
});

describe('a standby', () => {
  const endpoint = 'http://127.0.0.1:4318';
  const backends = {
    eu1: { endpoint, class: 'eu', standby: 'us1' },
    us1: { endpoint, class: 'us', standby: 'us2' },
    us2: { endpoint, class: 'us' },
    eu2: { endpoint, class: 'eu' },
  };
  const routes = { acme: ['eu1'], globex: ['us1'], initech: ['eu2', 'us2'] };
  const otherClass = 'backends.eu1.standby: names us1, which has another class';

  it('may not lead across classes that exclude each other', () => {
    expect(
      problemLines(() => resolveConfig({ backends, routes: { acme: ['eu1'] }, exclusiveClasses })),
    ).toEqual([
      'routes.acme: spans of the key acme may reach eu1 (class eu) and us1 (class us), which exclude each other',
      otherClass,
    ]);
  });

  it('may not lead out of the class that a key requires', () => {
    expect(
      problemLines(() =>
        resolveConfig({ backends, routes, routeClasses: { acme: 'eu', globex: 'us' } }),
      ),
    ).toEqual([
      'routes.acme: the key acme requires the class eu, and its spans may reach us1 (class us)',
      otherClass,
    ]);
  });

  it('may not lead to another class where no route does: an update leaves spans that wait', () => {
    expect(problemLines(() => resolveConfig({ backends, routes: { acme: ['eu2'] } }))).toEqual([
      otherClass,
    ]);
  });
});
