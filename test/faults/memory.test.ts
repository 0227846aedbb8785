import { describe, expect, it } from 'vitest';
import { hang, startFaultReceiver } from './fault-receiver.js';
import { hangingBackends } from './hanging.js';
import { named } from './named.js';
import { startWatchedService, type WatchedService } from './watched-service.js';

const KIB = 1_024;
const BUDGET = 1_024 * KIB;
const ROUNDS = 40;
const SPANS_A_ROUND = 10;
/** A round is less than a tenth of the budget: a backend that takes its spans never holds its share of it. */
const payload = 'x'.repeat(4 * KIB);

/** Loads the backends with more than the budget holds, no faster than the healthy one takes its part. */
async function load(service: WatchedService, loud: string, healthy: string): Promise<string[]> {
  const ids: string[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    service.makeSpans(loud, SPANS_A_ROUND, { payload });
    ids.push(...service.makeSpans(healthy, SPANS_A_ROUND, { payload }));
    const settled = Math.max(0, round - 2) * SPANS_A_ROUND;
    await service.until(({ backends }) => {
      const { queued = 0, inFlight = 0 } = backends[healthy] ?? {};
      return round * SPANS_A_ROUND - queued - inFlight >= settled;
    });
  }
  return ids;
}

describe('the memory that backends share', () => {
  it.each(named('way', hangingBackends))(
    'is not taken from a healthy one by one that %s',
    async (_, { start }) => {
      const healthy = await startFaultReceiver();
      const newcomer = await startFaultReceiver();
      const service = startWatchedService({
        backends: {
          loud: { ...(await start()), scheduleDelayMs: 0 },
          healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
          newcomer: { endpoint: newcomer.url, scheduleDelayMs: 0 },
        },
        maxBufferedBytes: BUDGET,
        shutdownTimeoutMs: 50,
      });

      const ids = await load(service, 'loud', 'healthy');
      const late = service.makeSpans('newcomer', SPANS_A_ROUND, { payload });
      await service.until(
        ({ backends }) =>
          backends.healthy?.delivered === ids.length &&
          backends.newcomer?.delivered === late.length,
      );

      expect(service.backend('healthy')).toMatchObject({ accepted: ids.length, dropped: {} });
      expect(healthy.arrived.toSorted()).toEqual(ids.toSorted());
      expect(service.backend('newcomer')).toMatchObject({ accepted: late.length, dropped: {} });
      expect(newcomer.arrived.toSorted()).toEqual(late.toSorted());
      const { accepted, delivered, queued, inFlight, dropped } = service.backend('loud');
      const { buffer_full: lost = 0, ...otherwise } = dropped;
      expect({ accepted, delivered, otherwise }).toEqual({
        accepted: ROUNDS * SPANS_A_ROUND,
        delivered: 0,
        otherwise: {},
      });
      expect(lost).toBeGreaterThan(0);
      // No more than the budget is held, and no less than a share of it: half, with one other beside it.
      const held = (queued + inFlight) * payload.length;
      expect(held).toBeLessThan(BUDGET);
      expect(held).toBeGreaterThan(BUDGET / 4);
    },
  );

  it('is bounded at one backend by its own limits first', async () => {
    const healthy = await startFaultReceiver();
    const hanging = await startFaultReceiver(hang);
    const service = startWatchedService({
      backends: {
        bytes: { endpoint: hanging.url, scheduleDelayMs: 0, maxQueueBytes: 64 * KIB },
        spans: { endpoint: hanging.url, scheduleDelayMs: 0, maxQueueSize: 10 },
        healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
      },
      routes: { all: ['bytes', 'spans', 'healthy'] },
      shutdownTimeoutMs: 50,
    });

    for (let round = 0; round < 10; round += 1) {
      service.makeSpans('all', SPANS_A_ROUND, { payload });
      await service.until(({ backends }) => backends.healthy?.queued === 0);
    }
    await service.until(({ backends }) => backends.healthy?.delivered === 10 * SPANS_A_ROUND);

    for (const name of ['bytes', 'spans']) {
      const { accepted, dropped, queued, inFlight } = service.backend(name);
      expect(Object.keys(dropped)).toEqual(['queue_full']);
      expect(accepted).toBe(10 * SPANS_A_ROUND);
      expect(queued).toBeLessThanOrEqual(name === 'spans' ? 10 : 16);
      expect(inFlight).toBeGreaterThan(0);
    }
    expect(service.backend('healthy').dropped).toEqual({});
  });

  it('is given back when a backend that was down takes what it was kept for', async () => {
    let isDown = true;
    const healthy = await startFaultReceiver();
    const receiver = await startFaultReceiver({
      answer: () => (isDown ? { status: 503 } : undefined),
    });
    const service = startWatchedService({
      backends: {
        sick: { endpoint: receiver.url, scheduleDelayMs: 0 },
        healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
      },
      maxBufferedBytes: BUDGET,
    });

    await load(service, 'sick', 'healthy');
    const { dropped } = service.backend('sick');
    isDown = false;
    await service.processor.forceFlush();
    // More than a share of the budget, which it has for itself now.
    const late = service.makeSpans('sick', 150, { payload });
    await service.processor.forceFlush();

    const { accepted, delivered, ...counters } = service.backend('sick');
    expect(counters).toMatchObject({ dropped, state: 'up' });
    expect(delivered).toBe(accepted - (dropped.buffer_full ?? 0));
    expect(receiver.taken).toHaveLength(delivered);
    expect(receiver.taken).toEqual(expect.arrayContaining(late));
    expect(service.backend('healthy').dropped).toEqual({});
  });
});
