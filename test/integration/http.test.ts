import { once } from 'node:events';
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoutingStats } from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { fixture, startNode } from './child.js';

const TENANTS = ['acme', 'globex', 'standard'];
const ANSWER_SPANS = ['GET', 'GET', 'GET', 'SELECT', 'authenticate', 'work'];

let receiver: TestReceiver;
let agent: http.Agent;

beforeEach(async () => {
  receiver = await startReceiver();
  agent = new http.Agent({ keepAlive: true, maxSockets: 5 });
});

afterEach(async () => {
  agent.destroy();
  await receiver.stop();
});

/** The service of `fixtures/http-service.mjs`, with the instrumentation of `http` and three backends. */
async function startService(env: NodeJS.ProcessEnv = {}) {
  const child = startNode(
    ['--import', fixture('instrumentation.mjs'), fixture('http-service.mjs')],
    {
      SIGNALBOX_BACKENDS: TENANTS.join(),
      SIGNALBOX_DEFAULT_ROUTE: 'standard',
      SIGNALBOX_BACKEND_ACME_ENDPOINT: `${receiver.url}/acme`,
      SIGNALBOX_BACKEND_GLOBEX_ENDPOINT: `${receiver.url}/globex`,
      SIGNALBOX_BACKEND_STANDARD_ENDPOINT: `${receiver.url}/standard`,
      ...env,
    },
  );
  const { port } = (await child.receive()) as { port: number };

  function request(path: string, headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
    return http.get({ host: '127.0.0.1', port, path, agent, headers });
  }
  return {
    request,
    looksUp: () => child.receive(),
    async get(path: string, headers?: http.OutgoingHttpHeaders) {
      const sent = request(path, headers);
      const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
      const { localPort } = response.socket;
      const body = (await response.toArray()).join('');
      return { status: response.statusCode, body, localPort };
    },
    /** Ends the service in good order, and says what it counted. */
    async stop() {
      agent.destroy();
      child.send('stop');
      const counted = (await child.receive()) as { stats: RoutingStats; uncaught: string[] };
      expect((await child.ended).code).toBe(0);
      expectLaws(counted.stats);
      return counted;
    },
  };
}

/** The path of the request that a span belongs to; of a client span, of the request that it made. */
function pathOf({ attributes }: ReceivedSpan): string {
  const { 'url.path': path, 'url.full': url } = plainAttributes(attributes);
  return typeof path === 'string' ? path : new URL(String(url)).pathname;
}

function tenantOf(span: ReceivedSpan): string | undefined {
  return pathOf(span).split('/')[3];
}

/** Names of the spans at each backend, in alphabetical order. */
function arrived(): Record<string, string[]> {
  const names = TENANTS.map((backend) => {
    return [
      backend,
      receiver
        .spans(backend)
        .map(({ name }) => name)
        .sort(),
    ] as const;
  });
  return Object.fromEntries(names.filter(([, spans]) => spans.length > 0));
}

