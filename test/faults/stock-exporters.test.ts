import { describe, expect, it, vi } from 'vitest';
import type { BackendConfig, BackendStats } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import { deliverBeside, delivered, refused, SPANS } from './beside-healthy.js';
import {
  answerRaw,
  type FaultOptions,
  hang,
  loseAnswer,
  resetInMidBody,
  startFaultReceiver,
} from './fault-receiver.js';
import { named } from './named.js';
import { SECRET } from './watched-service.js';

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

const failure = new Error(`refused the key ${SECRET}`);
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
