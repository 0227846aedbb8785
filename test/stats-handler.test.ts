import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type RoutingSpanProcessor,
  type SignalboxConfig,
  type StatsReport,
  setRoute,
  statsHandler,
  withBoundary,
  withRoute,
} from '../src/index.js';
import { startFaultReceiver } from './faults/fault-receiver.js';
import { recordingExporter, type Service, startService } from './helpers/service.js';

let service: Service | undefined;
afterEach(() => service?.stop());

async function serve(processor: RoutingSpanProcessor): Promise<string> {
  const server = createServer(statsHandler(processor));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/internal/stats`;
}

async function start(config: SignalboxConfig) {
  const started = startService(config);
  service = started;
  const url = await serve(started.processor);
  const report = async () => (await (await fetch(url)).json()) as StatsReport;
  return { ...started, url, report };
}

const twoBackends = () => ({
  backends: {
    standard: { exporter: recordingExporter() },
    byoc: { exporter: recordingExporter() },
  },
  routes: { acme: ['byoc'], globex: ['standard', 'byoc'] },
  defaultRoute: 'standard',
});

test('answers with stats() as JSON that nobody keeps', async () => {
  const { url, processor, inSpan } = await start(twoBackends());
  inSpan('request', () => setRoute('acme'));
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toMatchObject(JSON.parse(JSON.stringify(processor.stats())));
});

test('answers HEAD without a body, and nothing but GET and HEAD', async () => {
  const { url } = await start(twoBackends());
  const head = await fetch(url, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await fetch(url, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  }
});

describe('recent decisions', () => {
  test('say when, where and to what each was made, the newest first', async () => {
    const before = Date.now();
    const { inSpan, report } = await start(twoBackends());
    withBoundary(() =>
      inSpan('request', () => {
        setRoute('acme');
        setRoute('globex');
      }),
    );
    withRoute('globex', () => inSpan('job', () => {}));
    withRoute('nobody', () => inSpan('job', () => {}));
    inSpan('unkeyed', () => {});
    const { recentDecisions } = await report();
    const traceId = expect.stringMatching(/^[0-9a-f]{32}$/);
    const at = expect.any(Number);
    expect(recentDecisions).toEqual([
      { at, outcome: 'settled', by: 'default', backends: ['standard'], traceId },
      { at, outcome: 'unknown', by: 'withRoute', key: 'nobody', dropped: 'unknown_route' },
      {
        at,
        outcome: 'decided',
        by: 'withRoute',
        key: 'globex',
        backends: ['standard', 'byoc'],
      },
      expect.objectContaining({ outcome: 'conflict', by: 'boundary', key: 'acme', traceId }),
      { at, outcome: 'decided', by: 'boundary', key: 'acme', backends: ['byoc'], traceId },
    ]);
    for (const decision of recentDecisions) expect(decision.at).toBeGreaterThanOrEqual(before);
  });

  test('show no key that is not a valid one: it may be anything', async () => {
    const { inSpan, report } = await start(twoBackends());
    withRoute('secret token, set by mistake', () => inSpan('job', () => {}));
    const [decision] = (await report()).recentDecisions;
    expect(decision).toMatchObject({ outcome: 'unknown', dropped: 'unknown_route' });
    expect(JSON.stringify(decision)).not.toContain('secret');
  });

  test('are a hundred at most, the last ones', async () => {
    const { inSpan, report } = await start({ ...twoBackends(), routes: undefined });
    for (let n = 0; n < 250; n += 1) withRoute(`key-${n}`, () => inSpan('job', () => {}));
    const keys = (await report()).recentDecisions.map(({ key }) => key);
    expect(keys).toEqual(Array.from({ length: 100 }, (_, n) => `key-${249 - n}`));
  });

  test('are those since the handler was made', async () => {
    const started = startService(twoBackends());
    service = started;
    withRoute('acme', () => started.inSpan('early', () => {}));
    const url = await serve(started.processor);
    withRoute('globex', () => started.inSpan('late', () => {}));
    const { recentDecisions } = (await (await fetch(url)).json()) as StatsReport;
    expect(recentDecisions.map(({ key }) => key)).toEqual(['globex']);
  });
});

describe('recent failures', () => {
  test('say which request to which backend failed, without secrets or span contents', async () => {
    const receiver = await startFaultReceiver({ answer: () => ({ status: 401 }) });
    const { processor, inSpan, report } = await start({
      backends: {
        sick: {
          tracesEndpoint: `${receiver.url}/v1/traces?token=secret-in-query`,
          apiKey: 'secret-key',
        },
      },
      defaultRoute: 'sick',
    });
    inSpan('secret-span', () => {});
    await processor.forceFlush();
    const { recentFailures } = await report();
    expect(recentFailures).toEqual([
      {
        at: expect.any(Number),
        backend: 'sick',
        outcome: 'refused',
        message: 'HTTP 401',
        errorType: '401',
        httpStatus: 401,
        durationMs: expect.any(Number),
      },
    ]);
    expect(JSON.stringify(await report())).not.toContain('secret-');
  });

  test('tell of spans that a backend rejected, and not of what it took', async () => {
    let rejects = true;
    const { processor, inSpan, report } = await start({
      backends: {
        a: {
          exporter: {
            export: (_, callback) => callback({ code: rejects ? 1 : 0 }),
            async shutdown() {},
          },
        },
      },
      defaultRoute: 'a',
    });
    inSpan('first', () => {});
    await processor.forceFlush();
    rejects = false;
    inSpan('second', () => {});
    await processor.forceFlush();
    expect((await report()).recentFailures).toMatchObject([{ backend: 'a', outcome: 'refused' }]);
  });
});
