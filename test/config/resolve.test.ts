import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError } from '../../src/config/error.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig, SignalboxConfig } from '../../src/config/schema.js';
import type { SpanExporter } from '../../src/sdk.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { backendOf, problemLines, problemsOf, writeFiles } from './problems.js';

const endpoint = 'http://127.0.0.1:4318';
const resolve = (backend: BackendConfig) => resolveConfig({ backends: { a: backend } });
const resolveUnchecked = (config: unknown) => resolveConfig(config as SignalboxConfig);
const exporter = (): SpanExporter => ({ export: () => {}, shutdown: async () => {} });

test('fills in every default', () => {
  const config = resolve({ endpoint });
  expect(config).toMatchObject({
    collector: undefined,
    defaultRoute: undefined,
    unknownRoute: 'drop',
    routeAttribute: 'signalbox.route',
    maxBufferedBytes: 64 * 1024 * 1024,
    shutdownTimeoutMs: 5_000,
    parkMaxSpans: 10_000,
    parkTimeoutMs: 30_000,
    parkOverflow: 'drop',
    meterProvider: undefined,
    warnings: [],
  });
  expect(backendOf(config, 'a')).toEqual({
    name: 'a',
    url: 'http://127.0.0.1:4318/v1/traces',
    headers: {},
    parent: undefined,
    isCollector: false,
    protocol: 'http/protobuf',
    compression: 'none',
    timeoutMs: 10_000,
    tls: undefined,
    credentials: undefined,
    authGraceMs: 300_000,
    proxy: undefined,
    hosts: { allowed: undefined, refusePrivate: false },
    delivery: { kind: 'signalbox', dispatcher: undefined },
    maxConcurrentExports: 4,
    maxQueueSize: undefined,
    maxQueueBytes: undefined,
    maxExportBatchSize: 512,
    maxExportBatchBytes: 4 * 1024 * 1024,
    scheduleDelayMs: 5_000,
    retryMaxElapsedMs: 300_000,
    spool: undefined,
    auditHeaders: false,
    reroot: false,
    rateLimit: undefined,
  });
});

test('takes every option', () => {
  const options = {
    protocol: 'http/json',
    compression: 'gzip',
    timeoutMs: 1,
    maxConcurrentExports: 2,
    maxQueueSize: 2000,
    maxQueueBytes: 4,
    maxExportBatchSize: 1000,
    maxExportBatchBytes: 6,
    scheduleDelayMs: 0,
    retryMaxElapsedMs: 0,
  } as const;
  expect(backendOf(resolve({ endpoint, ...options }), 'a')).toMatchObject(options);
  const settings = {
    unknownRoute: 'default',
    maxBufferedBytes: 1,
    shutdownTimeoutMs: 2,
    parkMaxSpans: 0,
    parkTimeoutMs: 3,
    parkOverflow: 'default',
  } as const;
  const config = resolveConfig({ backends: { a: { endpoint } }, defaultRoute: 'a', ...settings });
  expect(config).toMatchObject(settings);
});

test('an empty route attribute writes none', () => {
  const config = { backends: { a: { endpoint } }, routeAttribute: '' };
  expect(resolveConfig(config).routeAttribute).toBeUndefined();
});

test('an option that is undefined counts as left out', () => {
  const config = resolveConfig({
    backends: { a: { endpoint, apiKey: process.env.UNSET, timeoutMs: undefined } },
    routes: undefined,
    meterProvider: undefined,
  });
  expect(backendOf(config, 'a').timeoutMs).toBe(10_000);
  expect([...config.routes.keys()]).toEqual(['a']);
});

test('is a copy that later changes do not reach', () => {
  const config = {
    backends: { a: { endpoint, headers: { 'x-team': 'ml' } } as BackendConfig },
    routes: { acme: ['a'] },
  };
  const resolved = resolveConfig(config);
  config.backends.a.endpoint = 'http://evil.example';
  Object.assign(config.backends.a.headers ?? {}, { 'x-team': 'evil' });
  config.routes.acme.push('b');
  Object.assign(config.backends, { b: { endpoint } });
  expect([...resolved.backends.keys()]).toEqual(['a']);
  expect(backendOf(resolved, 'a')).toMatchObject({
    url: 'http://127.0.0.1:4318/v1/traces',
    headers: { 'x-team': 'ml' },
  });
  expect(resolved.routes.get('acme')).toEqual({ key: 'acme', backends: ['a'] });
});

test('is frozen, whole', () => {
  const { client } = clientFiles();
  const config = resolve({ endpoint: 'https://127.0.0.1', headers: { a: 'b' }, ...client });
  const backend = backendOf(config, 'a');
  const route = config.routes.get('a');
  const parts = [
    config,
    config.warnings,
    backend,
    backend.headers,
    backend.tls,
    backend.delivery,
    backend.hosts,
    route,
    route?.backends,
  ];
  for (const part of parts) expect(Object.isFrozen(part)).toBe(true);
  for (const map of [config.backends, config.routes] as Map<string, unknown>[]) {
    expect(() => map.set('b', backend)).toThrow(TypeError);
    expect(() => map.delete('a')).toThrow(TypeError);
    expect(() => map.clear()).toThrow(TypeError);
  }
});

