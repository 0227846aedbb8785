import { describe, expect, test } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { backendOf, problemLines, problemsOf } from './problems.js';

const standard = {
  SIGNALBOX_BACKENDS: 'standard',
  SIGNALBOX_BACKEND_STANDARD_ENDPOINT: 'http://127.0.0.1:4318',
};
const resolve = (env: NodeJS.ProcessEnv) => resolveFromEnv({ ...standard, ...env });
const hintsOf = (env: NodeJS.ProcessEnv) =>
  problemsOf(() => resolve(env)).map(({ where, hint }) => `${where}: ${hint}`);

test('every setting has its variable', () => {
  const config = loadConfig({
    SIGNALBOX_BACKENDS: 'standard, byoc-acme',
    SIGNALBOX_DEFAULT_ROUTE: 'standard',
    SIGNALBOX_ROUTES: 'acme=byoc-acme,globex=standard+byoc-acme',
    SIGNALBOX_UNKNOWN_ROUTE: 'default',
    SIGNALBOX_ROUTE_ATTRIBUTE: 'tenant',
    SIGNALBOX_MAX_BUFFERED_BYTES: '1',
    SIGNALBOX_SHUTDOWN_TIMEOUT: '2',
    SIGNALBOX_PARK_MAX_SPANS: '0',
    SIGNALBOX_PARK_TIMEOUT: '3',
    SIGNALBOX_PARK_OVERFLOW: 'default',
    SIGNALBOX_BACKEND_STANDARD_PRESET: 'braintrust',
    SIGNALBOX_BACKEND_STANDARD_ENDPOINT: 'https://api.braintrust.dev',
    SIGNALBOX_BACKEND_STANDARD_API_KEY: ' k ',
    SIGNALBOX_BACKEND_STANDARD_PARENT: 'project_name:checkout',
    SIGNALBOX_BACKEND_BYOC_ACME_TRACES_ENDPOINT: 'https://acme.example/v1/traces',
    SIGNALBOX_BACKEND_BYOC_ACME_HEADERS: 'x-team=ml%20ops',
    SIGNALBOX_BACKEND_BYOC_ACME_PROTOCOL: 'http/json',
    SIGNALBOX_BACKEND_BYOC_ACME_COMPRESSION: 'gzip',
    SIGNALBOX_BACKEND_BYOC_ACME_TIMEOUT: '4',
    SIGNALBOX_BACKEND_BYOC_ACME_PROXY: 'http://proxy.example',
    SIGNALBOX_BACKEND_BYOC_ACME_EXPORTER: 'signalbox',
    SIGNALBOX_BACKEND_BYOC_ACME_MAX_CONCURRENT_EXPORTS: '5',
    SIGNALBOX_BACKEND_BYOC_ACME_MAX_QUEUE_SIZE: '60',
    SIGNALBOX_BACKEND_BYOC_ACME_MAX_QUEUE_BYTES: '7',
    SIGNALBOX_BACKEND_BYOC_ACME_MAX_EXPORT_BATCH_SIZE: '8',
    SIGNALBOX_BACKEND_BYOC_ACME_MAX_EXPORT_BATCH_BYTES: '9',
    SIGNALBOX_BACKEND_BYOC_ACME_SCHEDULE_DELAY: '0',
    SIGNALBOX_BACKEND_BYOC_ACME_RETRY_MAX_ELAPSED: '0',
    SIGNALBOX_BACKEND_BYOC_ACME_RATE_LIMIT_MAX_REQUESTS: '10',
    SIGNALBOX_BACKEND_BYOC_ACME_RATE_LIMIT_WINDOW_MINUTES: '11',
  });
  expect(config).toEqual({
    backends: {
      standard: {
        preset: 'braintrust',
        endpoint: 'https://api.braintrust.dev',
        apiKey: 'k',
        parent: 'project_name:checkout',
      },
      'byoc-acme': {
        tracesEndpoint: 'https://acme.example/v1/traces',
        headers: { 'x-team': 'ml ops' },
        protocol: 'http/json',
        compression: 'gzip',
        timeoutMs: 4,
        proxy: 'http://proxy.example',
        exporter: 'signalbox',
        maxConcurrentExports: 5,
        maxQueueSize: 60,
        maxQueueBytes: 7,
        maxExportBatchSize: 8,
        maxExportBatchBytes: 9,
        scheduleDelayMs: 0,
        retryMaxElapsedMs: 0,
        rateLimitMaxRequests: 10,
        rateLimitWindowMinutes: 11,
      },
    },
    defaultRoute: 'standard',
    routes: { acme: ['byoc-acme'], globex: ['standard', 'byoc-acme'] },
    unknownRoute: 'default',
    routeAttribute: 'tenant',
    maxBufferedBytes: 1,
    shutdownTimeoutMs: 2,
    parkMaxSpans: 0,
    parkTimeoutMs: 3,
    parkOverflow: 'default',
  });
});

