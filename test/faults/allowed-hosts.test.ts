import { describe, expect, it } from 'vitest';
import { startFaultReceiver } from './fault-receiver.js';
import { startWatchedService } from './watched-service.js';

describe('a backend whose name leads to addresses that are not allowed', () => {
  it('gets no span, loses them as refused, and the log says which addresses they were', async () => {
    const elsewhere = await startFaultReceiver();
    const service = startWatchedService({
      backends: {
        // By its name it may be anywhere in the network.
        lost: { endpoint: `http://localhost:${elsewhere.port}`, scheduleDelayMs: 0 },
      },
      allowedHosts: ['10.0.0.0/8', 'allowed.example'],
    });

    service.makeSpans('lost', 5);
    await service.processor.forceFlush();

    expect(service.backend('lost')).toMatchObject({ delivered: 0, dropped: { refused: 5 } });
    expect(elsewhere.attempts).toBe(0);
    const line = service.log.find((each) => each.includes('backend lost'));
    expect(line).toMatch(/as refused \(localhost has no address that is allowed \(.*127\.0\.0\.1/);
  });
});