test('reads no environment', () => {
  const names = ['OTEL_EXPORTER_OTLP_TIMEOUT', 'HTTP_PROXY', 'SIGNALBOX_SHUTDOWN_TIMEOUT'];
  for (const name of names) process.env[name] = '7';
  onTestFinished(() => {
    for (const name of names) delete process.env[name];
  });
  const config = resolve({ endpoint });
  expect(config.shutdownTimeoutMs).toBe(5_000);
  expect(backendOf(config, 'a')).toMatchObject({ timeoutMs: 10_000, proxy: undefined });
});

describe('refuses', () => {
  test.each([
    ['null', null, ['configuration: is not an object']],
    ['text', 'otlp', ['configuration: is not an object']],
    ['a list', [], ['configuration: is not an object']],
    ['nothing', {}, ['backends: names no backend']],
    ['no backends', { backends: {} }, ['backends: names no backend']],
    ['a list of backends', { backends: [] }, ['backends: is not a set of backends by name']],
    [
      'backends that are no objects',
      { backends: { a: null } },
      ['backends.a: is not an object of settings'],
    ],
    [
      'an unknown setting',
      { backends: { a: { endpoint } }, shutdownTimeout: 5 },
      ['shutdownTimeout: is not a known setting'],
    ],
    [
      "a backend's unknown setting",
      { backends: { a: { endpoint, flavour: 'x' } } },
      ['backends.a.flavour: is not a known setting'],
    ],
    [
      'a setting named like a property of every object',
      { backends: { a: { endpoint, constructor: 1, ['__proto__']: 2 } } },
      [
        'backends.a.constructor: is not a known setting',
        'backends.a.__proto__: is not a known setting',
      ],
    ],
    [
      'a backend named like a property of every object',
      { backends: { a: { endpoint }, ['__proto__']: { endpoint } } },
      ['backends: is not a set of backends by name'],
    ],
  ])('%s', (_, config, expected) => {
    expect(problemLines(() => resolveUnchecked(config))).toEqual(expected);
  });

  test.each(['', '-a', '_a', 'a b', 'a.b', 'ä', 'a'.repeat(65)])('%j as a name', (name) => {
    const [problem] = problemsOf(() => resolveConfig({ backends: { [name]: { endpoint } } }));
    expect(problem?.what).toBe('is not the name of a backend');
  });

  test.each<[string, unknown[]]>([
    ['timeoutMs', [0, -1, 1.5, Number.NaN, 2 ** 31, '10', null, 10n]],
    ['scheduleDelayMs', [-1, 2 ** 31]],
    ['retryMaxElapsedMs', [-1, 2 ** 31]],
    ['rateLimitMaxRequests', [-1, 1.5, '10']],
    ['rateLimitWindowMinutes', [0, -1, 0.5, 2 ** 31]],
    ['maxConcurrentExports', [0]],
    ['maxQueueSize', [0, 2 ** 53]],
    ['maxQueueBytes', [0]],
    ['maxExportBatchSize', [0, Number.POSITIVE_INFINITY]],
    ['maxExportBatchBytes', [0]],
    ['protocol', ['grpc', 'http', '', null]],
    ['compression', ['deflate', 'GZIP']],
    ['preset', ['Braintrust', 7]],
    ['exporter', ['otlp', {}, { export: () => {} }]],
    ['dispatcher', ['agent', {}]],
    ['apiKey', ['', 7]],
    ['headers', [[], 'a=b', null]],
  ])('bad values of %s', (key, values) => {
    for (const value of values) {
      const problems = problemsOf(() =>
        resolveUnchecked({ backends: { a: { endpoint, [key]: value } } }),
      );
      expect(problems.map(({ where }) => where)).toEqual([`backends.a.${key}`]);
    }
  });

  test('a part of a compound value, by what is wrong with that part', () => {
    const config = {
      backends: { a: { endpoint, headers: { 'x-a': 1, 'x-b': 'b', 'x-c': null } } },
      routes: { acme: 'a', globex: [1, 2] },
    };
    expect(problemLines(() => resolveUnchecked(config))).toEqual([
      'routes.acme: is not a route',
      'routes.globex: is not a route',
      'backends.a.headers.x-a: is not text',
      'backends.a.headers.x-c: is not text',
    ]);
  });

  test('bad URLs with a hint at what that setting would be', () => {
    const hintOf = (backend: BackendConfig) => problemsOf(() => resolve(backend))[0]?.hint;
    expect(hintOf({ endpoint: 'nowhere' })).toBe('such as https://otlp.example.com');
    expect(hintOf({ endpoint, proxy: 'nowhere' })).toBe(
      'such as http://proxy.example.com:3128, or none',
    );
    expect(hintOf({ endpoint: 'http://user:pass@127.0.0.1' })).toBe(
      'give them as the API key or in the headers',
    );
  });

  test('gRPC with a hint at what to use', () => {
    const config = { backends: { a: { endpoint, protocol: 'grpc' } } };
    expect(problemsOf(() => resolveUnchecked(config))[0]?.hint).toMatch(/http\/protobuf.*4318/);
  });

  test('one exporter for two backends', () => {
    const shared = exporter();
    const config = { backends: { a: { exporter: shared }, b: { exporter: shared } } };
    expect(problemLines(() => resolveConfig(config))).toEqual([
      'backends.b.exporter: is the exporter of the backend a too',
    ]);
  });

  test('settings that a dispatcher has no use for', () => {
    const dispatcher = new Agent();
    const { client } = clientFiles();
    const options = { endpoint, dispatcher, proxy: 'http://p.example', ...client };
    expect(problemLines(() => resolve(options))).toEqual([
      'backends.a.proxy: has no effect beside a dispatcher',
      'backends.a.clientCertificate: has no effect beside a dispatcher',
      'backends.a.clientKey: has no effect beside a dispatcher',
    ]);
    expect(problemLines(() => resolve({ dispatcher, exporter: exporter() }))).toEqual([
      'backends.a.dispatcher: is not used by this exporter',
    ]);
  });

  test('a batch larger than the queue', () => {
    const options = { endpoint, maxQueueSize: 10, maxExportBatchSize: 11 };
    expect(problemLines(() => resolve(options))).toEqual([
      'backends.a.maxExportBatchSize: is more than the queue may hold',
    ]);
  });
});