test('an empty route attribute writes none', () => {
  expect(resolve({ SIGNALBOX_ROUTE_ATTRIBUTE: '' }).routeAttribute).toBeUndefined();
});

test('what is changed in the environment later changes nothing', () => {
  const env: NodeJS.ProcessEnv = { ...standard };
  const config = resolveFromEnv(env);
  env.SIGNALBOX_BACKEND_STANDARD_ENDPOINT = 'http://evil.example';
  expect(backendOf(config, 'standard').url).toBe('http://127.0.0.1:4318/v1/traces');
});

test.each([
  ['true', true],
  ['false', false],
])('%s is a flag', (text, value) => {
  const config = resolve({ SIGNALBOX_BACKEND_STANDARD_AUDIT_HEADERS: text });
  expect(backendOf(config, 'standard').auditHeaders).toBe(value);
});

test('REROOT is of one backend, and off unless it is set', () => {
  const at = (name: string) => ({ [`SIGNALBOX_BACKEND_${name}_ENDPOINT`]: 'http://x.example' });
  const config = resolveFromEnv({
    SIGNALBOX_BACKENDS: 'a,b',
    SIGNALBOX_DEFAULT_ROUTE: 'a',
    ...at('A'),
    ...at('B'),
    SIGNALBOX_BACKEND_A_REROOT: 'true',
  });
  expect([backendOf(config, 'a').reroot, backendOf(config, 'b').reroot]).toEqual([true, false]);
});

describe('refuses', () => {
  test.each(['yes', '1', 'TRUE'])('%j as a flag', (value) => {
    const env = { SIGNALBOX_BACKEND_STANDARD_AUDIT_HEADERS: value };
    expect(problemLines(() => resolve(env))).toEqual([
      'SIGNALBOX_BACKEND_STANDARD_AUDIT_HEADERS: is neither true nor false',
    ]);
  });

  test.each([
    ['', 'is set but empty'],
    [' ', 'is set but empty'],
    ['10s', 'is not a whole number in its range'],
    ['1e3', 'is not a whole number in its range'],
    ['0x10', 'is not a whole number in its range'],
    ['0', 'is not a whole number in its range'],
    ['-1', 'is not a whole number in its range'],
    ['2147483648', 'is not a whole number in its range'],
  ])('%j as a timeout', (value, what) => {
    expect(problemLines(() => resolve({ SIGNALBOX_BACKEND_STANDARD_TIMEOUT: value }))).toEqual([
      `SIGNALBOX_BACKEND_STANDARD_TIMEOUT: ${what}`,
    ]);
  });

  test.each([
    'BACKENDS',
    'ROUTES',
    'DEFAULT_ROUTE',
    'UNKNOWN_ROUTE',
    'CONFIG_FILE',
    'MAX_BUFFERED_BYTES',
    'BACKEND_STANDARD_API_KEY',
    'BACKEND_STANDARD_HEADERS',
    'BACKEND_STANDARD_PROXY',
    'BACKEND_STANDARD_EXPORTER',
  ])('SIGNALBOX_%s where it is set but empty', (name) => {
    const lines = problemLines(() => resolve({ [`SIGNALBOX_${name}`]: '' }));
    expect(lines).toContain(`SIGNALBOX_${name}: is set but empty`);
  });

  test.each([
    ['PROTOCOL', 'grpc', 'is not one of its values'],
    ['COMPRESSION', 'zstd', 'is not one of its values'],
    ['PRESET', 'jaeger', 'is not one of its values'],
    ['EXPORTER', 'zipkin', 'is no exporter'],
    ['HEADERS', 'x-team', 'pair 1 has no "="'],
    ['ENDPOINT', 'localhost:4318', 'is not an http or https URL'],
    ['API_KEY', 'a\nb', 'has characters that no header can carry'],
  ])('%s=%j', (name, value, what) => {
    const variable = `SIGNALBOX_BACKEND_STANDARD_${name}`;
    expect(problemLines(() => resolve({ [variable]: value }))).toEqual([`${variable}: ${what}`]);
  });

  test('a backend without an endpoint, naming the variable', () => {
    expect(problemLines(() => resolve({ SIGNALBOX_BACKENDS: 'standard,byoc-acme' }))).toEqual([
      'SIGNALBOX_BACKEND_BYOC_ACME_ENDPOINT: is not set',
    ]);
  });

  test('bad lists of backends', () => {
    const whatOf = (list: string) =>
      problemsOf(() => resolve({ SIGNALBOX_BACKENDS: list }))
        .filter(({ where }) => where === 'SIGNALBOX_BACKENDS')
        .map(({ what }) => what);
    expect(whatOf('standard,,')).toEqual(['has an empty name']);
    expect(whatOf('standard,standard')).toEqual(['has a name twice']);
    expect(whatOf('standard,a.b')).toEqual(['has a name that no backend can have']);
  });

  test('routes and defaults that lead nowhere', () => {
    const env = { SIGNALBOX_ROUTES: 'acme=standart', SIGNALBOX_DEFAULT_ROUTE: 'nobody' };
    expect(problemLines(() => resolve(env))).toEqual([
      'SIGNALBOX_ROUTES: leads from acme to standart, which is not a backend',
      'SIGNALBOX_DEFAULT_ROUTE: names nobody, which is neither a route key nor a backend',
    ]);
  });

  test('routes that can not be read, and nothing that only follows from it', () => {
    const env = { SIGNALBOX_ROUTES: 'acme', SIGNALBOX_DEFAULT_ROUTE: 'acme' };
    expect(problemLines(() => resolve(env))).toEqual(['SIGNALBOX_ROUTES: route 1 can not be read']);
  });
});

