import { context, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { setRoute } from '../../src/index.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';

// The one limit of parking that the model leaves out: no clock of its own can agree with real sockets.

let receiver: TestReceiver;
let service: Service;

beforeEach(async () => {
  receiver = await startReceiver();
});

afterEach(async () => {
  await service.stop();
  await receiver.stop();
});

function start(parkOverflow: 'drop' | 'default'): void {
  service = startService({
    backends: {
      standard: { endpoint: `${receiver.url}/standard` },
      acme: { endpoint: `${receiver.url}/acme` },
    },
    defaultRoute: 'standard',
    parkTimeoutMs: 1,
    parkOverflow,
  });
}

/** Parks a span until that has taken too long; then its request gets its key, and ends. */
async function decideLate(): Promise<void> {
  const root = service.tracer.startSpan('root');
  const request = trace.setSpan(context.active(), root);
  service.tracer.startSpan('early', {}, request).end();
  expect(service.processor.stats()).toMatchObject({ ended: 1, parked: 1 });
  await vi.waitFor(() => expect(service.processor.stats().parked).toBe(0));
  expect(context.with(request, () => setRoute('acme'))).toBe('decided');
  root.end();
  await service.processor.forceFlush();
}

function arrived(backend: string): string[] {
  return receiver.spans(backend).map(({ name }) => name);
}

it('drops what is parked for too long, and leaves the decision open', async () => {
  start('drop');
  await decideLate();
  expect(arrived('standard')).toEqual([]);
  expect(arrived('acme')).toEqual(['root']);
  expect(service.processor.stats()).toMatchObject({
    ended: 2,
    routed: 1,
    dropped: { park_limit: 1 },
    decisions: { decided: 1, settled: 0, late: 0 },
  });
});

it('settles to the default route what is parked for too long, where it is told to', async () => {
  start('default');
  await decideLate();
  expect(arrived('standard')).toEqual(['early']);
  expect(arrived('acme')).toEqual(['root']);
  expect(service.processor.stats()).toMatchObject({
    ended: 2,
    routed: 2,
    decisions: { decided: 0, settled: 1, late: 1 },
  });
  expect(service.processor.stats().dropped).toEqual({});
});
