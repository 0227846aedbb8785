import { describe, expect, test } from 'vitest';
import { describeConfig } from '../../src/config/describe.js';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { resolveConfig, system } from '../../src/config/resolve.js';
import type { MonitoringConfig } from '../../src/index.js';
import { RoutingSpanProcessor } from '../../src/index.js';
import { problemLines, problemsOf, resolveText } from './problems.js';

const env = {
  SIGNALBOX_BACKENDS: 'a',
  SIGNALBOX_BACKEND_A_ENDPOINT: 'https://a.example',
};
const endpoint = 'https://monitoring.example';

function resolve(monitoring: MonitoringConfig) {
  return resolveConfig({ backends: { a: { endpoint: 'https://a.example' } }, monitoring });
}

describe('monitoring', () => {
  test('is off without an endpoint', () => {
    expect(resolveFromEnv(env).monitoring).toBeUndefined();
    const off = { ...env, SIGNALBOX_MONITORING_TELEMETRY: '' };
    expect(resolveFromEnv(off).monitoring).toBeUndefined();
  });

  test('sends status, metrics and usage once it has an endpoint', () => {
    const { monitoring } = resolveFromEnv({ ...env, SIGNALBOX_MONITORING_ENDPOINT: endpoint });
    expect([...(monitoring?.telemetry ?? [])]).toEqual(['status', 'metrics', 'usage']);
    expect(monitoring).toMatchObject({
      serviceName: 'unknown_service:node',
      intervalMs: 60_000,
      timeoutMs: 10_000,
      headers: {},
      signals: { metrics: { url: `${endpoint}/v1/metrics` } },
    });
  });

  test('reads every variable', () => {
    const { monitoring } = resolveFromEnv({
      ...env,
      SIGNALBOX_MONITORING_ENDPOINT: `${endpoint}/base/?key=1`,
      SIGNALBOX_MONITORING_TELEMETRY: 'logs, traces',
      SIGNALBOX_MONITORING_HEADERS: 'x-team=a%20b',
      SIGNALBOX_MONITORING_API_KEY: 'k',
      SIGNALBOX_MONITORING_SERVICE_NAME: 'checkout',
      SIGNALBOX_MONITORING_INTERVAL: '1000',
      SIGNALBOX_MONITORING_TIMEOUT: '500',
      OTEL_SERVICE_NAME: 'other',
    });
    expect(monitoring).toMatchObject({
      telemetry: new Set(['logs', 'traces']),
      headers: { 'x-team': 'a b', authorization: 'Bearer k' },
      serviceName: 'checkout',
      intervalMs: 1000,
      timeoutMs: 500,
      signals: {
        logs: { url: `${endpoint}/base/v1/logs?key=1` },
        traces: { url: `${endpoint}/base/v1/traces?key=1` },
      },
    });
    expect(Object.isFrozen(monitoring)).toBe(true);
  });

  test('is off where the list of types is empty', () => {
    const variables = {
      ...env,
      SIGNALBOX_MONITORING_ENDPOINT: endpoint,
      SIGNALBOX_MONITORING_TELEMETRY: '',
    };
    expect(resolveFromEnv(variables).monitoring).toBeUndefined();
    expect(resolve({ endpoint, telemetry: [] }).monitoring).toBeUndefined();
  });

  test.each([
    [
      'a variable',
      () => resolveFromEnv(telemetryOf('status,health')),
      'SIGNALBOX_MONITORING_TELEMETRY',
    ],
    [
      'code',
      // @ts-expect-error no such type
      () => resolve({ endpoint, telemetry: ['health'] }),
      'monitoring.telemetry.0',
    ],
  ])('lists the six types where %s names another', (_, act, where) => {
    expect(problemsOf(act)).toEqual([
      {
        where,
        what: 'is not a type of monitoring telemetry',
        hint: 'one of status, metrics, usage, memprof, logs, traces',
      },
    ]);
  });

  test('is named after OTEL_SERVICE_NAME, unless OpenTelemetry has a file', () => {
    const variables = {
      ...env,
      SIGNALBOX_MONITORING_ENDPOINT: endpoint,
      OTEL_SERVICE_NAME: 'shop',
    };
    expect(resolveFromEnv(variables).monitoring?.serviceName).toBe('shop');
    expect(loadConfig(variables).monitoring).toMatchObject({ endpoint, serviceName: 'shop' });
    const withFile = { ...variables, OTEL_CONFIG_FILE: 'otel.yaml' };
    expect(resolveFromEnv(withFile).monitoring?.serviceName).toBe('unknown_service:node');
    expect(resolveFromEnv({ ...env, OTEL_SERVICE_NAME: 'shop' }).monitoring).toBeUndefined();
  });

  test('is read from the file, under the variables', () => {
    const text = [
      'backends: { a: { endpoint: https://a.example } }',
      'monitoring:',
      `  endpoint: ${endpoint}`,
      '  telemetry: [status]',
      '  headers: { x-team: ops }',
      '  interval: 5000',
    ].join('\n');
    const { monitoring } = resolveText(text, { SIGNALBOX_MONITORING_INTERVAL: '7000' });
    expect(monitoring).toMatchObject({
      telemetry: new Set(['status']),
      headers: { 'x-team': 'ops' },
      intervalMs: 7000,
    });
  });

  test('reports what is wrong with the file by its line', () => {
    const text = [
      'backends: { a: { endpoint: https://a.example } }',
      'monitoring:',
      '  telemtry: [status]',
      '  interval: soon',
    ].join('\n');
    expect(
      problemLines(() => resolveText(text)).map((line) => line.replace(/^.*yaml:/, '')),
    ).toEqual([
      '3 monitoring.telemtry: is not a known setting',
      '4 monitoring.interval: is not a whole number in its range',
    ]);
  });

  test('needs an endpoint for everything else', () => {
    const variables = { ...env, SIGNALBOX_MONITORING_HEADERS: 'x-team=ops' };
    expect(problemLines(() => resolveFromEnv(variables))).toEqual([
      'SIGNALBOX_MONITORING_ENDPOINT: is not set',
    ]);
  });

  test.each([
    ['SIGNALBOX_MONITORING_TELEMETRI', 'did you mean SIGNALBOX_MONITORING_TELEMETRY?'],
    ['SIGNALBOX_MONITORING_COLOUR', 'monitoring has no such setting'],
    ['SIGNALBOX_MONITORNG_ENDPOINT', 'did you mean SIGNALBOX_MONITORING_ENDPOINT?'],
  ])('knows no variable %s', (variable, hint) => {
    expect(problemsOf(() => resolveFromEnv({ ...env, [variable]: 'x' }))).toEqual([
      { where: variable, what: 'is not a known setting', hint },
    ]);
  });

  test('warns of what Kubernetes injects for a Service of such a name', () => {
    const { warnings } = resolveFromEnv({ ...env, SIGNALBOX_MONITORING_PORT: 'tcp://10.0.0.1:80' });
    expect(warnings).toEqual([expect.stringContaining('injects for a Service')]);
  });

  test.each<[string, MonitoringConfig, string]>([
    ['a URL', { endpoint: 'monitoring.example' }, 'endpoint: is not an http or https URL'],
    ['metadata', { endpoint: 'http://169.254.169.254' }, 'endpoint: leads to a link-local address'],
    ['a header', { endpoint, headers: { host: 'x' } }, 'headers.host: has host, which'],
    ['a key', { endpoint, apiKey: 'k\n1' }, 'apiKey: has characters'],
    [
      'two keys',
      { endpoint, apiKey: 'k', headers: { Authorization: 'x' } },
      'headers.authorization: authorization is set by the API key',
    ],
    ['a file', { endpoint, certificate: './none.pem' }, 'certificate: names "./none.pem", which'],
    ['an interval', { endpoint, intervalMs: 0 }, 'intervalMs: is not a whole number'],
  ])('refuses %s that can not be', (_, monitoring, line) => {
    expect(problemLines(() => resolve(monitoring))).toEqual([
      expect.stringContaining(`monitoring.${line}`),
    ]);
  });

  test('goes to allowed hosts alone', () => {
    const variables = {
      ...env,
      SIGNALBOX_ALLOWED_HOSTS: 'a.example',
      SIGNALBOX_MONITORING_ENDPOINT: endpoint,
    };
    expect(problemLines(() => resolveFromEnv(variables))).toEqual([
      'SIGNALBOX_MONITORING_ENDPOINT: leads to a host that is not allowed',
    ]);
  });

  test('says which package is missing', () => {
    const loadPackage = (name: string) => {
      if (name.includes('logs')) throw new Error('Cannot find module');
      return system.loadPackage(name);
    };
    const act = () =>
      resolveConfig(
        { backends: { a: { endpoint } }, monitoring: { endpoint, telemetry: ['status', 'logs'] } },
        { ...system, loadPackage },
      );
    expect(problemsOf(act)).toEqual([
      {
        where: 'monitoring.telemetry',
        what: 'needs @opentelemetry/exporter-logs-otlp-http, which can not be loaded',
        hint: 'npm install @opentelemetry/exporter-logs-otlp-http',
      },
    ]);
  });

  test('is shown by check without its secrets', () => {
    const { monitoring } = describeConfig({
      ...env,
      SIGNALBOX_MONITORING_ENDPOINT: endpoint,
      SIGNALBOX_MONITORING_HEADERS: 'x-key=hunter2',
      SIGNALBOX_MONITORING_API_KEY: 'hunter2',
    });
    const values = monitoring?.map(({ name, value }) => [name, value]);
    expect(Object.fromEntries(values ?? [])).toMatchObject({
      endpoint,
      headers: { 'x-key': '****' },
      api_key: '****',
      interval: 60_000,
    });
    expect(JSON.stringify(monitoring)).not.toContain('hunter2');
  });

  test('can not change while the processor runs, and may be given again', async () => {
    const config = { backends: { a: { endpoint } }, monitoring: { endpoint, headers: { a: 'b' } } };
    const processor = new RoutingSpanProcessor({ ...config, monitoring: { ...config.monitoring } });
    expect(() => processor.update(config)).not.toThrow();
    expect(problemLines(() => processor.update({ ...config, monitoring: { endpoint } }))).toEqual([
      'monitoring: can not change while the processor runs',
    ]);
    await processor.shutdown({ timeoutMillis: 1 });
  });
});

function telemetryOf(text: string): NodeJS.ProcessEnv {
  return {
    ...env,
    SIGNALBOX_MONITORING_ENDPOINT: endpoint,
    SIGNALBOX_MONITORING_TELEMETRY: text,
  };
}
