import { describe, expect, it } from 'vitest';
import { startFaultReceiver } from './fault-receiver.js';
import { layLine } from './line.js';
import { startWatchedService } from './watched-service.js';

const SPANS = 5;

describe('a backend that is down when the application starts', () => {
  it.each(['refuse', 'reset'] as const)(
    '(%s) fails nothing, and gets all once it is up',
    async (how) => {
      const receiver = await startFaultReceiver();
      const healthy = await startFaultReceiver();
      const line = await layLine(receiver.port);
      await line.cut(how);
      const service = startWatchedService({
        backends: {
          late: { endpoint: line.url, scheduleDelayMs: 0, maxExportBatchSize: 2 },
          healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
        },
      });

      const before = service.makeSpans('late', SPANS);
      await service.until(({ backends }) => backends.late?.state === 'down');
      const meanwhile = service.makeSpans('late', SPANS);
      service.makeSpans('healthy', SPANS);
      await service.until(({ backends }) => backends.healthy?.delivered === SPANS);
      expect(service.backend('late')).toMatchObject({ delivered: 0, dropped: {} });
      await line.restore();
      await service.processor.forceFlush();

      expect(service.backend('late')).toMatchObject({
        accepted: 2 * SPANS,
        delivered: 2 * SPANS,
        dropped: {},
        state: 'up',
      });
      expect(receiver.arrived.toSorted()).toEqual([...before, ...meanwhile].toSorted());
    },
  );

  it('(its name does not resolve) costs neither the application nor its neighbour anything', async () => {
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: {
        unknown: { endpoint: 'http://backend.invalid', scheduleDelayMs: 0 },
        healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
      },
      shutdownTimeoutMs: 100,
    });

    service.makeSpans('unknown', SPANS);
    await service.until(({ backends }) => backends.unknown?.state === 'degraded');
    service.makeSpans('healthy', SPANS);
    await service.until(({ backends }) => backends.healthy?.delivered === SPANS);
    await service.stop();

    expect(service.backend('unknown')).toMatchObject({
      accepted: SPANS,
      dropped: { shutdown_timeout: SPANS },
    });
  });
});

describe('a backend that goes down and comes back', () => {
  it('is probed by one request at a time, and gets every span once', async () => {
    let isOver = false;
    let open = 0;
    const seen: { readonly state: string; readonly others: number }[] = [];
    const receiver = await startFaultReceiver({
      async answer() {
        if (isOver) return undefined;
        seen.push({ state: service.backend('sick').state, others: open });
        open += 1;
        // A turn or two, so that requests which were sent together are open together.
        await new Promise((resolve) => setTimeout(resolve, 20));
        open -= 1;
        return { status: 503 };
      },
    });
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: {
        sick: { endpoint: receiver.url, scheduleDelayMs: 0, maxExportBatchSize: 2 },
        healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
      },
    });

    const ids = service.makeSpans('sick', 20);
    await service.until(() => seen.filter(({ state }) => state === 'down').length === 2);
    ids.push(...service.makeSpans('sick', 20));
    service.makeSpans('healthy', SPANS);
    isOver = true;
    await service.processor.forceFlush();

    const states = seen.map(({ state }) => state);
    expect(states.filter((state, i) => state !== states[i - 1])).toEqual([
      'up',
      'degraded',
      'down',
    ]);
    expect(states.indexOf('degraded')).toBeGreaterThan(1);
    expect(seen.filter(({ state }) => state === 'down').map(({ others }) => others)).toEqual([
      0, 0,
    ]);
    expect(service.backend('sick')).toMatchObject({
      delivered: ids.length,
      dropped: {},
      state: 'up',
    });
    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
    expect(service.backend('healthy')).toMatchObject({ delivered: SPANS, dropped: {} });
    const warnings = service.log.filter((line) => /^warn .*backend sick/.test(line));
    expect(warnings).toEqual([
      expect.stringContaining('backend sick is down (HTTP 503)'),
      expect.stringContaining('backend sick is up again'),
    ]);
  });

  it('loses in mid-traffic what was on its way, which is sent again', async () => {
    const receiver = await startFaultReceiver();
    const line = await layLine(receiver.port);
    const service = startWatchedService({
      backends: { sick: { endpoint: line.url, scheduleDelayMs: 0, maxExportBatchSize: 4 } },
    });

    const ids = service.makeSpans('sick', 40);
    await service.until(({ backends }) => (backends.sick?.delivered ?? 0) > 0);
    await line.cut('refuse');
    ids.push(...service.makeSpans('sick', 40));
    await service.until(({ backends }) => backends.sick?.state !== 'up');
    await line.restore();
    await service.processor.forceFlush();

    expect(service.backend('sick')).toMatchObject({
      accepted: ids.length,
      delivered: ids.length,
      dropped: {},
      state: 'up',
    });
    expect(new Set(receiver.arrived)).toEqual(new Set(ids));
  });
});
