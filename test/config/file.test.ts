// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references in such braces are what is tested.
import { describe, expect, test } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { backendOf, problemsOf, resolveText, writeFiles } from './problems.js';

/** The problems of a file's text as lines, the file's folder left out. */
function problemsIn(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  return problemsOf(() => resolveText(text, env)).map(
    ({ where, what }) => `${where.replace(/^.*\/signalbox\.yaml/, 'file')}: ${what}`,
  );
}

const whole = `
default_route: standard
unknown_route: default
route_attribute: tenant
max_buffered_bytes: 1
shutdown_timeout: 2
park_max_spans: 0
park_timeout: 3
park_overflow: default
backends:
  standard:
    preset: braintrust
    endpoint: https://api.braintrust.dev
    api_key: k
    parent: project_name:checkout
  byoc-acme:
    traces_endpoint: https://acme.example/v1/traces
    headers: { x-team: ml, x-count: 7 }
    protocol: http/json
    timeout: 4
    schedule_delay: 0
routes:
  acme: [byoc-acme]
  globex: standard+byoc-acme
`;

const wholeConfig = {
  defaultRoute: 'standard',
  unknownRoute: 'default',
  routeAttribute: 'tenant',
  maxBufferedBytes: 1,
  shutdownTimeoutMs: 2,
  parkMaxSpans: 0,
  parkTimeoutMs: 3,
  parkOverflow: 'default',
  backends: {
    standard: {
      preset: 'braintrust',
      endpoint: 'https://api.braintrust.dev',
      apiKey: 'k',
      parent: 'project_name:checkout',
    },
    'byoc-acme': {
      tracesEndpoint: 'https://acme.example/v1/traces',
      headers: { 'x-team': 'ml', 'x-count': '7' },
      protocol: 'http/json',
      timeoutMs: 4,
      scheduleDelayMs: 0,
    },
  },
  routes: { acme: ['byoc-acme'], globex: ['standard', 'byoc-acme'] },
};

test('has the same settings as the variables', () => {
  const { file } = writeFiles({ file: whole });
  expect(loadConfig({ SIGNALBOX_CONFIG_FILE: file })).toEqual(wholeConfig);
});

test('may be JSON, indented by tabs too', () => {
  const json = JSON.stringify({ backends: { a: { endpoint: 'http://127.0.0.1' } } }, null, '\t');
  expect([...resolveText(json).backends.keys()]).toEqual(['a']);
});

test('may begin with a byte order mark', () => {
  const text = '\uFEFFbackends: { a: { endpoint: "http://127.0.0.1" } }';
  expect([...resolveText(text).backends.keys()]).toEqual(['a']);
});

test('may repeat a part by an alias', () => {
  const config = resolveText(`
backends:
  a: &shared { endpoint: "http://127.0.0.1", timeout: 7 }
  b: *shared
`);
  expect(backendOf(config, 'b').timeoutMs).toBe(7);
});

