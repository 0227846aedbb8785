import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientRequest, createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { context, DiagLogLevel, diag } from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type MonitoringConfig,
  RoutingSpanProcessor,
  type SignalboxConfig,
  withRoute,
} from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import { eventually } from '../helpers/eventually.js';
import { startReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';
import { startMonitoringReceiver } from './monitoring-receiver.js';

afterEach(() => vi.unstubAllEnvs());

async function start(monitoring: MonitoringConfig, more: Partial<SignalboxConfig> = {}) {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const service = startService({
    shutdownTimeoutMs: 5_000,
    ...more,
    backends: { a: { endpoint: `${receiver.url}/a`, scheduleDelayMs: 5 } },
    monitoring: { intervalMs: 10, telemetry: ['status', 'logs', 'traces'], ...monitoring },
  });
  onTestFinished(() => service.stop());
  return { service, receiver };
}

async function deliver({ tracer, processor }: Service, count: number): Promise<void> {
  withRoute('a', () => {
    for (let made = 0; made < count; made += 1) tracer.startSpan('span').end();
  });
  await processor.forceFlush();
}

function keepLog(): string[] {
  const lines: string[] = [];
  const warn = (line: string) => lines.push(line);
  const ignore = () => {};
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  onTestFinished(() => diag.disable());
  return lines;
}

/** A server on loopback, which lasts as long as its test. */
async function listen(listener: RequestListener, secure = false): Promise<number> {
  const server = secure ? createTlsServer(certificates.server, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe('a monitoring receiver that is not well', () => {
  it('hangs: spans are delivered, one report waits, and the shutdown does not wait long', async () => {
    const monitor = await startMonitoringReceiver(() => 'none');
    // An hour, so that the test would not end if the shutdown waited for all of its time.
    const { service, receiver } = await start(
      { endpoint: monitor.url, timeoutMs: 3_600_000 },
      { shutdownTimeoutMs: 3_600_000 },
    );
    for (let round = 1; round <= 5; round += 1) {
      await deliver(service, 10);
      await eventually(() => monitor.requests.length > 0);
    }
    await service.stop();

    expect(receiver.spans('a')).toHaveLength(50);
    // A request for each signal at the most, although five reports were due.
    expect(monitor.requests.length).toBeLessThanOrEqual(3);
    expect(service.processor.stats().backends.a).toMatchObject({ delivered: 50, queued: 0 });
  });

  it('asks for a retry: none is made, since the next report says the same', async () => {
    const log = keepLog();
    let begun = 0;
    const port = await listen((request, response) => {
      begun += 1;
      request.resume();
      response.writeHead(503, { 'retry-after': '0' }).end();
    });
    const { service } = await start({
      endpoint: `http://127.0.0.1:${port}`,
      telemetry: ['status'],
      intervalMs: 3_600_000,
    });
    await service.stop();

    expect(begun).toBe(1);
    expect(log).toEqual([
      'signalbox: telemetry about the pipeline can not be delivered (HTTP 503)',
    ]);
  });

  it('is not there: spans are delivered, and the log says so once', async () => {
    const log = keepLog();
    const { service, receiver } = await start({ endpoint: 'http://127.0.0.1:1' });
    await deliver(service, 10);
    await eventually(() => log.length > 0);
    await service.stop();

    expect(receiver.spans('a')).toHaveLength(10);
    expect(log).toEqual([
      'signalbox: telemetry about the pipeline can not be delivered (no answer)',
    ]);
  });

  it('answers byte by byte and never ends: the request ends after its time', async () => {
    let begun = 0;
    const port = await listen((request, response) => {
      begun += 1;
      request.resume();
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 5);
      response.once('close', () => clearInterval(drip));
    });
    await start({
      endpoint: `http://127.0.0.1:${port}`,
      telemetry: ['status'],
      timeoutMs: 100,
    });

    await eventually(() => begun >= 3);
  });

  it('redirects: nothing follows', async () => {
    const elsewhere = await startMonitoringReceiver();
    let begun = 0;
    const port = await listen((request, response) => {
      begun += 1;
      request.resume();
      response.writeHead(307, { location: `${elsewhere.url}/v1/metrics` }).end();
    });
    await start({ endpoint: `http://127.0.0.1:${port}`, telemetry: ['status'] });

    await eventually(() => begun >= 3);
    expect(elsewhere.requests).toEqual([]);
  });
});

it('the last report leaves in time, although a backend hangs until the shutdown ends', async () => {
  const monitor = await startMonitoringReceiver();
  const port = await listen((request) => request.resume());
  const service = startService({
    shutdownTimeoutMs: 800,
    backends: { a: { endpoint: `http://127.0.0.1:${port}`, scheduleDelayMs: 0 } },
    monitoring: { endpoint: monitor.url },
  });
  withRoute('a', () => service.tracer.startSpan('span').end());
  await service.stop();

  expect(service.processor.stats().backends.a?.dropped).toEqual({ shutdown_timeout: 1 });
  expect(monitor.metric('signalbox.usage.spans.accepted')).toEqual({ a: 1 });
});

it('what can not be read of the process costs one report, and nothing else', async () => {
  const log = keepLog();
  const monitor = await startMonitoringReceiver();
  vi.spyOn(process, 'cpuUsage').mockImplementationOnce(() => {
    throw new RangeError('not allowed');
  });
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  await start({ endpoint: monitor.url, telemetry: ['metrics'] });

  await eventually(() => monitor.requests.length > 0);
  expect(log).toEqual([
    'signalbox: telemetry about the pipeline could not be collected (RangeError)',
  ]);
});

describe("monitoring's requests", () => {
  it('carry their own headers, and none of a backend or of OpenTelemetry', async () => {
    const monitor = await startMonitoringReceiver();
    const elsewhere = await startMonitoringReceiver();
    for (const signal of ['', 'METRICS_', 'LOGS_', 'TRACES_']) {
      vi.stubEnv(`OTEL_EXPORTER_OTLP_${signal}HEADERS`, 'x-otel=secret,authorization=other');
      vi.stubEnv(`OTEL_EXPORTER_OTLP_${signal}ENDPOINT`, elsewhere.url);
      vi.stubEnv(`OTEL_EXPORTER_OTLP_${signal}COMPRESSION`, 'gzip');
      vi.stubEnv(`OTEL_EXPORTER_OTLP_${signal}TIMEOUT`, '1');
    }
    vi.stubEnv('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'delta');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'team=secret');
    const { service } = await start({
      endpoint: `${monitor.url}/base/?tenant=1`,
      telemetry: ['metrics', 'traces'],
      apiKey: 'own',
      headers: { 'x-team': 'ops' },
    });
    await deliver(service, 3);
    await service.stop();

    const paths = new Set(monitor.requests.map(({ path }) => path));
    expect(paths).toEqual(new Set(['/base/v1/metrics?tenant=1', '/base/v1/traces?tenant=1']));
    for (const { headers, text } of monitor.requests) {
      expect(headers).toMatchObject({
        authorization: 'Bearer own',
        'x-team': 'ops',
        'content-type': 'application/json',
      });
      expect(headers['user-agent']).toMatch(/^signalbox\//);
      expect(`${JSON.stringify(headers)}${text}`).not.toMatch(/x-otel|secret|gzip/);
      expect(text).not.toContain('"aggregationTemporality":1');
    }
    expect(elsewhere.requests).toEqual([]);
  });

  it('make no spans, and know nothing of the request that came first', async () => {
    const monitor = await startMonitoringReceiver();
    const requests = new AsyncLocalStorage<string>();
    const seen: { isSuppressed: boolean; store: string | undefined }[] = [];
    const watch = (message: unknown) => {
      const { request } = message as { request: ClientRequest };
      if (!request.path.startsWith('/v1/metrics')) return;
      seen.push({
        isSuppressed: isTracingSuppressed(context.active()),
        store: requests.getStore(),
      });
    };
    subscribe('http.client.request.start', watch);
    onTestFinished(() => {
      unsubscribe('http.client.request.start', watch);
    });
    const { service } = await requests.run('the first request', () =>
      start({ endpoint: monitor.url, telemetry: ['status'] }),
    );
    await requests.run('another', () => deliver(service, 3));
    await eventually(() => monitor.requests.length >= 2);
    await requests.run('a third', () => service.stop());

    expect(seen.length).toBeGreaterThanOrEqual(3);
    for (const each of seen) expect(each).toEqual({ isSuppressed: true, store: undefined });
    expect(service.processor.stats().ended).toBe(3);
  });

  it('trust the authorities that are named, and no others', async () => {
    const seen: string[] = [];
    const port = await listen((request, response) => {
      seen.push(request.url ?? '');
      request.resume().once('end', () => response.end('{}'));
    }, true);
    const log = keepLog();
    const endpoint = `https://127.0.0.1:${port}`;
    const distrusting = await start({ endpoint, certificate: pemPath('other-ca') });
    await eventually(() => log.length > 0);
    await distrusting.service.stop();
    expect(seen).toEqual([]);

    const { service } = await start({ endpoint, certificate: pemPath('ca') });
    await eventually(() => seen.length > 0);
    await service.stop();
  });

  it('go to no address that is not allowed, whatever a name stands for', async () => {
    const monitor = await startMonitoringReceiver();
    const log = keepLog();
    const endpoint = monitor.url.replace('127.0.0.1', 'localhost');
    const processor = new RoutingSpanProcessor({
      backends: { a: { endpoint: 'http://10.1.1.1' } },
      allowedHosts: ['10.0.0.0/8'],
      monitoring: { endpoint, intervalMs: 10 },
    });
    onTestFinished(() => processor.shutdown());

    await eventually(() => log.length > 0);
    expect(monitor.requests).toEqual([]);
    expect(log.join()).toContain('can not be delivered');
  });
});
