import { describe, expect, it, onTestFinished } from 'vitest';
import { type SignalboxConfig, withRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { startReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';

const dead = { endpoint: 'http://127.0.0.1:1', scheduleDelayMs: 5 };

async function start(config: Partial<SignalboxConfig> = {}): Promise<Service> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const service = startService({
    shutdownTimeoutMs: 100,
    ...config,
    backends: {
      well: { endpoint: `${receiver.url}/well`, scheduleDelayMs: 5 },
      ...config.backends,
    },
  });
  onTestFinished(() => service.stop());
  return service;
}

function makeSpans({ tracer }: Service, key: string, count: number): void {
  withRoute(key, () => {
    for (let made = 0; made < count; made += 1) tracer.startSpan('span').end();
  });
}

describe('health', () => {
  it('is up before the first span', async () => {
    const { processor } = await start();
    expect(processor.health()).toEqual({
      status: 'up',
      backends: { well: { state: 'up', queued: 0, inFlight: 0, spooled: 0, dropped: 0 } },
    });
  });

  it('says when a backend last took spans', async () => {
    const service = await start();
    const beforeMs = Date.now();
    makeSpans(service, 'well', 2);
    await service.processor.forceFlush();

    const { status, backends } = service.processor.health();
    expect(status).toBe('up');
    expect(backends.well?.lastDeliveredAt).toBeGreaterThanOrEqual(beforeMs);
    expect(backends.well).not.toHaveProperty('oldestQueuedMs');
  });

  it('is degraded while one backend fails, and says how long its oldest span has waited', async () => {
    const service = await start({ backends: { sick: dead } });
    const sinceMs = performance.now();
    makeSpans(service, 'sick', 3);
    await eventually(() => service.processor.health().backends.sick?.state !== 'up');

    const { status, backends } = service.processor.health();
    expect(status).toBe('degraded');
    expect(backends.well?.state).toBe('up');
    expect(backends.sick).toMatchObject({ queued: 3, dropped: 0 });
    // It waits in a batch by now, for its retry, and counts from when it ended.
    const { oldestQueuedMs = -1 } = backends.sick ?? {};
    expect(oldestQueuedMs).toBeGreaterThan(0);
    expect(oldestQueuedMs).toBeLessThanOrEqual(Math.ceil(performance.now() - sinceMs));
  });

  it('counts the wait of a queued span that is in no batch yet', async () => {
    const service = await start({
      backends: { slow: { endpoint: 'http://127.0.0.1:1', scheduleDelayMs: 3_600_000 } },
    });
    expect(service.processor.health().backends.slow?.oldestQueuedMs).toBeUndefined();
    makeSpans(service, 'slow', 1);
    await eventually(() => (service.processor.health().backends.slow?.oldestQueuedMs ?? 0) >= 20);
  });

  it('is down when every backend is, and counts what was lost', async () => {
    const service = await start({
      backends: {
        well: { ...dead, retryMaxElapsedMs: 0 },
        other: { ...dead, retryMaxElapsedMs: 0 },
      },
    });
    await eventually(async () => {
      makeSpans(service, 'well', 1);
      makeSpans(service, 'other', 1);
      await service.processor.forceFlush();
      return service.processor.health().status === 'down';
    });
    expect(service.processor.health().backends.well?.dropped).toBeGreaterThan(0);
  });

  it('is not degraded by a shadow that is down', async () => {
    const service = await start({
      backends: { copy: { ...dead, retryMaxElapsedMs: 0 } },
      routes: { acme: ['well', { backend: 'copy', role: 'shadow' }] },
    });
    const health = () => service.processor.health();
    await eventually(() => {
      makeSpans(service, 'acme', 1);
      return health().backends.copy?.state === 'down';
    });
    expect(health().status).toBe('up');
    expect(health().backends.copy?.role).toBe('shadow');
    expect(health().backends.well).not.toHaveProperty('role');
  });

  it('is down with the others, although a shadow is up', async () => {
    const service = await start({
      backends: { sick: { ...dead, retryMaxElapsedMs: 0 } },
      routes: { acme: ['sick', { backend: 'well', role: 'shadow' }] },
    });
    const health = () => service.processor.health();
    await eventually(async () => {
      makeSpans(service, 'acme', 1);
      await service.processor.forceFlush();
      return health().backends.sick?.state === 'down';
    });
    expect(health()).toMatchObject({ status: 'down', backends: { well: { state: 'up' } } });
  });

  it('is degraded while a standby takes over', async () => {
    const service = await start({
      backends: { sick: { ...dead, standby: 'well' } },
      routes: { acme: ['sick'] },
    });
    await eventually(async () => {
      makeSpans(service, 'acme', 1);
      await service.processor.forceFlush();
      return service.processor.health().backends.sick?.state === 'down';
    });
    const { status, backends } = service.processor.health();
    expect(status).toBe('degraded');
    expect(backends.well).toMatchObject({ state: 'up' });
    expect(backends.well).not.toHaveProperty('role');
  });

  it('says that a backend is down also where it is a shadow of another route that has no spans', async () => {
    const service = await start({
      backends: { sick: { ...dead, retryMaxElapsedMs: 0 } },
      routes: { acme: ['sick'], globex: ['well', { backend: 'sick', role: 'shadow' }] },
    });
    await eventually(async () => {
      makeSpans(service, 'acme', 1);
      await service.processor.forceFlush();
      return service.processor.health().backends.sick?.state === 'down';
    });
    expect(service.processor.health().status).toBe('degraded');
    expect(service.processor.stats().backends.sick?.state).toBe('down');
  });

  it('has the backends of route keys together, without a key', async () => {
    const service = await start({
      resolveBackend: () => dead,
      routes: { well: ['well'] },
    });
    makeSpans(service, 'tenant-1', 2);
    makeSpans(service, 'tenant-2', 3);
    await eventually(() => service.processor.health().backends['(dynamic)']?.state !== 'up');

    const health = service.processor.health();
    expect(Object.keys(health.backends)).toEqual(['well', '(dynamic)']);
    const { queued = 0, inFlight = 0, oldestQueuedMs } = health.backends['(dynamic)'] ?? {};
    expect(queued + inFlight).toBe(5);
    expect(oldestQueuedMs).toBeGreaterThan(0);
    expect(JSON.stringify(health)).not.toContain('tenant');
  });

  it('is down once the processor is shut down', async () => {
    const service = await start();
    await service.processor.shutdown();
    expect(service.processor.health()).toMatchObject({
      status: 'down',
      backends: { well: { state: 'up' } },
    });
  });
});