describe('beside variables', () => {
  const text = `
shutdown_timeout: 1
park_timeout: 2
routes: { acme: [a], globex: [a] }
backends:
  a: { endpoint: "http://127.0.0.1", timeout: 3, compression: gzip, headers: { x-a: 1, x-b: 2 } }
`;

  test('each setting is overridden by itself, headers and routes as a whole', () => {
    const config = resolveText(text, {
      SIGNALBOX_SHUTDOWN_TIMEOUT: '10',
      SIGNALBOX_BACKEND_A_TIMEOUT: '30',
      SIGNALBOX_BACKEND_A_HEADERS: 'x-c=3',
      SIGNALBOX_ROUTES: 'initech=a',
    });
    expect(config).toMatchObject({ shutdownTimeoutMs: 10, parkTimeoutMs: 2 });
    expect([...config.routes.keys()]).toEqual(['initech']);
    expect(backendOf(config, 'a')).toMatchObject({
      timeoutMs: 30,
      compression: 'gzip',
      headers: { 'x-c': '3' },
    });
  });

  test('the backends are those of both', () => {
    const config = resolveText(text, {
      SIGNALBOX_BACKENDS: 'b',
      SIGNALBOX_BACKEND_B_ENDPOINT: 'http://127.0.0.1:2',
    });
    expect([...config.backends.keys()]).toEqual(['a', 'b']);
  });

  test('a backend may have its settings in variables alone', () => {
    const env = { SIGNALBOX_BACKEND_A_ENDPOINT: 'http://127.0.0.1:2' };
    expect(backendOf(resolveText('backends:\n  a:\n', env), 'a').url).toBe(
      'http://127.0.0.1:2/v1/traces',
    );
  });

  test('problems name whichever has the setting', () => {
    const env = {
      SIGNALBOX_BACKEND_A_COMPRESSION: 'zip',
      SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: 'http://127.0.0.1',
    };
    expect(
      problemsIn('backends:\n  a:\n    endpoint: http://127.0.0.1\n    timeout: soon\n', env),
    ).toEqual([
      'file:4 backends.a.timeout: is not a whole number in its range',
      'SIGNALBOX_BACKEND_A_COMPRESSION: is not one of its values',
      expect.stringMatching(
        /^SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: stands beside .*:3 backends\.a\.endpoint$/,
      ),
    ]);
  });
});

describe('references to variables', () => {
  const endpoint = 'endpoint: http://127.0.0.1';

  test('are replaced in values, and types are resolved afterwards', () => {
    const config = resolveText(
      `
backends:
  a:
    ${endpoint}:\${PORT}
    timeout: \${TIMEOUT}
    schedule_delay: \${DELAY:-7}
    max_queue_bytes: \${HEX}
    headers:
      x-team: "\${env:TEAM}"
      x-plain: $\${TEAM}
    api_key: \${KEY}
`,
      { PORT: '4318', TIMEOUT: '5', TEAM: 'ml', KEY: '0123', HEX: '0x10' },
    );
    expect(backendOf(config, 'a')).toMatchObject({
      url: 'http://127.0.0.1:4318/v1/traces',
      timeoutMs: 5,
      scheduleDelayMs: 7,
      maxQueueBytes: 16,
      headers: { 'x-team': 'ml', 'x-plain': '${TEAM}', authorization: 'Bearer 0123' },
    });
  });

  test('are not replaced in keys', () => {
    expect(problemsIn(`backends:\n  a: { ${endpoint}, "\${K}": 1 }`, { K: 'timeout' })).toEqual([
      'file:2 backends.a.(a name of other characters): is not a known setting',
    ]);
  });

  test('bring in no structure', () => {
    const config = resolveText(
      `backends:\n  a:\n    ${endpoint}\n    parent: x\n    preset: braintrust\n    api_key: \${KEY}`,
      {
        KEY: 'k # {a: b}',
      },
    );
    expect(backendOf(config, 'a').headers.authorization).toBe('Bearer k # {a: b}');
  });

  test('that are quoted give text, which is no number', () => {
    expect(
      problemsIn(`backends:\n  a:\n    ${endpoint}\n    timeout: "\${T}"`, { T: '5' }),
    ).toEqual(['file:4 backends.a.timeout: is not a whole number in its range']);
  });

  test('to a variable that is not set leave nothing, which is a problem', () => {
    const text = `backends:\n  a:\n    ${endpoint}\n    api_key: \${KEY}\n    headers:\n      x-a: \${KEY}`;
    expect(problemsIn(text)).toEqual([
      'file:4 backends.a.api_key: refers to KEY, which is not set',
      'file:6 backends.a.headers.x-a: refers to KEY, which is not set',
    ]);
  });

  test.each([
    ['"${KEY}"', {}, 'refers to KEY, which is not set'],
    ['${OTHER:-}${env:KEY}', {}, 'refers to KEY, which is not set'],
    ['${KEY}', { KEY: '' }, 'refers to KEY, which is empty'],
    ['${KEY:-}', {}, 'is empty'],
  ])('of which nothing is left in %s are a problem', (reference, env, what) => {
    const text = `backends:\n  a:\n    ${endpoint}\nroute_attribute: ${reference}`;
    expect(problemsIn(text, env)).toEqual([`file:4 route_attribute: ${what}`]);
  });

  test.each(['${KEY:?error}', '${1KEY}', '${}', '"${K Y}"'])('can not be %s', (reference) => {
    expect(problemsIn(`backends:\n  a:\n    ${endpoint}\n    api_key: ${reference}`)).toEqual([
      'file:4 backends.a.api_key: has a reference that can not be read',
    ]);
  });
});

