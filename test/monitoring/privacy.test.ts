import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiagLogLevel, diag, SpanStatusCode } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, it, onTestFinished } from 'vitest';
import { monitoringTypes } from '../../src/config/monitoring-settings.js';
import {
  type BackendConfig,
  type MonitoringType,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { makeFolder } from '../helpers/folder.js';
import { partialSuccess, startReceiver } from '../helpers/receiver.js';
import { startService } from '../helpers/service.js';
import { startMonitoringReceiver } from './monitoring-receiver.js';

/** What every mark begins with: letters and digits, so that it may stand in a key, a header and a path alike. */
const MARK = 'mk7f3a9c';
const marks = new Set<string>();

/** A text that stands in one place only, and is found wherever else it turns up. */
function mark(place: string): string {
  const text = `${MARK}-${place}`;
  marks.add(text);
  return text;
}

function failure(place: string): Error {
  const error = new Error(mark(`${place}-message`));
  error.name = mark(`${place}-name`);
  return Object.assign(error, { code: mark(`${place}-code`) });
}

const quick: BackendConfig = {
  scheduleDelayMs: 5,
  retryMaxElapsedMs: 0,
  timeoutMs: 10_000,
  compression: 'gzip',
};

/** Backends that say all they can, and fail in every way; their names are the configuration's, and are told. */
async function startBackends(): Promise<{
  readonly backends: Record<string, BackendConfig>;
  readonly arrived: () => string;
}> {
  const receiver = await startReceiver({
    answer(request) {
      switch (request.backend) {
        case 'partial':
          return partialSuccess(request, 1, mark('partial-success'));
        case 'warning':
          return partialSuccess(request, 0, mark('warning'));
        case 'refusing':
          return {
            status: 400,
            body: mark('error-body'),
            headers: { 'x-why': mark('error-header') },
          };
        case 'busy':
          return {
            status: 503,
            body: mark('busy-body'),
            headers: { 'retry-after': mark('after') },
          };
        case 'leaving':
          return { status: 307, headers: { location: `http://127.0.0.1:1/${mark('location')}` } };
        case 'unauthorized':
          return { status: 401, body: mark('unauthorized-body') };
        default:
          return undefined;
      }
    },
  });
  onTestFinished(() => receiver.stop());
  const folder = join(makeFolder(), mark('folder'));
  const keyFile = join(makeFolder(), mark('key-file'));
  writeFileSync(keyFile, mark('key-in-file'));
  const at = (name: string): BackendConfig => ({
    ...quick,
    tracesEndpoint: `${receiver.url}/${name}/v1/traces?token=${mark(`query-${name}`)}`,
    headers: { [mark(`header-${name}`)]: mark(`header-value-${name}`) },
    apiKey: mark(`api-key-${name}`),
  });
  const backends = {
    well: at('well'),
    partial: at('partial'),
    warning: at('warning'),
    refusing: at('refusing'),
    busy: { ...at('busy'), retryMaxElapsedMs: 50 },
    leaving: at('leaving'),
    unauthorized: {
      ...at('unauthorized'),
      apiKey: undefined,
      apiKeyFile: keyFile,
      authGraceMs: 20,
    },
    spooled: { ...at('busy'), spoolDir: folder },
    path: { ...quick, tracesEndpoint: `http://127.0.0.1:1/${mark('url-path')}/v1/traces` },
    own: {
      ...quick,
      exporter: {
        export: (_: unknown, done: (result: { code: number; error: Error }) => void) =>
          done({ code: 1, error: failure('exporter') }),
        shutdown: () => Promise.reject(failure('exporter-shutdown')),
      },
    },
    view: {
      ...at('well'),
      view: () => {
        throw failure('view');
      },
    },
    credentials: {
      ...at('well'),
      apiKey: undefined,
      credentials: () => Promise.reject(failure('credentials')),
    },
  };
  return { backends, arrived: () => JSON.stringify(receiver.requests, jsonOf) };
}

function jsonOf(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

it('sends no mark of what spans carry, keys name, or backends say', async () => {
  const monitor = await startMonitoringReceiver();
  const { backends, arrived } = await startBackends();
  const log: string[] = [];
  const keep = (...words: unknown[]) => log.push(words.map(String).join(' '));
  diag.setLogger(
    { error: keep, warn: keep, info: keep, debug: keep, verbose: keep },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  onTestFinished(() => diag.disable());
  const keyOf = (name: string) => mark(`route-key-of-${name}`);
  const telemetry: readonly MonitoringType[] = monitoringTypes;
  const service = startService(
    {
      backends,
      routes: Object.fromEntries(Object.keys(backends).map((name) => [keyOf(name), [name]])),
      resolveBackend: (key) => {
        if (key.includes('lost')) throw failure('lookup');
        return { ...quick, endpoint: `http://127.0.0.1:1/${mark('dynamic-path')}` };
      },
      routeAttribute: mark('route-attribute'),
      shutdownTimeoutMs: 2_000,
      auditLog: join(makeFolder(), mark('audit-log')),
      monitoring: {
        endpoint: monitor.url,
        telemetry,
        intervalMs: 20,
        serviceName: 'checkout',
      },
    },
    {
      resource: resourceFromAttributes({
        'service.name': mark('resource-service'),
        [mark('resource-key')]: mark('resource-value'),
      }),
    },
  );
  const tracer = service.provider.getTracer(mark('scope'), mark('scope-version'));

  function makeSpan(): void {
    const span = tracer.startSpan(mark('span-name'), {
      attributes: {
        [mark('attribute-key')]: mark('attribute-value'),
        'url.path': `/${mark('url-path-of-customer')}`,
        'url.full': `https://shop.example/${mark('url-of-customer')}`,
      },
    });
    span.addEvent(mark('event-name'), { [mark('event-key')]: mark('event-value') });
    span.addLink({
      context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 },
      attributes: { link: mark('link-value') },
    });
    span.setStatus({ code: SpanStatusCode.ERROR, message: mark('status-message') });
    span.recordException(new Error(mark('exception')));
    span.end();
  }

  for (const name of Object.keys(backends)) withRoute(keyOf(name), makeSpan);
  for (const key of ['dynamic-key', 'lost-key']) withRoute(mark(key), makeSpan);
  withRoute(`${mark('invalid-key')} !`, makeSpan);
  withBoundary(makeSpan);
  withBoundary(() => {
    setRoute(keyOf('well'));
    setRoute(mark('conflicting-key'));
    makeSpan();
  });
  const profiling = service.processor.sendHeapProfile({ durationMs: 200 });
  const held: string[] = [];
  for (let made = 0; made < 50_000; made += 1) held.push(`${MARK}-held-${made}`);
  await service.processor.forceFlush({ timeoutMillis: 20_000 }).catch(() => {});
  expect(await profiling).toBe(true);
  const { requests } = monitor;
  const before = requests.length;
  await eventually(() => requests.length > before + 3);
  await service.stop();

  // The marks were where they belong: at the backends, and in the log, whose words are for the service alone.
  for (const place of ['span-name', 'attribute-value', 'status-message', 'resource-value']) {
    expect(arrived()).toContain(mark(place));
  }
  for (const place of ['partial-success', 'warning', 'lost-key']) {
    expect(log.join('\n')).toContain(mark(place));
  }
  // All six types were sent.
  expect(new Set(requests.map(({ path }) => path)).size).toBe(3);
  expect(monitor.spans().length).toBeGreaterThan(8);
  expect(monitor.logs().map(({ eventName }) => eventName)).toEqual(
    expect.arrayContaining([
      'signalbox.spans.dropped',
      'signalbox.backend.warned',
      'signalbox.credentials.refused',
      'signalbox.credentials.failed',
      'signalbox.exporter.failed',
      'signalbox.lookup.failed',
      'signalbox.heap_profile',
      'signalbox.warning',
    ]),
  );
  // None of them came to the receiver, in any part of a request.
  expect(marks.size).toBeGreaterThan(60);
  expect(held.length).toBe(50_000);
  for (const { path, headers, text } of requests) {
    expect(`${path}\n${JSON.stringify(headers)}\n${text}`.toLowerCase()).not.toContain(MARK);
    expect(headers['content-encoding']).toBeUndefined();
  }
});
