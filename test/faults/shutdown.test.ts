import { describe, expect, it } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { hang, startFaultReceiver } from './fault-receiver.js';
import { hangingBackends } from './hanging.js';
import { startWatchedService } from './watched-service.js';

const SPANS = 20;

describe('shutdown, beside a backend', () => {
  it('that hangs, in whatever way: ends in time, and delivers what others take', async () => {
    const healthy = await startFaultReceiver();
    const hanging: Record<string, BackendConfig> = {};
    for (const [index, { start }] of hangingBackends.entries()) {
      hanging[`hanging-${index}`] = {
        maxExportBatchSize: 2,
        maxConcurrentExports: 2,
        ...(await start()),
      };
    }
    const names = Object.keys(hanging);
    const service = startWatchedService({
      backends: { ...hanging, healthy: { endpoint: healthy.url } },
      routes: { hanging: names, healthy: ['healthy'], all: [...names, 'healthy'] },
      shutdownTimeoutMs: 2_000,
    });
    const all = service.makeSpans('all', SPANS / 2);
    service.makeSpans('hanging', SPANS / 2);
    const healthyIds = [...all, ...service.makeSpans('healthy', SPANS / 2)];

    // Shorter than the 10 s of a request, and than the 5 minutes of its retries.
    const ended = await Promise.race([
      service.processor.shutdown().then(() => 'in time'),
      new Promise((resolve) => setTimeout(resolve, 8_000, 'too late').unref()),
    ]);

    expect(ended).toBe('in time');
    expect(service.backend('healthy')).toMatchObject({ delivered: SPANS, dropped: {} });
    expect(healthy.arrived).toEqual(healthyIds);
    for (const [index, { way }] of hangingBackends.entries()) {
      expect(service.backend(`hanging-${index}`), `the one that ${way}`).toMatchObject({
        accepted: SPANS,
        delivered: 0,
        queued: 0,
        inFlight: 0,
        dropped: { shutdown_timeout: SPANS },
      });
    }
  });

  it('that hangs: ends a forceFlush that waits, and counts the spans that come meanwhile', async () => {
    const hanging = await startFaultReceiver(hang);
    const service = startWatchedService({
      backends: { hanging: { endpoint: hanging.url } },
      shutdownTimeoutMs: 300,
    });
    service.makeSpans('hanging', SPANS);

    const flushed = service.processor.forceFlush();
    const stopped = service.processor.shutdown();
    service.makeSpans('hanging', 3);
    await Promise.all([flushed, stopped]);

    expect(service.processor.stats().dropped).toEqual({ already_shutdown: 3 });
    expect(service.backend('hanging')).toMatchObject({
      accepted: SPANS,
      dropped: { shutdown_timeout: SPANS },
    });
  });

  it('that is healthy: waits for no deadline', async () => {
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: { healthy: { endpoint: healthy.url } },
      shutdownTimeoutMs: 600_000,
    });
    const ids = service.makeSpans('healthy', SPANS);

    await service.processor.shutdown();

    expect(healthy.arrived).toEqual(ids);
    expect(service.backend('healthy')).toMatchObject({ delivered: SPANS, dropped: {} });
  });

  it('that is slow: loses no answer that comes before its end, and counts none that comes after', async () => {
    const answers: (() => void)[] = [];
    const receiver = await startFaultReceiver({
      answer: () => new Promise((resolve) => answers.push(() => resolve(undefined))),
    });
    const service = startWatchedService({
      backends: {
        slow: { endpoint: receiver.url, maxExportBatchSize: 2, maxConcurrentExports: 2 },
      },
      shutdownTimeoutMs: 1_500,
    });
    service.makeSpans('slow', 4);

    const stopped = service.processor.shutdown();
    await service.until(() => answers.length === 2);
    answers[0]?.();
    await service.until(({ backends }) => backends.slow?.delivered === 2);
    await stopped;
    answers[1]?.();
    await service.stop();

    expect(service.backend('slow')).toMatchObject({
      delivered: 2,
      dropped: { shutdown_timeout: 2 },
    });
  });
});