test('tells every problem at once, and counts them', () => {
  const act = () =>
    resolveUnchecked({
      backends: {
        a: { timeoutMs: 'soon', preset: 'braintrust', endpoint },
        b: { endpoint: 'nowhere', compression: 'zip' },
      },
      routes: { acme: ['c'] },
      defaultRoute: 'd',
      unknown: 1,
    });
  expect(problemLines(act).toSorted()).toEqual([
    'backends.a.parent: is not set',
    'backends.a.timeoutMs: is not a whole number in its range',
    'backends.b.compression: is not one of its values',
    'backends.b.endpoint: is not an http or https URL',
    'defaultRoute: names d, which is neither a route key nor a backend',
    'routes.acme: leads from acme to c, which is not a backend',
    'unknown: is not a known setting',
  ]);
  expect(act).toThrow(ConfigError);
  expect(act).toThrow(/the configuration has 7 problems/);
});

test('a default batch gives way to a smaller queue', () => {
  expect(backendOf(resolve({ endpoint, maxQueueSize: 100 }), 'a').maxExportBatchSize).toBe(100);
});

test("an application's own exporter needs no endpoint, and is told of what it has no use for", () => {
  const own = exporter();
  expect(backendOf(resolve({ exporter: own }), 'a')).toMatchObject({
    url: undefined,
    delivery: { kind: 'exporter', exporter: own },
  });
  const { warnings } = resolve({ exporter: own, endpoint, headers: { a: 'b' } });
  expect(warnings).toEqual([
    expect.stringMatching(/^backends\.a\.endpoint: has no effect with this exporter/),
    expect.stringMatching(/^backends\.a\.headers: has no effect with this exporter/),
  ]);
});

test("an application's own dispatcher is kept as it is", () => {
  const dispatcher = new Agent();
  expect(backendOf(resolve({ endpoint, dispatcher }), 'a').delivery).toEqual({
    kind: 'signalbox',
    dispatcher,
  });
});

function clientFiles() {
  const { cert, key } = certificates.client;
  const { 'client.pem': clientCertificate, 'client-key.pem': clientKey } = writeFiles({
    'client.pem': cert,
    'client-key.pem': key,
  });
  return { client: { clientCertificate, clientKey } };
}

describe('a rate limit', () => {
  test('is so many requests in a window, of one minute by default', () => {
    const limitOf = (options: object) =>
      backendOf(resolve({ endpoint, ...options }), 'a').rateLimit;
    expect(limitOf({ rateLimitMaxRequests: 10 })).toEqual({ maxRequests: 10, windowMs: 60_000 });
    expect(limitOf({ rateLimitMaxRequests: 10, rateLimitWindowMinutes: 3 })).toEqual({
      maxRequests: 10,
      windowMs: 180_000,
    });
    expect(limitOf({})).toBeUndefined();
    // Switched off, with what it would be.
    expect(limitOf({ rateLimitMaxRequests: 0, rateLimitWindowMinutes: 3 })).toBeUndefined();
  });

  test('is a problem where only its window is set', () => {
    expect(problemLines(() => resolve({ endpoint, rateLimitWindowMinutes: 3 }))).toEqual([
      'backends.a.rateLimitWindowMinutes: stands without backends.a.rateLimitMaxRequests',
    ]);
  });
});
