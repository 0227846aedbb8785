import { afterEach, describe, expect, it, vi } from 'vitest';
import { RoutingSpanProcessor } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import { plainAttributes } from '../helpers/receiver.js';
import { type FaultReceiver, startFaultReceiver } from './fault-receiver.js';
import { SECRET, startWatchedService } from './watched-service.js';

const ROUNDS = 40;
const NAMES = ['standard', 'byoc', 'stock', 'stock-byoc'];

afterEach(() => {
  vi.unstubAllEnvs();
});

function variable(backend: string, setting: string): string {
  return `SIGNALBOX_BACKEND_${backend.toUpperCase().replace('-', '_')}_${setting}`;
}

/** A receiver that ends its connection now and then, so that senders have to look for it again. */
function startRestlessReceiver(): Promise<FaultReceiver> {
  let requests = 0;
  return startFaultReceiver({
    answer() {
      requests += 1;
      return requests % 3 === 0 ? { headers: { connection: 'close' } } : undefined;
    },
  });
}

describe('the environment, rewritten while spans are under way', () => {
  it('moves no span, credential or connection from one backend to another', async () => {
    const receivers = new Map<string, FaultReceiver>();
    vi.stubEnv('SIGNALBOX_BACKENDS', NAMES.join());
    vi.stubEnv('SIGNALBOX_SHUTDOWN_TIMEOUT', '1000');
    for (const name of NAMES) {
      const receiver = await startRestlessReceiver();
      receivers.set(name, receiver);
      vi.stubEnv(variable(name, 'ENDPOINT'), `${receiver.url}/${name}`);
      vi.stubEnv(variable(name, 'API_KEY'), `${SECRET}-key-of-${name}`);
      vi.stubEnv(variable(name, 'HEADERS'), `x-owner=${SECRET}-${name}`);
      vi.stubEnv(variable(name, 'MAX_EXPORT_BATCH_SIZE'), '8');
      vi.stubEnv(variable(name, 'SCHEDULE_DELAY'), '0');
      if (name.startsWith('stock')) vi.stubEnv(variable(name, 'EXPORTER'), 'otlp-http');
    }
    const elsewhere = await startFaultReceiver();
    const service = startWatchedService(() => RoutingSpanProcessor.fromEnv());

    /** Gives each backend its neighbour's settings, and puts another exporter's in their way. */
    function rewrite(round: number): void {
      for (const [index, name] of NAMES.entries()) {
        const other = NAMES[(index + round) % NAMES.length] ?? '';
        vi.stubEnv(variable(name, 'ENDPOINT'), `${receivers.get(other)?.url}/${other}`);
        vi.stubEnv(variable(name, 'API_KEY'), `${SECRET}-key-of-${other}`);
        vi.stubEnv(variable(name, 'HEADERS'), `x-owner=${SECRET}-${other}`);
      }
      vi.stubEnv('SIGNALBOX_ROUTES', 'standard=byoc,byoc=standard');
      vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', elsewhere.url);
      vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${elsewhere.url}/v1/traces`);
      vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20other,x-added=yes');
      for (const proxy of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy']) {
        vi.stubEnv(proxy, elsewhere.url);
      }
    }

    const ids = new Map<string, string[]>(NAMES.map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of NAMES) {
        ids.get(name)?.push(...service.makeSpans(name, 3, { owner: name }));
      }
      if (round >= ROUNDS / 4) rewrite(round);
      // Spans of several rounds share the batches, some of which go before the change and some after it.
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (round % 10 === 9) await service.processor.forceFlush();
    }
    await service.processor.forceFlush();

    expect(elsewhere.attempts).toBe(0);
    for (const [name, receiver] of receivers) {
      const made = ids.get(name) ?? [];
      expect(service.backend(name)).toMatchObject({
        accepted: made.length,
        delivered: made.length,
        dropped: {},
      });
      expect(receiver.arrived.toSorted()).toEqual(made.toSorted());
      const owners = receiver.spans().map(({ attributes }) => plainAttributes(attributes).owner);
      expect(new Set(owners)).toEqual(new Set([name]));
      for (const { backend, headers } of receiver.requests) {
        expect(backend).toBe(name);
        expect(headers.authorization).toBe(`Bearer ${SECRET}-key-of-${name}`);
        expect(headers['x-owner']).toBe(`${SECRET}-${name}`);
        expect(headers['x-added']).toBeUndefined();
      }
    }
  });

  it.each(['signalbox', 'otlp-http'] as const)(
    'makes no backend trust a certificate that it did not trust (%s)',
    async (exporter) => {
      const receiver = await startFaultReceiver({ tls: certificates.server });
      const service = startWatchedService({
        backends: {
          sick: { endpoint: receiver.url, certificate: pemPath('other-ca'), exporter },
        },
      });

      service.makeSpans('sick', 3);
      await service.processor.forceFlush();
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      service.makeSpans('sick', 3);
      await service.processor.forceFlush();

      expect(service.backend('sick')).toMatchObject({ delivered: 0, dropped: { refused: 6 } });
      expect(receiver.attempts).toBe(0);
    },
  );

  it('and a configuration object, changed after construction, change nothing', async () => {
    const standard = await startFaultReceiver();
    const byoc = await startFaultReceiver();
    const config = {
      backends: {
        standard: { endpoint: standard.url, headers: { 'x-owner': 'standard' } },
        byoc: { endpoint: byoc.url, headers: { 'x-owner': 'byoc' } },
      },
      routes: { acme: ['byoc'] },
      defaultRoute: 'standard',
    };
    const service = startWatchedService(config);

    config.backends.byoc.endpoint = standard.url;
    config.backends.byoc.headers['x-owner'] = 'standard';
    config.routes.acme[0] = 'standard';
    config.defaultRoute = 'byoc';
    const ids = service.makeSpans('acme', 5);
    service.tracer.startSpan('of nobody in particular').end();
    await service.processor.forceFlush();

    expect(byoc.arrived).toEqual(ids);
    expect(byoc.requests.map(({ headers }) => headers['x-owner'])).toEqual(['byoc']);
    expect(standard.spans().map(({ name }) => name)).toEqual(['of nobody in particular']);
  });
});
