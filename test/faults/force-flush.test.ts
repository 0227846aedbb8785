import { expect, it } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { startFaultReceiver } from './fault-receiver.js';
import { hangingBackends } from './hanging.js';
import { SECRET, startWatchedService } from './watched-service.js';

const SPANS = 20;

// forceFlush waits for 25 s, and real sockets need a real clock: this is the one test that waits so long, for
// every way to hang at once.
it('forceFlush delivers at once what healthy backends take, and at the end names those that hang', async () => {
  const healthy = await startFaultReceiver();
  const hanging: Record<string, BackendConfig> = {};
  for (const [index, { start }] of hangingBackends.entries()) {
    const config = await start();
    const secrets = { apiKey: `${SECRET}-key`, headers: { 'x-team': `${SECRET}-header` } };
    hanging[`hanging-${index}`] =
      typeof config.exporter === 'object' ? config : { ...config, ...secrets };
  }
  const service = startWatchedService({
    backends: {
      ...hanging,
      idle: { endpoint: 'http://127.0.0.1:1' },
      healthy: { endpoint: healthy.url },
    },
    routes: { all: [...Object.keys(hanging), 'healthy'] },
  });
  const ids = service.makeSpans('all', SPANS);

  const order: string[] = [];
  const flushed = service.processor.forceFlush().catch((error: unknown) => {
    order.push('rejected');
    return error;
  });
  await service.until(({ backends }) => backends.healthy?.delivered === SPANS);
  order.push('delivered');
  const error = await flushed;

  expect(order).toEqual(['delivered', 'rejected']);
  expect(healthy.arrived).toEqual(ids);
  expect(error).toBeInstanceOf(Error);
  const { message } = error as Error;
  expect(message).not.toContain(SECRET);
  for (const name of Object.keys(hanging)) {
    expect(message).toContain(name);
    expect(service.backend(name).delivered).toBe(0);
  }
  expect(message).not.toMatch(/healthy|idle/);
  // It gave up, and they did not: the spans are still there.
  expect(service.backend('hanging-0')).toMatchObject({ accepted: SPANS, dropped: {} });
}, 60_000);
