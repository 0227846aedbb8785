import { expect } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { startFaultReceiver } from './fault-receiver.js';
import { startWatchedService, type WatchedService } from './watched-service.js';

/** How many spans each of the two backends is sent. */
export const SPANS = 5;
/** What becomes of them where the backend refuses all. */
export const refused = { delivered: 0, dropped: { refused: SPANS } } as const;
/** What becomes of them where the backend takes all. */
export const delivered = { delivered: SPANS, dropped: {} } as const;

/**
 * Starts a backend, named `sick`, beside a healthy one, sends both the same spans, and waits until all are
 * settled; asserts that the healthy one got its own.
 */
export async function deliverBeside(
  config: BackendConfig,
): Promise<{ readonly service: WatchedService; readonly ids: readonly string[] }> {
  const healthy = await startFaultReceiver();
  const service = startWatchedService({
    backends: { sick: config, healthy: { endpoint: healthy.url } },
    routes: { both: ['sick', 'healthy'] },
    shutdownTimeoutMs: 300,
  });
  const ids = service.makeSpans('both', SPANS);
  await service.processor.forceFlush();
  expect(service.backend('healthy')).toMatchObject(delivered);
  expect(healthy.arrived).toEqual(ids);
  return { service, ids };
}