describe('refuses', () => {
  const backends = 'backends: { a: { endpoint: "http://127.0.0.1" } }';

  test.each([
    ['an empty file', '', ['file:1: is not a set of settings']],
    ['a list', '- a', ['file:1: is not a set of settings']],
    ['text', 'backends', ['file:1: is not a set of settings']],
    [
      'bad YAML',
      'backends:\n  a: [1',
      ['file:2:8: is not valid YAML: the indentation is off, or a bracket is not closed'],
    ],
    [
      'bad YAML that the parser stumbles over several times',
      'backends:\n  a:\n    endpoint: x\n   timeout: 5\n    api_key: k\n',
      ['file:4:1: is not valid YAML: the indentation is off, or a bracket is not closed'],
    ],
    [
      'bad YAML whose faults the parser finds out of order',
      '%x\na: 1',
      ['file:1:1: is not valid YAML: a directive can not be read'],
    ],
    ['bad YAML of a kind that has no words', 'a: &x &y 1', ['file:1:7: is not valid YAML']],
    [
      'an unknown tag',
      `${backends}\npark_timeout: !ms 5`,
      ['file:2:15: is not valid YAML: a tag is not known, or does not fit its value'],
    ],
    [
      'two documents',
      `${backends}\n---\n${backends}`,
      ['file:2:1: is not valid YAML: it has several documents'],
    ],
    ['no backends', 'backends: {}', ['file:1 backends: names no backend']],
    [
      'backends that are a list',
      'backends: [a]',
      ['file:1 backends: is not a set of backends by name'],
    ],
    [
      'a backend that is text',
      'backends:\n  a: b',
      ['file:2 backends.a: is not a set of settings', 'file:2 backends.a.endpoint: is not set'],
    ],
    [
      'a bad name',
      'backends:\n  a b: {}',
      [
        'file:2 backends.(a name of other characters): is not the name of a backend',
        'file:1 backends: names no backend',
      ],
    ],
    [
      'an unknown setting',
      `${backends}\nallowed_host: [a]`,
      ['file:2 allowed_host: is not a known setting'],
    ],
    [
      "a backend's unknown setting",
      'backends:\n  a:\n    endpoint: http://127.0.0.1\n    flavour: x',
      ['file:4 backends.a.flavour: is not a known setting'],
    ],
    [
      'a setting that stands twice',
      `${backends}\npark_timeout: 5\npark_timeout: 6`,
      ['file:3 park_timeout: stands here twice'],
    ],
    [
      'a backend that stands twice',
      'backends:\n  a: { endpoint: "http://127.0.0.1" }\n  a: {}',
      ['file:3 backends.a: stands here twice'],
    ],
    ['an empty setting', `${backends}\npark_timeout:`, ['file:2 park_timeout: is empty']],
    [
      'empty text',
      `${backends}\ndefault_route: ""`,
      ['file:2 default_route: is empty, or not text'],
    ],
    [
      'a fraction',
      `${backends}\npark_timeout: 1.5`,
      ['file:2 park_timeout: is not a whole number in its range'],
    ],
    [
      'a list for a number',
      `${backends}\npark_timeout: [1]`,
      ['file:2 park_timeout: is not a whole number in its range'],
    ],
    [
      'a list of headers',
      'backends:\n  a:\n    endpoint: http://127.0.0.1\n    headers: [a]',
      ['file:4 backends.a.headers: is not a list of headers with text values'],
    ],
    [
      'a header of several values',
      'backends:\n  a:\n    endpoint: http://127.0.0.1\n    headers:\n      x-a: [b]',
      ['file:5 backends.a.headers.x-a: is not text'],
    ],
    [
      'routes that are a list',
      `${backends}\nroutes: [a]`,
      ['file:2 routes: is not a set of routes'],
    ],
    [
      'an empty route',
      `${backends}\nroutes:\n  acme: []`,
      ['file:3 routes.acme: leads from acme to no backend'],
    ],
    [
      'a route that can not be read, and nothing that only follows from it',
      `${backends}\ndefault_route: acme\nroutes:\n  acme: { a: b }\n  globex: [[a]]`,
      ['file:4 routes.acme: is not a route', 'file:5 routes.globex: is not a route'],
    ],
    [
      'bad route keys, each by itself',
      `${backends}\nroutes:\n  a b: a\n  "": a`,
      [
        'file:3 routes."a b": has "a b", which is not a route key',
        'file:4 routes."": has "", which is not a route key',
      ],
    ],
    [
      'a route to nowhere',
      `${backends}\nroutes:\n  acme: [b]`,
      ['file:3 routes.acme: leads from acme to b, which is not a backend'],
    ],
    ['a key that is no text', `${backends}\n? [x]\n: 1`, ['file:2 ?: is not a plain key']],
    [
      'an alias of nothing',
      `${backends}\npark_timeout: *x`,
      ['file:2 park_timeout: is not a whole number in its range'],
    ],
    [
      'a missing endpoint',
      'backends:\n  a:\n    timeout: 5',
      ['file:2 backends.a.endpoint: is not set'],
    ],
  ])('%s', (_, text, expected) => {
    expect(problemsIn(text)).toEqual(expected);
  });

  test.each([
    ['flow maps', '{"a":'.repeat(50_000)],
    ['flow sequences', '['.repeat(50_000)],
    ['sequences', '- '.repeat(50_000)],
    ['keys', '? '.repeat(50_000)],
    ['values', `${backends}\nroutes: ${': '.repeat(50_000)}`],
    ['lines', Array.from({ length: 2_000 }, (_, level) => `${' '.repeat(level)}a:`).join('\n')],
  ])('nesting without end, of %s', (_, text) => {
    expect(problemsIn(text)).toEqual(['file: is nested too deeply']);
  });

  test('every problem of file and variables at once', () => {
    const env = { SIGNALBOX_PARK_TIMEOUT: 'x', SIGNALBOX_BACKEND_B_TIMEOUT: '1' };
    expect(problemsIn(`${backends}\nshutdown_timeout: 0`, env)).toEqual([
      'SIGNALBOX_BACKEND_B_TIMEOUT: is not a known setting',
      'file:2 shutdown_timeout: is not a whole number in its range',
      'SIGNALBOX_PARK_TIMEOUT: is not a whole number in its range',
    ]);
  });

  test('a file that can not be read, without guessing what follows from it', () => {
    const env = {
      SIGNALBOX_CONFIG_FILE: '/nonexistent/signalbox.yaml',
      SIGNALBOX_BACKEND_A_API_KEY: 'k',
    };
    expect(problemsOf(() => resolveFromEnv(env))).toEqual([
      {
        where: 'SIGNALBOX_CONFIG_FILE',
        what: 'names "/nonexistent/signalbox.yaml", which does not exist',
        hint: 'a readable file',
      },
    ]);
  });
});

test('says what a misspelt key was meant to be', () => {
  const [problem] = problemsOf(() => resolveText('backends:\n  a:\n    endpont: http://127.0.0.1'));
  expect(problem?.hint).toBe('did you mean endpoint?');
});
