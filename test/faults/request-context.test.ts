import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { request } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type SpanExporter, withRoute } from '../../src/index.js';
import { type FaultOptions, hang, startFaultReceiver } from './fault-receiver.js';
import { named } from './named.js';
import { startWatchedService, type WatchedService } from './watched-service.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const SPANS = 5;
const key = createContextKey('the request');

/** Runs a request in stores of its own, which the caller can see go. */
function runRequest(service: WatchedService, storage: AsyncLocalStorage<object>) {
  const store = { body: 'x'.repeat(100) };
  const contextValue = { user: 'somebody' };
  const kept = { storage: new WeakRef(store), context: new WeakRef(contextValue) };
  storage.run(store, () => {
    context.with(ROOT_CONTEXT.setValue(key, contextValue), () => {
      withRoute('sick', () => service.makeSpans('sick', SPANS));
    });
  });
  return kept;
}

async function expectCollected(kept: Readonly<Record<string, WeakRef<object>>>): Promise<void> {
  const left = () =>
    Object.entries(kept).filter(([, reference]) => reference.deref() !== undefined);
  // A weak reference holds its object until the end of the turn that made or read it.
  for (let turn = 0; turn < 10 && left().length > 0; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    collectGarbage();
  }
  expect(left().map(([name]) => name)).toEqual([]);
}

describe('the context of a request whose spans started the work', () => {
  const cases: readonly { readonly what: string; readonly options: FaultOptions }[] = [
    { what: 'connections are kept alive', options: {} },
    { what: 'a request hangs', options: hang },
    { what: 'a batch waits for its retry', options: { answer: () => ({ status: 503 }) } },
  ];

  it.each(
    named('what', cases).flatMap(([what, { options }]) => [
      [what, 'signalbox', options] as const,
      [what, 'otlp-http', options] as const,
    ]),
  )('is not kept while %s (%s)', async (_, exporter, options) => {
    const storage = new AsyncLocalStorage<object>();
    const receiver = await startFaultReceiver(options);
    const service = startWatchedService({
      backends: {
        sick: { endpoint: receiver.url, exporter, scheduleDelayMs: 0, timeoutMs: 60_000 },
      },
      shutdownTimeoutMs: 50,
    });

    const kept = runRequest(service, storage);
    await service.until(() => receiver.arrived.length >= SPANS);

    await expectCollected(kept);
  });

  it('is not kept while its spans wait for their batch to fill', async () => {
    const storage = new AsyncLocalStorage<object>();
    const receiver = await startFaultReceiver();
    const service = startWatchedService({
      backends: { sick: { endpoint: receiver.url, scheduleDelayMs: 600_000 } },
    });

    await expectCollected(runRequest(service, storage));

    expect(service.backend('sick').queued).toBe(SPANS);
  });

  it('is not kept by the log’s timer of a drop', async () => {
    const storage = new AsyncLocalStorage<object>();
    const receiver = await startFaultReceiver({ answer: () => ({ status: 400 }) });
    const service = startWatchedService({
      backends: { sick: { endpoint: receiver.url, maxQueueSize: 1, scheduleDelayMs: 0 } },
    });

    const kept = runRequest(service, storage);
    await service.until(({ backends }) => backends.sick?.dropped.refused === 1);

    await expectCollected(kept);
  });
});

describe('the context of a request that flushes', () => {
  /** Flushes in a store of its own, to the end; nothing but what is returned is left of the call. */
  async function flushInStore(service: WatchedService): Promise<{ store: WeakRef<object> }> {
    const storage = new AsyncLocalStorage<object>();
    const flush = (): { store: WeakRef<object>; end: Promise<unknown> } => {
      const store = { body: 'x'.repeat(100) };
      const end = storage.run(store, () => service.processor.forceFlush());
      return { store: new WeakRef(store), end: end.catch(() => {}) };
    };
    const { store, end } = flush();
    await vi.advanceTimersByTimeAsync(25_000);
    await end;
    return { store };
  }

  it.each([
    ['is not kept once forceFlush has delivered', true],
    ['is not kept once forceFlush has given up, though the backend still hangs', false],
  ])('%s', async (_, callsBack) => {
    const exporter: SpanExporter = {
      export: (_spans, callback) => callsBack && callback({ code: 0 }),
      async shutdown() {},
    };
    const service = startWatchedService({
      backends: { sick: { exporter } },
      shutdownTimeoutMs: 50,
    });
    service.makeSpans('sick', SPANS);

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const kept = await flushInStore(service);
    vi.useRealTimers();

    expect(service.backend('sick').delivered).toBe(callsBack ? SPANS : 0);
    await expectCollected(kept);
  });
});

describe('requests of exporters', () => {
  it('make no spans, whatever instrumentation is at work and whichever attempt it is', async () => {
    let requests = 0;
    const seen: string[] = [];
    const receiver = await startFaultReceiver({
      answer() {
        requests += 1;
        return requests === 1 ? { status: 503 } : undefined;
      },
    });
    const service = startWatchedService({
      backends: { sick: { endpoint: receiver.url, scheduleDelayMs: 0 } },
      defaultRoute: 'sick',
    });
    // What @opentelemetry/instrumentation-undici does at this point: a span in the context that is active.
    const instrument = (): void => {
      const span = service.tracer.startSpan('POST');
      seen.push(span.isRecording() ? 'traced' : 'not traced');
      span.end();
    };
    subscribe('undici:request:create', instrument);
    onTestFinished(() => void unsubscribe('undici:request:create', instrument));

    const ids = service.tracer.startActiveSpan('request', (span) => {
      const made = withRoute('sick', () => service.makeSpans('sick', SPANS));
      span.end();
      return [...made, span.spanContext().spanId];
    });
    await service.processor.forceFlush();
    expect(seen).toEqual(['not traced', 'not traced']);
    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());

    // The application's own requests are traced: the instrumentation is at work.
    const { body } = await request(receiver.url, { reset: true });
    await body.dump();
    expect(seen).toContain('traced');
  });
});