describe('tells every problem', () => {
  test('of routes and their default', () => {
    const env = {
      SIGNALBOX_BACKENDS: 'a,b',
      SIGNALBOX_BACKEND_A_ENDPOINT: 'http://127.0.0.1:1',
      SIGNALBOX_BACKEND_B_ENDPOINT: 'http://127.0.0.1:2',
      SIGNALBOX_ROUTES: 'acme=c,b ad=a,x=a+a,=b,y',
      SIGNALBOX_DEFAULT_ROUTE: 'zzz',
    };
    expect(problemLines(() => resolveFromEnv(env))).toEqual([
      'SIGNALBOX_ROUTES: route 4 can not be read',
      'SIGNALBOX_ROUTES: route 5 can not be read',
      'SIGNALBOX_ROUTES: leads from acme to c, which is not a backend',
      'SIGNALBOX_ROUTES: has "b ad", which is not a route key',
      'SIGNALBOX_ROUTES: leads from x to a backend twice',
      'SIGNALBOX_DEFAULT_ROUTE: names zzz, which is neither a route key nor a backend',
    ]);
  });

  test('of headers', () => {
    const env = {
      SIGNALBOX_BACKEND_STANDARD_HEADERS:
        'content-type=x,Authorization=Basic y,x y=1,=2,a=b%ZZ,x-team=ml',
      SIGNALBOX_BACKEND_STANDARD_API_KEY: 'k',
    };
    const variable = 'SIGNALBOX_BACKEND_STANDARD_HEADERS';
    expect(problemLines(() => resolve(env))).toEqual([
      `${variable}: pair 4 has an empty name or value`,
      `${variable}: pair 5 has a "%" that begins no percent-encoding`,
      `${variable}: has content-type, which signalbox sets itself`,
      `${variable}: is not a header name`,
      `${variable}: authorization is set by the API key`,
    ]);
  });

  test('of the list of backends, whose other names still count', () => {
    const env = { SIGNALBOX_BACKENDS: 'standard,,standard', SIGNALBOX_DEFAULT_ROUTE: 'nobody' };
    expect(problemLines(() => resolve(env))).toEqual([
      'SIGNALBOX_BACKENDS: has an empty name',
      'SIGNALBOX_BACKENDS: has a name twice',
      'SIGNALBOX_DEFAULT_ROUTE: names nobody, which is neither a route key nor a backend',
    ]);
  });
});

