import { describe, expect, it } from 'vitest';
import { startFaultReceiver } from './fault-receiver.js';
import { lastingFaults, SPANS } from './lasting-faults.js';
import { named } from './named.js';
import { startWatchedService } from './watched-service.js';

describe('a backend with a fault that lasts', () => {
  it.each(named('fault', lastingFaults))(
    '%s: counts each span once, and costs its neighbour none',
    async (_, row) => {
      const sick = await row.start();
      const healthy = await startFaultReceiver();
      const service = startWatchedService({
        backends: { sick: sick.config, healthy: { endpoint: `${healthy.url}/healthy` } },
        routes: { sick: ['sick'], healthy: ['healthy'], both: ['sick', 'healthy'] },
      });

      const both = service.makeSpans('both', 2);
      const sickIds = [...both, ...service.makeSpans('sick', SPANS - 2)];
      const healthyIds = [...both, ...service.makeSpans('healthy', 4)];
      await service.processor.forceFlush();

      const { bytes, lastDeliveredAt, ...counters } = service.backend('sick');
      const none = {
        queued: 0,
        inFlight: 0,
        spooled: 0,
        recovered: 0,
        movedIn: 0,
        movedOut: 0,
        movedUnanswered: 0,
      };
      const { delivered = 0, dropped, state } = row;
      expect(counters).toEqual({ ...none, accepted: SPANS, delivered, dropped, state });
      expect(lastDeliveredAt === undefined).toBe(delivered === 0);
      expect(service.backend('healthy')).toMatchObject({
        accepted: healthyIds.length,
        delivered: healthyIds.length,
        dropped: {},
        state: 'up',
      });
      expect(healthy.arrived.toSorted()).toEqual(healthyIds.toSorted());
      expect(sick.arrived).toHaveLength(row.arrived ?? SPANS);
      expect(sickIds).toEqual(expect.arrayContaining([...sick.arrived]));
      if (sick.attempts !== undefined) expect(sick.attempts).toBe(row.attempts ?? 1);
      if (row.says !== undefined) {
        const lines = service.log.filter((line) => /^warn .*backend sick/.test(line));
        expect(lines).toEqual([expect.stringContaining(row.says)]);
      }
    },
  );
});
