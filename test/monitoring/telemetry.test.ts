import { Session } from 'node:inspector';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type MonitoringConfig, type SignalboxConfig, withRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { startReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';
import { startMonitoringReceiver } from './monitoring-receiver.js';

/** A service with a backend `a` that takes everything, and one, `b`, where nobody listens. */
async function start(monitoring: MonitoringConfig, more: Partial<SignalboxConfig> = {}) {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const service = startService({
    shutdownTimeoutMs: 2_000,
    ...more,
    backends: {
      a: { endpoint: `${receiver.url}/a`, scheduleDelayMs: 10 },
      b: { endpoint: 'http://127.0.0.1:1', scheduleDelayMs: 10, retryMaxElapsedMs: 0 },
      ...more.backends,
    },
    monitoring: { intervalMs: 20, ...monitoring },
  });
  onTestFinished(() => service.stop());
  return { service, receiver };
}

function makeSpans({ tracer }: Service, key: string, count: number): void {
  withRoute(key, () => {
    for (let made = 0; made < count; made += 1) tracer.startSpan('span').end();
  });
}

describe('monitoring', () => {
  it('tells of status, metrics and usage by default', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url });
    makeSpans(service, 'a', 5);
    makeSpans(service, 'b', 3);
    await service.processor.forceFlush();

    await eventually(() => monitor.metric('signalbox.backend.status')?.['b degraded'] === 1);
    expect(monitor.metric('signalbox.backend.status')).toEqual({
      'a up': 1,
      'a degraded': 0,
      'a down': 0,
      'b up': 0,
      'b degraded': 1,
      'b down': 0,
    });
    expect(monitor.metric('signalbox.status')).toEqual({ up: 0, degraded: 1, down: 0 });
    expect(monitor.metric('signalbox.backend.last_delivered')?.a).toBeGreaterThan(1.7e9);
    expect(monitor.metric('signalbox.usage.spans.accepted')).toEqual({ a: 5, b: 3 });
    expect(monitor.metric('signalbox.usage.spans.delivered')).toEqual({ a: 5, b: 0 });
    expect(monitor.metric('signalbox.usage.bytes.delivered')?.a).toBeGreaterThan(100);
    expect(monitor.metric('signalbox.usage.bytes.accepted')?.b).toBeGreaterThan(100);
    expect(monitor.metric('signalbox.backend.dropped')).toEqual({ 'b retry_exhausted': 3 });
    expect(monitor.metric('signalbox.spans.ended')).toEqual({ '': 8 });
    expect(monitor.metric('signalbox.backend.request.duration')).toEqual({
      'a success': 1,
      'b retryable': 1,
    });
    expect(monitor.metric('process.cpu.time')?.user).toBeGreaterThan(0);
    expect(monitor.metric('process.memory.usage')?.['']).toBeGreaterThan(1e6);
    expect(monitor.metric('v8js.memory.heap.used')).toBeUndefined();
    expect(new Set(monitor.requests.map(({ path }) => path))).toEqual(new Set(['/v1/metrics']));
  });

  it('tells of requests as spans, each once', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url, telemetry: ['traces'] });
    makeSpans(service, 'a', 5);
    makeSpans(service, 'b', 3);
    await service.processor.forceFlush();
    await eventually(() => monitor.spans().length >= 2);
    await service.stop();

    const spans = monitor
      .spans()
      .sort((x, y) => `${x.attributes}`.localeCompare(`${y.attributes}`));
    expect(spans.map(({ name }) => name)).toEqual(['export', 'export']);
    expect(spans.map(({ attributes }) => attributes)).toEqual(
      expect.arrayContaining([
        {
          'signalbox.backend': 'a',
          'signalbox.status': 'success',
          'signalbox.spans': 5,
          'signalbox.bytes': expect.any(Number),
          'http.response.status_code': 200,
        },
        {
          'signalbox.backend': 'b',
          'signalbox.status': 'retryable',
          'signalbox.spans': 3,
          'signalbox.bytes': expect.any(Number),
          'error.type': 'ECONNREFUSED',
        },
      ]),
    );
  });

  it('tells of warnings as events with a count', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url, telemetry: ['logs'] });
    makeSpans(service, 'b', 3);
    makeSpans(service, 'nobody', 4);
    await service.processor.forceFlush();
    await service.stop();

    const counts = new Map<string, number>();
    for (const { eventName, attributes } of monitor.logs()) {
      const { 'signalbox.backend': backend, 'signalbox.reason': reason } = attributes;
      const key = [eventName, backend, reason].join(' ');
      counts.set(key, (counts.get(key) ?? 0) + Number(attributes['signalbox.count']));
    }
    expect(Object.fromEntries(counts)).toEqual({
      'signalbox.spans.dropped b retry_exhausted': 3,
      'signalbox.spans.dropped  unknown_route': 4,
    });
  });

  it('keeps events and requests until the receiver takes them', async () => {
    let isDown = true;
    const monitor = await startMonitoringReceiver(() => (isDown ? 503 : 200));
    const { service } = await start({ endpoint: monitor.url, telemetry: ['logs', 'traces'] });
    makeSpans(service, 'b', 3);
    await service.processor.forceFlush();
    await eventually(() => monitor.requests.length >= 6);
    isDown = false;
    const before = monitor.requests.length;
    await eventually(() => monitor.requests.length >= before + 2);

    const told = monitor.requests.slice(before).map(({ text }) => text);
    expect(told.some((text) => text.includes('retry_exhausted'))).toBe(true);
    expect(told.some((text) => text.includes('"export"'))).toBe(true);
  });

  it('tells of the heap, and of a sampled profile when it is asked for', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url, telemetry: ['memprof'] });
    const kept: object[] = [];
    const profiling = service.processor.sendHeapProfile({ durationMs: 100 });
    const second = service.processor.sendHeapProfile({ durationMs: 100 });
    await eventually(() => {
      for (let made = 0; made < 10_000; made += 1) kept.push({ made });
      return kept.length >= 100_000;
    });

    expect(await second).toBe(false);
    expect(await profiling).toBe(true);
    await eventually(() => monitor.metric('v8js.memory.heap.used') !== undefined);
    expect(monitor.metric('v8js.memory.heap.used')?.old_space).toBeGreaterThan(1e6);
    expect(monitor.metric('signalbox.process.heap.max')?.['']).toBeGreaterThan(1e7);
    const [record] = monitor.logs();
    expect(record?.eventName).toBe('signalbox.heap_profile');
    const { head } = JSON.parse(record?.body ?? '');
    expect(head).toMatchObject({ callFrame: { functionName: '(root)' } });
    expect(record?.body).toContain('telemetry.test.ts');
  });

  it('makes no profile that another session has ended, and makes the next one', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url, telemetry: ['memprof'] });
    const other = new Session();
    onTestFinished(() => other.disconnect());
    other.connect();
    other.post('HeapProfiler.enable');
    // Until the profile has begun there is nothing to end.
    let isEnded = false;
    const profiling = service.processor.sendHeapProfile({ durationMs: 200 });
    await eventually(() => {
      other.post('HeapProfiler.stopSampling', (error) => {
        isEnded ||= error === null;
      });
      return isEnded;
    });

    expect(await profiling).toBe(false);
    expect(await service.processor.sendHeapProfile({ durationMs: 1 })).toBe(true);
  });

  it('makes no heap profile unless memprof is on', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url });
    expect(await service.processor.sendHeapProfile({ durationMs: 1 })).toBe(false);
  });

  it('tells a last time at shutdown, of all that was settled by then', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url, intervalMs: 3_600_000 });
    makeSpans(service, 'a', 5);
    await service.stop();

    expect(monitor.requests).toHaveLength(1);
    expect(monitor.metric('signalbox.usage.spans.delivered')).toEqual({ a: 5, b: 0 });
    expect(monitor.metric('signalbox.status')).toEqual({ up: 1, degraded: 0, down: 0 });
  });

  it('names the service, the processor and signalbox, and nothing else', async () => {
    const monitor = await startMonitoringReceiver();
    const all = ['status', 'logs', 'traces'] as const;
    const { service } = await start({
      endpoint: monitor.url,
      telemetry: all,
      serviceName: 'checkout',
    });
    makeSpans(service, 'b', 1);
    await service.processor.forceFlush();
    await service.stop();

    const resources = new Set(monitor.resources());
    expect(resources.size).toBe(1);
    expect(JSON.parse([...resources].join())).toEqual({
      'service.name': 'checkout',
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'telemetry.distro.name': 'signalbox',
      'telemetry.distro.version': expect.any(String),
    });
  });

  it('sends nothing where the list of types is empty', async () => {
    const monitor = await startMonitoringReceiver();
    const { service } = await start({ endpoint: monitor.url, telemetry: [] });
    makeSpans(service, 'a', 5);
    await service.stop();
    expect(monitor.requests).toEqual([]);
  });

  it('tells of backends that keys have under one name', async () => {
    const monitor = await startMonitoringReceiver();
    const { service, receiver } = await start(
      { endpoint: monitor.url, telemetry: ['status', 'usage', 'traces', 'logs'] },
      {
        routes: { a: ['a'] },
        resolveBackend: (key) => ({
          endpoint: key === 'tenant-3' ? 'http://127.0.0.1:1' : `${receiver.url}/${key}`,
          scheduleDelayMs: 10,
          retryMaxElapsedMs: 0,
        }),
      },
    );
    for (const key of ['tenant-1', 'tenant-2', 'tenant-3']) makeSpans(service, key, 2);
    await service.processor.forceFlush();
    await service.stop();

    expect(monitor.metric('signalbox.usage.spans.accepted')?.['(dynamic)']).toBe(6);
    expect(monitor.metric('signalbox.backend.status')?.['(dynamic) degraded']).toBe(1);
    expect(monitor.spans().map(({ attributes }) => attributes['signalbox.backend'])).toEqual(
      Array(3).fill('(dynamic)'),
    );
    expect(monitor.requests.map(({ text }) => text).join()).not.toContain('tenant');
  });
});