describe('a variable that two backends could own', () => {
  test('is a problem where they share all variables, told once', () => {
    const env = {
      SIGNALBOX_BACKENDS: 'a-b,a_b',
      SIGNALBOX_BACKEND_A_B_ENDPOINT: 'http://127.0.0.1',
      SIGNALBOX_BACKEND_A_B_TIMEOUT: '1',
    };
    const lines = problemLines(() => resolveFromEnv(env));
    expect(lines.filter((line) => line.includes('share'))).toEqual([
      'SIGNALBOX_BACKENDS: "a-b" and "a_b" share the variables SIGNALBOX_BACKEND_A_B_*',
    ]);
    expect(lines.filter((line) => line.includes('could belong'))).toEqual([]);
  });

  test('is a problem where they share a single one', () => {
    const env = {
      SIGNALBOX_BACKENDS: 'a,a-traces',
      SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: 'http://127.0.0.1',
    };
    expect(problemLines(() => resolveFromEnv(env))).toContain(
      'SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: could belong to the backends "a-traces" and "a"',
    );
  });

  test('is none where only one of them has such a setting', () => {
    const env = {
      SIGNALBOX_BACKENDS: 'a,a-traces',
      SIGNALBOX_BACKEND_A_ENDPOINT: 'http://127.0.0.1:1',
      SIGNALBOX_BACKEND_A_TRACES_TRACES_ENDPOINT: 'http://127.0.0.1:2',
      SIGNALBOX_BACKEND_A_TRACES_TIMEOUT: '7',
    };
    const config = resolveFromEnv(env);
    expect(backendOf(config, 'a-traces')).toMatchObject({
      url: 'http://127.0.0.1:2/',
      timeoutMs: 7,
    });
    expect(backendOf(config, 'a').timeoutMs).toBe(10_000);
  });
});

