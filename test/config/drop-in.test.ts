import { describe, expect, test } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { backendOf, problemLines, problemsOf, resolveText, writeFiles } from './problems.js';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:4318' };
const braintrust = { BRAINTRUST_API_KEY: 'k' };

describe('BRAINTRUST_API_KEY', () => {
  test('makes one backend, the default route', () => {
    const config = resolveFromEnv(braintrust);
    expect([...config.backends.keys()]).toEqual(['braintrust']);
    expect(config.defaultRoute).toEqual({ key: 'braintrust', backends: ['braintrust'] });
    expect(backendOf(config, 'braintrust')).toMatchObject({
      url: 'https://api.braintrust.dev/otel/v1/traces',
      parent: 'project_name:default-otel-project',
      headers: {
        authorization: 'Bearer k',
        'x-bt-parent': 'project_name:default-otel-project',
      },
    });
  });

  test('goes with BRAINTRUST_API_URL and BRAINTRUST_PARENT', () => {
    const config = resolveFromEnv({
      ...braintrust,
      BRAINTRUST_API_URL: 'https://bt.example/',
      BRAINTRUST_PARENT: 'project_name:checkout',
    });
    expect(backendOf(config, 'braintrust')).toMatchObject({
      url: 'https://bt.example/otel/v1/traces',
      parent: 'project_name:checkout',
    });
  });

  test('problems name the variable', () => {
    const env = {
      BRAINTRUST_API_KEY: 'a\nb',
      BRAINTRUST_API_URL: 'nowhere',
      BRAINTRUST_PARENT: '€',
    };
    expect(problemLines(() => resolveFromEnv(env))).toEqual([
      'BRAINTRUST_API_URL: is not an http or https URL',
      'BRAINTRUST_API_KEY: has characters that no header can carry',
      'BRAINTRUST_PARENT: has characters that no header can carry',
    ]);
  });

  test('takes nothing of the OTLP exporter but how to send', () => {
    const env = {
      ...braintrust,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
      OTEL_EXPORTER_OTLP_TIMEOUT: '7',
    };
    const backend = backendOf(resolveFromEnv(env), 'braintrust');
    expect(backend.headers).not.toHaveProperty('x-key');
    expect(backend.timeoutMs).toBe(7);
  });
});

describe('OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  test('makes one backend, the default route, with all its settings', () => {
    const files = writeFiles({
      ca: certificates.ca,
      cert: certificates.client.cert,
      key: certificates.client.key,
    });
    const config = resolveFromEnv({
      ...endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20x,x-a=1, x-b = 2;metadata ',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-a=3',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TIMEOUT: '7',
      OTEL_EXPORTER_OTLP_CERTIFICATE: files.ca,
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: files.cert,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: files.key,
      OTEL_BSP_SCHEDULE_DELAY: '8',
    });
    expect(config.defaultRoute).toEqual({ key: 'otlp', backends: ['otlp'] });
    expect(backendOf(config, 'otlp')).toMatchObject({
      url: 'https://127.0.0.1:4318/v1/traces',
      headers: { authorization: 'Basic x', 'x-a': '3', 'x-b': '2' },
      protocol: 'http/json',
      compression: 'gzip',
      timeoutMs: 7,
      scheduleDelayMs: 8,
      tls: {
        ca: certificates.ca,
        cert: certificates.client.cert,
        key: certificates.client.key,
      },
    });
  });

  test('gives way to its traces form, which is used as it is', () => {
    const env = { ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/x' };
    expect(backendOf(resolveFromEnv(env), 'otlp').url).toBe('http://127.0.0.1:1/x');
  });

  test('headers that can not be read, or that signalbox sets, are warned of and left out', () => {
    const config = resolveFromEnv({
      ...endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-a=1,secret,content-type=text/plain,x-b=%zz',
    });
    expect(backendOf(config, 'otlp').headers).toEqual({ 'x-a': '1' });
    expect(config.warnings).toEqual([
      expect.stringMatching(/^OTEL_EXPORTER_OTLP_HEADERS: pair 2 .* left out/),
      expect.stringMatching(/^OTEL_EXPORTER_OTLP_HEADERS: pair 3 .* left out/),
      expect.stringMatching(/^OTEL_EXPORTER_OTLP_HEADERS: pair 4 .* left out/),
    ]);
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL: is grpc, which'],
    [{ OTEL_EXPORTER_OTLP_CERTIFICATE: '/nonexistent' }, 'OTEL_EXPORTER_OTLP_CERTIFICATE: names'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '127.0.0.1:4317' }, 'OTEL_EXPORTER_OTLP_ENDPOINT: is not an'],
  ])('can not go with %j', (env, expected) => {
    const lines = problemLines(() => resolveFromEnv({ ...endpoint, ...env }));
    expect(lines).toEqual([expect.stringContaining(expected)]);
  });

  test('is not read beside OTEL_CONFIG_FILE', () => {
    const env = { ...endpoint, OTEL_CONFIG_FILE: 'otel.yaml' };
    expect(problemLines(() => resolveFromEnv(env))).toEqual([
      expect.stringContaining('OTEL_CONFIG_FILE is set'),
    ]);
  });
});

test('both at once ask for a choice', () => {
  expect(problemsOf(() => resolveFromEnv({ ...endpoint, ...braintrust }))).toEqual([
    {
      where: 'SIGNALBOX_BACKENDS',
      what: 'is not set, and BRAINTRUST_API_KEY and OTEL_EXPORTER_OTLP_ENDPOINT each name a backend',
      hint: 'unset one of the two, or list the backends in SIGNALBOX_BACKENDS',
    },
  ]);
});

test.each([{}, { BRAINTRUST_API_KEY: '', OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }])(
  'nothing configured is a problem: %j',
  (env) => {
    expect(problemLines(() => resolveFromEnv(env))).toEqual([
      'SIGNALBOX_BACKENDS: no backend is configured',
    ]);
  },
);

test('process-wide settings go with it, from variables and the file', () => {
  const env = {
    ...braintrust,
    SIGNALBOX_ROUTES: 'acme=braintrust',
    SIGNALBOX_UNKNOWN_ROUTE: 'default',
  };
  const config = resolveText('shutdown_timeout: 7', env);
  expect(config).toMatchObject({ shutdownTimeoutMs: 7, unknownRoute: 'default' });
  expect([...config.routes.keys()]).toEqual(['acme']);
});

test('variables of a backend that nobody has listed are a problem', () => {
  const env = { ...braintrust, SIGNALBOX_BACKEND_BRAINTRUST_TIMEOUT: '7' };
  expect(problemsOf(() => resolveFromEnv(env))).toEqual([
    {
      where: 'SIGNALBOX_BACKEND_BRAINTRUST_TIMEOUT',
      what: 'is not a known setting',
      hint: 'name its backend in SIGNALBOX_BACKENDS',
    },
  ]);
});

test('the loaded configuration can be handed on', () => {
  expect(loadConfig(braintrust)).toEqual({
    defaultRoute: 'braintrust',
    backends: {
      braintrust: {
        preset: 'braintrust',
        apiKey: 'k',
        endpoint: 'https://api.braintrust.dev',
        parent: 'project_name:default-otel-project',
      },
    },
  });
});
