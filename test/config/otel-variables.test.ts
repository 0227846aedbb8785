import { describe, expect, test } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import { backendOf, problemLines } from './problems.js';

const own = {
  SIGNALBOX_BACKENDS: 'a',
  SIGNALBOX_BACKEND_A_ENDPOINT: 'http://127.0.0.1:4318',
};
const resolve = (env: NodeJS.ProcessEnv) => resolveFromEnv({ ...own, ...env });
const backend = (env: NodeJS.ProcessEnv) => backendOf(resolve(env), 'a');

const general = {
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  OTEL_EXPORTER_OTLP_TIMEOUT: '1',
  OTEL_BSP_SCHEDULE_DELAY: '2',
  OTEL_BSP_MAX_QUEUE_SIZE: '300',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '40',
};
const defaults = {
  protocol: 'http/protobuf',
  compression: 'none',
  timeoutMs: 10_000,
  scheduleDelayMs: 5_000,
  maxQueueSize: undefined,
  maxExportBatchSize: 512,
};

test('how to send falls back to the variables of OpenTelemetry', () => {
  expect(backend(general)).toMatchObject({
    protocol: 'http/json',
    compression: 'gzip',
    timeoutMs: 1,
    scheduleDelayMs: 2,
    maxQueueSize: 300,
    maxExportBatchSize: 40,
  });
});

test('to those of traces first', () => {
  const env = {
    ...general,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'none',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '7',
  };
  expect(backend(env)).toMatchObject({
    protocol: 'http/protobuf',
    compression: 'none',
    timeoutMs: 7,
  });
});

test('settings of its own come before them', () => {
  const env = {
    ...general,
    SIGNALBOX_BACKEND_A_TIMEOUT: '9',
    SIGNALBOX_BACKEND_A_COMPRESSION: 'none',
  };
  expect(backend(env)).toMatchObject({ timeoutMs: 9, compression: 'none' });
});

test.each(['', '  '])('%j counts as unset', (value) => {
  const config = resolve({ OTEL_EXPORTER_OTLP_TIMEOUT: value, OTEL_BSP_SCHEDULE_DELAY: value });
  expect(backendOf(config, 'a')).toMatchObject(defaults);
  expect(config.warnings).toEqual([]);
});

test.each([
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s'],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '0'],
  ['OTEL_BSP_SCHEDULE_DELAY', '-1'],
  ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
  ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '1.5'],
])('%s=%j is warned of and counts as unset', (name, value) => {
  const config = resolve({ [name]: value });
  expect(backendOf(config, 'a')).toMatchObject(defaults);
  expect(config.warnings).toEqual([expect.stringMatching(`^${name}: .* counts as unset`)]);
});

test('a bad specific value leaves the general one', () => {
  const env = { OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'x', OTEL_EXPORTER_OTLP_TIMEOUT: '7' };
  expect(backend(env).timeoutMs).toBe(7);
});

test('each bad value is warned of once, whatever the number of backends', () => {
  const { warnings } = resolve({
    SIGNALBOX_BACKENDS: 'a,b',
    SIGNALBOX_BACKEND_B_ENDPOINT: 'http://127.0.0.1:4319',
    OTEL_EXPORTER_OTLP_TIMEOUT: 'x',
    OTEL_BSP_MAX_QUEUE_SIZE: '5',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '6',
  });
  expect(warnings).toHaveLength(2);
});

test.each(['OTEL_CONFIG_FILE', 'OTEL_EXPERIMENTAL_CONFIG_FILE'])(
  'none is read beside %s',
  (name) => {
    const config = resolve({ ...general, OTEL_EXPORTER_OTLP_TIMEOUT: 'x', [name]: 'otel.yaml' });
    expect(backendOf(config, 'a')).toMatchObject(defaults);
    expect(config.warnings).toEqual([]);
  },
);

describe('a batch larger than the queue', () => {
  test('is lowered where OpenTelemetry has it', () => {
    const config = resolve({ OTEL_BSP_MAX_QUEUE_SIZE: '5', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '6' });
    expect(backendOf(config, 'a').maxExportBatchSize).toBe(5);
    expect(config.warnings).toEqual([expect.stringMatching(/^OTEL_BSP_MAX_EXPORT_BATCH_SIZE: /)]);
  });

  test('is a problem where it is set for the backend', () => {
    const env = { OTEL_BSP_MAX_QUEUE_SIZE: '5', SIGNALBOX_BACKEND_A_MAX_EXPORT_BATCH_SIZE: '6' };
    expect(problemLines(() => resolve(env))).toEqual([
      'SIGNALBOX_BACKEND_A_MAX_EXPORT_BATCH_SIZE: is more than the queue may hold',
    ]);
  });
});

test('where to send, and with which credentials, is never taken from there', () => {
  const config = resolve({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://evil.example',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://evil.example',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=secret',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-key=secret',
    OTEL_EXPORTER_OTLP_CERTIFICATE: '/nonexistent',
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: '/nonexistent',
    OTEL_EXPORTER_OTLP_CLIENT_KEY: '/nonexistent',
    BRAINTRUST_API_KEY: 'secret',
  });
  expect([...config.backends.keys()]).toEqual(['a']);
  expect(backendOf(config, 'a')).toMatchObject({
    url: 'http://127.0.0.1:4318/v1/traces',
    headers: {},
    tls: undefined,
  });
});