describe('an unknown variable', () => {
  test.each([
    ['SIGNALBOX_BACKEND_STANDARD_ENDPONT', 'did you mean SIGNALBOX_BACKEND_STANDARD_ENDPOINT?'],
    ['SIGNALBOX_BACKEND_STANDARD_HEADER', 'did you mean SIGNALBOX_BACKEND_STANDARD_HEADERS?'],
    ['SIGNALBOX_BACKEND_STANDARD_FLAVOUR', 'no backend has such a setting'],
    [
      'SIGNALBOX_BACKEND_STANDARD_GREEN_HEADERS',
      'no backend has this name or this setting; add it to SIGNALBOX_BACKENDS, or unset the variable',
    ],
    [
      'SIGNALBOX_BACKEND_STANDARD_EU_ENDPOINT',
      'no backend has this name or this setting; add it to SIGNALBOX_BACKENDS, or did you mean SIGNALBOX_BACKEND_STANDARD_ENDPOINT?',
    ],
    [
      'SIGNALBOX_BACKEND_STANDART_API_KEY',
      'no backend has this name; add it to SIGNALBOX_BACKENDS, or did you mean SIGNALBOX_BACKEND_STANDARD_API_KEY?',
    ],
    ['SIGNALBOX_BACKEND_standard_API_KEY', 'did you mean SIGNALBOX_BACKEND_STANDARD_API_KEY?'],
    ['SIGNALBOX_BACKNED_STANDARD_API_KEY', 'did you mean SIGNALBOX_BACKEND_STANDARD_API_KEY?'],
    ['SIGNALBOX_BACKENDSTANDARD_ENDPOINT', 'did you mean SIGNALBOX_BACKEND_STANDARD_ENDPOINT?'],
    ['SIGNALBOX_BACKENDS_STANDARD_API_KEY', 'did you mean SIGNALBOX_BACKEND_STANDARD_API_KEY?'],
    ['SIGNALBOX_BACK_END_STANDARD_API_KEY', 'did you mean SIGNALBOX_BACKEND_STANDARD_API_KEY?'],
    ['SIGNALBOX_STANDARD_API_KEY', 'did you mean SIGNALBOX_BACKEND_STANDARD_API_KEY?'],
    ['SIGNALBOX_STANDARD_API_KY', "a backend's settings are SIGNALBOX_BACKEND_<NAME>_*"],
    ['SIGNALBOX_BACKNED_ACME_API_KEY', "a backend's settings are SIGNALBOX_BACKEND_<NAME>_*"],
    [
      'SIGNALBOX_BACKEND_ACME_API_KEY',
      'no backend has this name; add it to SIGNALBOX_BACKENDS, or unset the variable',
    ],
    [
      'SIGNALBOX_BACKEND_STANDARD',
      'no backend has this name; add it to SIGNALBOX_BACKENDS, or unset the variable',
    ],
    ['SIGNALBOX_BACKEND_STANDARD_undefined', 'no backend has such a setting'],
    ['SIGNALBOX_BACKEND', 'did you mean SIGNALBOX_BACKENDS?'],
    ['SIGNALBOX_ROUTE', 'did you mean SIGNALBOX_ROUTES?'],
    ['SIGNALBOX_DEFAULT_ROUTES', 'did you mean SIGNALBOX_DEFAULT_ROUTE?'],
    ['SIGNALBOX_API_KEY', 'set SIGNALBOX_BACKEND_<NAME>_API_KEY'],
    ['SIGNALBOX_ALLOWED_HOST', 'did you mean SIGNALBOX_ALLOWED_HOSTS?'],
    ['SIGNALBOX_PROPAGATION_SECRETS', 'did you mean SIGNALBOX_PROPAGATION_SECRET?'],
    ['SIGNALBOX_PROPAGATION_HOST', 'did you mean SIGNALBOX_PROPAGATION_HOSTS?'],
    ['SIGNALBOX_TEMPLATE_ENDPOIN', 'did you mean SIGNALBOX_TEMPLATE_ENDPOINT?'],
    ['SIGNALBOX_TEMPLATE_IDLE_TIMEOU', 'did you mean SIGNALBOX_TEMPLATE_IDLE_TIMEOUT?'],
    ['SIGNALBOX_TEMPLATE_COLOUR', 'no backend has such a setting'],
  ])('%s is a problem with a hint', (variable, hint) => {
    expect(hintsOf({ [variable]: 'x' })).toEqual([`${variable}: ${hint}`]);
  });

  test.each([
    ['SIGNALBOX_BACKNED_A_API_KEY', 'SIGNALBOX_BACKEND_A_API_KEY'],
    ['SIGNALBOX_BACKENDA_ENDPOINT', 'SIGNALBOX_BACKEND_A_ENDPOINT'],
    ['SIGNALBOX_BACKENDS_A_API_KEY', 'SIGNALBOX_BACKEND_A_API_KEY'],
    ['SIGNALBOX_A_API_KEY', 'SIGNALBOX_BACKEND_A_API_KEY'],
  ])('%s is a problem where a backend has a short name', (variable, meant) => {
    const env = {
      SIGNALBOX_BACKENDS: 'a',
      SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: 'http://127.0.0.1:4318',
      [variable]: 'x',
    };
    expect(problemsOf(() => resolveFromEnv(env))).toEqual([
      { where: variable, what: 'is not a known setting', hint: `did you mean ${meant}?` },
    ]);
  });

  test('of a backend that the list lacks is not taken for that of its neighbour', () => {
    const env = {
      SIGNALBOX_BACKENDS: 'eu1',
      SIGNALBOX_BACKEND_EU1_ENDPOINT: 'http://127.0.0.1:4318',
      SIGNALBOX_BACKEND_EU2_ENDPOINT: 'http://127.0.0.1:4319',
    };
    expect(problemsOf(() => resolveFromEnv(env))[0]?.hint).toMatch(
      /^no backend has this name; add it to SIGNALBOX_BACKENDS/,
    );
  });

  test.each([
    'SIGNALBOX_COLOUR',
    'SIGNALBOX_BACKUP_DIR',
    'SIGNALBOX_ACME_API_KEY',
    'SIGNALBOX_SERVICE_HOST',
    'SIGNALBOX_PORT',
    'SIGNALBOX_BACKEND_STANDARD_SERVICE_HOST',
    'SIGNALBOX_BACKEND_STANDARD_SERVICE_PORT',
    'SIGNALBOX_BACKEND_STANDARD_SERVICE_PORT_HTTP',
    'SIGNALBOX_BACKEND_STANDARD_PORT',
    'SIGNALBOX_BACKEND_STANDARD_PORT_4318_TCP',
    'SIGNALBOX_BACKEND_STANDARD_PORT_4318_TCP_ADDR',
    'SIGNALBOX_BACKEND_OTHER_PORT_4318_TCP_PROTO',
  ])('%s is warned of', (variable) => {
    expect(resolve({ [variable]: 'x' }).warnings).toEqual([
      expect.stringContaining(`${variable}: `),
    ]);
  });

  test('that has no effect is told to whoever loads the configuration', () => {
    const warnings: string[] = [];
    loadConfig({ ...standard, SIGNALBOX_COLOUR: 'x' }, (message) => warnings.push(message));
    expect(warnings).toEqual([
      'SIGNALBOX_COLOUR: is not a known setting and has no effect (unset it)',
    ]);
  });

  test.each(['OTHER', 'signalbox_backends', 'MY_SIGNALBOX_BACKENDS'])('%s is not ours', (name) => {
    expect(resolve({ [name]: 'x' }).warnings).toEqual([]);
  });
});
