import { describe, expect, it, vi } from 'vitest';
import type { BackendStats, ExportResult, SpanExporter } from '../../src/index.js';
import { deliverBeside, delivered, refused, SPANS } from './beside-healthy.js';
import { startFaultReceiver } from './fault-receiver.js';
import { named } from './named.js';
import { SECRET, startWatchedService } from './watched-service.js';

type Callback = (result: ExportResult) => void;

/** An exporter that behaves but for what is said. */
function createExporter(over: Partial<SpanExporter>): SpanExporter {
  return { export: (_, callback) => callback({ code: 0 }), async shutdown() {}, ...over };
}

const failure = new Error(`refused the key ${SECRET}`);
describe('an exporter made elsewhere', () => {
  const cases: readonly {
    readonly what: string;
    readonly over: Partial<SpanExporter>;
    readonly expected: Pick<BackendStats, 'delivered' | 'dropped'>;
  }[] = [
    {
      what: 'fails',
      over: { export: (_, callback) => callback({ code: 1, error: failure }) },
      expected: refused,
    },
    {
      what: 'fails without a reason',
      over: { export: (_, callback) => callback({ code: 1 }) },
      expected: refused,
    },
    {
      what: 'throws',
      over: {
        export() {
          throw failure;
        },
      },
      expected: refused,
    },
    {
      what: 'throws what is no error',
      over: {
        export() {
          throw SECRET;
        },
      },
      expected: refused,
    },
    {
      what: 'rejects',
      over: {
        async export() {
          throw failure;
        },
      },
      expected: refused,
    },
    {
      what: 'throws after it has called back',
      over: {
        export(_, callback) {
          callback({ code: 0 });
          throw failure;
        },
      },
      expected: delivered,
    },
    {
      what: 'calls back twice, with a success first',
      over: {
        export(_, callback) {
          callback({ code: 0 });
          callback({ code: 1, error: failure });
        },
      },
      expected: delivered,
    },
    {
      what: 'calls back twice, with a failure first',
      over: {
        export(_, callback) {
          setImmediate(() => {
            callback({ code: 1, error: failure });
            setImmediate(callback, { code: 0 });
          });
        },
      },
      expected: refused,
    },
    {
      what: 'fails to flush and to shut down',
      over: { forceFlush: () => Promise.reject(failure), shutdown: () => Promise.reject(failure) },
      expected: delivered,
    },
    {
      what: 'throws as it is flushed and shut down',
      over: {
        forceFlush() {
          throw failure;
        },
        shutdown() {
          throw failure;
        },
      },
      expected: delivered,
    },
    {
      what: 'never ends its shutdown',
      over: { shutdown: () => new Promise(() => {}) },
      expected: delivered,
    },
  ];

  it.each(named('what', cases))(
    '%s: each span is counted once, and nothing is thrown',
    async (_, row) => {
      const { service } = await deliverBeside({ exporter: createExporter(row.over) });

      expect(service.backend('sick')).toMatchObject({ accepted: SPANS, ...row.expected });
    },
  );

  it('never calls back: it is called no more, told of once, and its spans stay countable', async () => {
    const calls: Callback[] = [];
    const exporter = createExporter({ export: (_, callback) => void calls.push(callback) });
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: {
        sick: { exporter, timeoutMs: 50, maxExportBatchSize: 2, scheduleDelayMs: 0 },
        healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
      },
      routes: { both: ['sick', 'healthy'] },
      shutdownTimeoutMs: 100,
    });

    service.makeSpans('both', SPANS);
    await vi.waitFor(() => expect(service.log.join()).toContain('has not called back in time'));
    service.makeSpans('both', SPANS);
    await service.until(({ backends }) => backends.healthy?.delivered === 2 * SPANS);

    expect(calls).toHaveLength(1);
    expect(service.backend('sick')).toMatchObject({ queued: 2 * SPANS - 2, inFlight: 2 });
    await service.stop();
    expect(service.backend('sick')).toMatchObject({
      delivered: 0,
      dropped: { shutdown_timeout: 2 * SPANS },
    });
    calls[0]?.({ code: 0 });
    expect(service.backend('sick').delivered).toBe(0);
    expect(service.log.filter((line) => line.includes('has not called back'))).toHaveLength(1);
  });
});
