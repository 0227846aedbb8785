import { describe, expect, it, vi } from 'vitest';
import type { BackendConfig, BackendStats, ExportResult, SpanExporter } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import {
  answerRaw,
  type FaultOptions,
  hang,
  loseAnswer,
  resetInMidBody,
  startFaultReceiver,
} from './fault-receiver.js';
import { pemPath } from './lasting-faults.js';
import { named } from './named.js';
import { SECRET, startWatchedService } from './watched-service.js';

const SPANS = 5;

type Callback = (result: ExportResult) => void;

/** An exporter that behaves but for what is said. */
function createExporter(over: Partial<SpanExporter>): SpanExporter {
  return { export: (_, callback) => callback({ code: 0 }), async shutdown() {}, ...over };
}

const failure = new Error(`refused the key ${SECRET}`);
const refused = { delivered: 0, dropped: { refused: SPANS } };
const delivered = { delivered: SPANS, dropped: {} };

/** Starts it beside a healthy backend, sends both the same spans, and waits until all are settled. */
async function deliverBeside(config: BackendConfig) {
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

describe('the stock exporter otlp-http', () => {
  const cases: readonly {
    readonly what: string;
    readonly options: FaultOptions;
    readonly config?: BackendConfig;
    readonly expected: Pick<BackendStats, 'delivered' | 'dropped'>;
    readonly arrived: number;
  }[] = [
    { what: 'delivers', options: {}, expected: delivered, arrived: SPANS },
    ...[400, 401, 413, 500].map((status) => ({
      what: `is refused by HTTP ${status}`,
      options: { answer: () => ({ status, body: `the key ${SECRET} is wrong` }) },
      expected: refused,
      arrived: SPANS,
    })),
    {
      what: 'is redirected',
      options: {
        answer: () => ({ status: 307, headers: { location: `http://u:${SECRET}@127.0.0.1:1/` } }),
      },
      expected: refused,
      arrived: SPANS,
    },
    {
      what: 'gives up on HTTP 503',
      options: { answer: () => ({ status: 503 }) },
      config: { timeoutMs: 1_000 },
      expected: refused,
      arrived: SPANS,
    },
    {
      what: 'gives up on a request that hangs',
      options: hang,
      config: { timeoutMs: 1_000 },
      expected: refused,
      arrived: SPANS,
    },
    {
      what: 'gives up on a broken connection',
      options: resetInMidBody,
      config: { timeoutMs: 1_000 },
      expected: refused,
      arrived: 0,
    },
    {
      what: 'gives up on a lost answer',
      options: loseAnswer,
      config: { timeoutMs: 1_000 },
      expected: refused,
      arrived: SPANS,
    },
    {
      what: 'gives up on what is no HTTP',
      options: answerRaw('SSH-2.0-OpenSSH_9.6\r\n'),
      config: { timeoutMs: 1_000 },
      expected: refused,
      arrived: SPANS,
    },
    {
      what: 'does not trust a certificate',
      options: { tls: certificates.server },
      config: { certificate: pemPath('other-ca'), timeoutMs: 1_000 },
      expected: refused,
      arrived: 0,
    },
  ];

  it.each(named('what', cases))('%s: each span is counted once', async (_, row) => {
    const receiver = await startFaultReceiver(row.options);
    const { service } = await deliverBeside({
      ...row.config,
      endpoint: receiver.url,
      exporter: 'otlp-http',
      apiKey: `${SECRET}-key`,
      headers: { 'x-team': `${SECRET}-team` },
    });

    expect(service.backend('sick')).toMatchObject({ accepted: SPANS, ...row.expected });
    expect(new Set(receiver.arrived).size).toBe(row.arrived);
  });

  it('is refused a connection: each span is counted once', async () => {
    const { service } = await deliverBeside({
      // Nothing listens on port 1.
      endpoint: 'http://127.0.0.1:1',
      exporter: 'otlp-http',
      timeoutMs: 1_000,
    });

    expect(service.backend('sick')).toMatchObject(refused);
  });
});

describe('the console exporter', () => {
  it('gets every span, beside a backend of the network', async () => {
    const dir = vi.spyOn(console, 'dir').mockImplementation(() => {});
    try {
      const { service, ids } = await deliverBeside({ exporter: 'console' });

      expect(service.backend('sick')).toMatchObject(delivered);
      expect(dir.mock.calls.map(([span]) => span.id)).toEqual(ids);
    } finally {
      dir.mockRestore();
    }
  });

  it('throws: each span is counted once, and nothing is thrown', async () => {
    const dir = vi.spyOn(console, 'dir').mockImplementation(() => {
      throw failure;
    });
    try {
      const { service } = await deliverBeside({ exporter: 'console' });

      expect(service.backend('sick')).toMatchObject(refused);
    } finally {
      dir.mockRestore();
    }
  });
});