describe('an HTTP service with @opentelemetry/instrumentation-http', () => {
  it('sends all spans of concurrent requests on kept-alive connections to their tenants', async () => {
    const service = await startService();
    const paths = Array.from({ length: 60 }, (_, n) => {
      return `/${n % 2 === 0 ? 'boundary' : 'plain'}/answer/${TENANTS[n % 3]}/${n}`;
    });
    const answers = await Promise.all(paths.map((path) => service.get(path)));
    const { stats } = await service.stop();

    expect(new Set(answers.map(({ localPort }) => localPort)).size).toBe(5);
    for (const tenant of TENANTS) {
      const spans = receiver.spans(tenant);
      expect(new Set(spans.map(tenantOf))).toEqual(new Set([tenant]));
      expect(spans.map(({ name }) => name).sort()).toEqual(
        ANSWER_SPANS.flatMap((name) => Array<string>(20).fill(name)),
      );
    }
    expect(stats.decisions).toMatchObject({ decided: 120, settled: 0, conflict: 0 });
  });

  it('keeps two requests of one distributed trace apart', async () => {
    const service = await startService();
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    await Promise.all([
      service.get('/plain/answer/acme/1', headers),
      service.get('/boundary/answer/globex/2', headers),
    ]);
    await service.stop();

    expect(arrived()).toEqual({ acme: ANSWER_SPANS, globex: ANSWER_SPANS });
    expect(new Set(receiver.spans('acme').map(tenantOf))).toEqual(new Set(['acme']));
    expect(new Set(receiver.spans().map(({ traceId }) => traceId))).toEqual(
      new Set(['0af7651916cd43dd8448eb211c80319c']),
    );
  });

  it('makes no spans of the exporters’ own requests, the stock exporter’s included', async () => {
    const service = await startService({
      SIGNALBOX_BACKEND_ACME_EXPORTER: 'otlp-http',
      OTEL_BSP_SCHEDULE_DELAY: '0',
    });
    await service.get('/plain/answer/acme/1');
    await receiver.waitForSpans(ANSWER_SPANS.length, 'acme');
    await service.stop();

    expect(arrived()).toEqual({ acme: ANSWER_SPANS });
  });

  it('sends a streaming response’s spans to its tenant, those after its server span included', async () => {
    const service = await startService();
    const answers = await Promise.all([
      service.get('/boundary/stream/acme/1'),
      service.get('/plain/stream/globex/2'),
    ]);
    await service.stop();

    expect(answers.map(({ body }) => body)).toEqual(Array(2).fill('first second third last'));
    const spans = ['GET', 'SELECT', 'after', 'authenticate', 'part', 'part'];
    expect(arrived()).toEqual({ acme: spans, globex: spans });
  });

  it('sends a request to its tenant whose client went away during the look-up, under withBoundary', async () => {
    const service = await startService();
    const request = service.request('/boundary/abort/acme/1').on('error', () => {});
    await service.looksUp();
    request.destroy();
    const { stats } = await service.stop();

    expect(arrived()).toEqual({ acme: ['GET', 'after'] });
    expect(stats.decisions).toMatchObject({ decided: 1, late: 0, settled: 0 });
  });

  it('settles such a request to the default route where nothing holds it open, and counts the key as late', async () => {
    const service = await startService();
    const request = service.request('/plain/abort/acme/1').on('error', () => {});
    await service.looksUp();
    request.destroy();
    const { stats } = await service.stop();

    expect(arrived()).toEqual({ standard: ['GET'], acme: ['after'] });
    expect(stats.decisions).toMatchObject({ decided: 0, late: 1, settled: 1 });
  });

  it('sends a failed request’s spans to its tenant, and leaves the failure as it is', async () => {
    const service = await startService();
    const answers = await Promise.all([
      service.get('/boundary/reject/acme/1'),
      service.get('/plain/reject/acme/2'),
      service.get('/boundary/throw/globex/3'),
      service.get('/plain/throw/globex/4'),
    ]);
    const { uncaught } = await service.stop();

    expect(answers.map(({ status }) => status)).toEqual([500, 500, 500, 500]);
    expect(uncaught).toEqual(['thrown', 'thrown']);
    expect(arrived()).toEqual({ acme: ['GET', 'GET', 'work', 'work'], globex: ['GET', 'GET'] });
    const failed = receiver.spans().filter(({ status }) => status.code === 2);
    expect(failed.map(({ name }) => name)).toEqual(['GET', 'GET', 'GET', 'GET']);
  });

  it('sends a request that sets no key to the default route', async () => {
    const service = await startService();
    await service.get('/plain/anonymous/acme/1');
    await service.get('/boundary/anonymous/acme/2');
    const { stats } = await service.stop();

    expect(arrived()).toEqual({ standard: ['GET', 'GET', 'work', 'work'] });
    expect(stats.decisions).toMatchObject({ settled: 2 });
  });
});
