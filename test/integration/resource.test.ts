import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackendConfig, RoutingSpanProcessor } from '../../src/index.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';

let receiver: TestReceiver;

beforeEach(async () => {
  receiver = await startReceiver();
});

afterEach(() => receiver.stop());

describe('a resource with attributes that are still being detected', () => {
  it.each<{ what: string; over: BackendConfig }>([
    { what: 'signalbox’s own exporter', over: {} },
    { what: 'the stock exporter', over: { exporter: 'otlp-http' } },
  ])('is sent whole by $what', async ({ over }) => {
    let detect = (_hostId: string) => {};
    const hostId = new Promise<string>((resolve) => {
      detect = resolve;
    });
    const processor = new RoutingSpanProcessor({
      backends: { main: { endpoint: receiver.url, scheduleDelayMs: 0, ...over } },
      defaultRoute: 'main',
    });
    const provider = new NodeTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'checkout', 'host.id': hostId }),
      spanProcessors: [processor],
    });
    const tracer = provider.getTracer('test');

    tracer.startSpan('first').end();
    // The batch's turn has come by then: it is the batch that waits.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(processor.stats().backends.main).toMatchObject({ queued: 1, inFlight: 0 });
    tracer.startSpan('second').end();
    const flushed = provider.forceFlush();
    detect('host-1');
    await flushed;

    expect(receiver.spans().map(({ name }) => name)).toEqual(['first', 'second']);
    for (const { resource } of receiver.spans()) {
      expect(plainAttributes(resource.attributes)).toEqual({
        'service.name': 'checkout',
        'host.id': 'host-1',
      });
    }
    await provider.shutdown();
  });

  it('is sent without those that can not be detected', async () => {
    const processor = new RoutingSpanProcessor({
      backends: { main: { endpoint: receiver.url } },
      defaultRoute: 'main',
    });
    const provider = new NodeTracerProvider({
      resource: resourceFromAttributes({
        'service.name': 'checkout',
        'host.id': Promise.reject(new Error('no such file')),
      }),
      spanProcessors: [processor],
    });
    provider.getTracer('test').startSpan('only').end();
    await provider.shutdown();

    const [span] = receiver.spans();
    expect(plainAttributes(span?.resource.attributes ?? [])).toEqual({
      'service.name': 'checkout',
    });
  });
});
