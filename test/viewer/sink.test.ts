import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  HeldSpans,
  Overview,
  SpanDetail,
  TraceDetail,
  TracePage,
} from '../../src/viewer/messages.js';
import { type Sink, type SinkOptions, startSink } from '../../src/viewer/sink.js';
import { eventually } from '../helpers/eventually.js';
import { fullTraceId, otlpJson, sendSpans } from './otlp.js';
import { makePage } from './page.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: SinkOptions = {}): Promise<Sink> {
  const page = makePage();
  cleanUps.push(page.remove);
  const sink = await startSink({ port: 0, pageDirectory: page.directory, ...options });
  cleanUps.push(sink.stop);
  return sink;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** With any header, `Host` among them, which fetch does not allow. */
function get(sink: Sink, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: sink.port, path, headers, agent: false };
    httpRequest(options, async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode, headers: response.headers, text });
    })
      .once('error', reject)
      .end();
  });
}

async function ask<T>(sink: Sink, path: string): Promise<T> {
  const { status, text } = await get(sink, path);
  expect(status, text).toBe(200);
  return JSON.parse(text) as T;
}

const acme = { traceId: 'a1', spanId: '1', name: 'GET /', key: 'acme' };

describe('the sink', () => {
  it('takes spans for any backend, on any of its paths, plain or gzip', async () => {
    const sink = await start();
    const paths = ['/red/v1/traces', '/blue/otel/v1/traces', '/v1/traces', '/otel/v1/traces'];
    for (const path of paths) {
      const response = await fetch(`${sink.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: gzipSync(otlpJson([acme])),
      });
      expect(response.status).toBe(200);
    }
    const { backends, received } = await ask<Overview>(sink, '/api/overview');
    expect(received).toBe(4);
    expect(backends).toMatchObject([
      { name: 'red', spans: 1, requests: 1, refused: 0, lastStatus: 200 },
      { name: 'blue', spans: 1 },
      { name: '', spans: 2 },
    ]);
  });

  it('answers 404 to paths that it does not know', async () => {
    const sink = await start();
    for (const path of [
      '/nothing',
      '/api',
      '/api/nothing',
      '/api/spans/0',
      '/api/traces/12',
      '/../x',
      '//x/y',
    ]) {
      expect((await get(sink, path)).status, path).toBe(404);
    }
    expect((await get(sink, '/api/v1/traces')).status).toBe(405);
  });

  it('shows a request that could not be read', async () => {
    const sink = await start();
    expect(await sendSpans(sink.url, 'red', [{ traceId: 'xyz', spanId: '1' }])).toBe(400);
    const { backends, held } = await ask<Overview>(sink, '/api/overview');
    expect(backends).toMatchObject([{ name: 'red', refused: 1, lastStatus: 400 }]);
    expect(held).toBe(0);
  });

  it('makes a backend sick, and holds nothing of what it refused', async () => {
    const sink = await start({
      failures: [{ backend: 'busy', httpStatus: 503, durationMs: undefined }],
    });
    expect(await sendSpans(sink.url, 'busy', [acme])).toBe(503);
    expect(await sendSpans(sink.url, 'well', [acme])).toBe(200);
    const { backends, held } = await ask<Overview>(sink, '/api/overview');
    expect(held).toBe(1);
    expect(backends).toMatchObject([
      { name: 'busy', spans: 0, refused: 1, lastStatus: 503, fault: 'answers 503' },
      { name: 'well', spans: 1, refused: 0 },
    ]);
  });

  it('rejects where the port is taken', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('the API', () => {
  it('shows a trace, its spans, and what carried each', async () => {
    const sink = await start();
    const child = { ...acme, spanId: '2', parentSpanId: '1', name: 'SELECT', durationMs: 4 };
    const secrets = { authorization: 'Bearer sk-secret', 'x-api-key': 'sk-other', cookie: 'c=1' };
    await sendSpans(sink.url, 'red', [acme, child], secrets);
    await sendSpans(sink.url, 'blue', [acme, child]);

    const list = await ask<TracePage>(sink, '/api/traces?backend=red&key=acme&text=select');
    expect(list).toMatchObject({ total: 1, rows: [{ name: 'GET /', backends: ['blue', 'red'] }] });
    const trace = await ask<TraceDetail>(sink, `/api/traces/${fullTraceId('a1')}`);
    expect(trace.spans).toMatchObject([
      {
        name: 'GET /',
        copies: [
          { number: 0, backend: 'red' },
          { number: 2, backend: 'blue' },
        ],
      },
      { name: 'SELECT', depth: 1 },
    ]);
    const { spans } = await ask<HeldSpans>(sink, `/api/spans?trace=${fullTraceId('a1')}`);
    expect(spans.map(({ backend, name }) => [backend, name])).toEqual([
      ['red', 'GET /'],
      ['red', 'SELECT'],
      ['blue', 'GET /'],
      ['blue', 'SELECT'],
    ]);
    const text = JSON.stringify(await ask<SpanDetail>(sink, '/api/spans/1'));
    expect(JSON.parse(text)).toMatchObject({
      name: 'SELECT',
      backend: 'red',
      resource: [{ key: 'service.name', text: 'shop' }],
      request: {
        url: `${sink.url}/red/v1/traces`,
        httpStatus: 200,
        spans: 2,
        headers: expect.arrayContaining([
          { name: 'authorization', value: 'Bearer ****' },
          { name: 'x-api-key', value: '****' },
          { name: 'cookie', value: '****' },
          { name: 'content-type', value: 'application/json' },
        ]),
      },
    });
    expect(text).not.toMatch(/secret|sk-other|c=1/);
  });

  it('shows values as text, whatever they are', async () => {
    const sink = await start();
    const attributes = { html: '<img src=x onerror=alert(1)>', count: 7, ratio: 0.5, on: true };
    await sendSpans(sink.url, 'red', [{ traceId: '1', spanId: '1', attributes }]);
    const detail = await ask<SpanDetail>(sink, '/api/spans/0');
    expect(detail.attributes).toEqual([
      { key: 'html', type: 'string', text: '<img src=x onerror=alert(1)>', omitted: 0 },
      { key: 'count', type: 'int', text: '7', omitted: 0 },
      { key: 'ratio', type: 'double', text: '0.5', omitted: 0 },
      { key: 'on', type: 'bool', text: 'true', omitted: 0 },
    ]);
  });

  it('cuts a value that is very long, and says by how much', async () => {
    const sink = await start();
    const attributes = { prompt: 'x'.repeat(300_000) };
    await sendSpans(sink.url, 'red', [{ traceId: '1', spanId: '1', attributes }]);
    const detail = await ask<SpanDetail>(sink, '/api/spans/0');
    expect(detail.attributes[0]?.omitted).toBe(300_000 - 262_144);
  });

  it('shows a bounded number of attributes, events and links, and says how many it leaves out', async () => {
    const sink = await start();
    const attributes = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`a${i}`, i]));
    const events = Array.from({ length: 10 }, () => ({ name: 'event', offsetMs: 1 }));
    await sendSpans(sink.url, 'red', [{ traceId: '1', spanId: '1', attributes, events }]);
    const detail = await ask<SpanDetail>(sink, '/api/spans/0');
    expect(detail.attributes).toHaveLength(2_000);
    // The name of the service and what else belongs to the resource is left out too.
    expect(detail.omittedEntries).toBe(1_000 + events.length + 1);
    expect(detail.events).toEqual([]);
  });

  it('says no more than the revision while nothing has changed', async () => {
    const sink = await start();
    const { revision } = await ask<Overview>(sink, '/api/overview');
    expect(await ask(sink, `/api/overview?since=${revision}`)).toEqual({ revision });
    await sendSpans(sink.url, 'red', [acme]);
    expect(await ask(sink, `/api/overview?since=${revision}`)).toMatchObject({ held: 1 });
  });
});

describe('who may look', () => {
  it('serves the page with a policy that lets nothing else in', async () => {
    const sink = await start();
    const { status, headers, text } = await get(sink, '/');
    expect(status).toBe(200);
    expect(text).toContain('<title>');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['cache-control']).toBe('no-store');
    expect((await get(sink, '/assets/page.js')).headers['content-type']).toContain('javascript');
  });

  it.each([
    ['its address', { host: '127.0.0.1:1' }, 200],
    ['localhost', { host: 'localhost:1' }, 200],
    ['IPv6 loopback', { host: '[::1]:1' }, 200],
    ['a name that was made to mean this address', { host: 'evil.example:1' }, 421],
    ['a name that only looks like loopback', { host: '127.0.0.1.evil.example' }, 421],
    ['a page of another origin', { host: 'localhost:1', origin: 'http://localhost:2' }, 403],
    ['a page without an origin', { host: 'localhost:1', origin: 'null' }, 403],
    ['an image on another site', { host: 'localhost:1', 'sec-fetch-site': 'cross-site' }, 403],
    [
      'its own page',
      { host: 'localhost:1', origin: 'http://localhost:1', 'sec-fetch-site': 'same-origin' },
      200,
    ],
  ])('answers on loopback as asked by %s', async (_, headers, status) => {
    const sink = await start();
    for (const path of ['/', '/api/overview', '/api/traces', '/assets/page.js']) {
      expect((await get(sink, path, headers)).status).toBe(status);
    }
  });

  it('can be linked to, and not framed, from another site', async () => {
    const sink = await start();
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await get(sink, '/', { ...link, 'sec-fetch-dest': 'document' })).status).toBe(200);
    expect((await get(sink, '/', { ...link, 'sec-fetch-dest': 'iframe' })).status).toBe(403);
  });

  it('asks for a token beyond loopback, and takes spans without one', async () => {
    const sink = await start({ host: '0.0.0.0' });
    const token = new URL(sink.viewerUrl).searchParams.get('token') ?? '';
    expect(token.length).toBeGreaterThanOrEqual(24);
    expect(await sendSpans(`http://127.0.0.1:${sink.port}`, 'red', [acme])).toBe(200);

    for (const path of ['/', '/api/overview', '/assets/page.js', '/api/overview?token=wrong']) {
      expect((await get(sink, path)).status).toBe(401);
    }
    const exchange = await get(sink, `/?token=${token}`);
    expect(exchange).toMatchObject({ status: 303, headers: { location: '/' } });
    const [cookie = ''] = exchange.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    const [pair = ''] = cookie.split(';');
    expect((await get(sink, '/', { cookie: pair })).status).toBe(200);
    expect((await get(sink, '/api/overview', { cookie: `other=1; ${pair}` })).status).toBe(200);
    expect((await get(sink, '/', { cookie: pair.slice(0, -1) })).status).toBe(401);
    const bearer = { authorization: `Bearer ${token}` };
    expect((await get(sink, '/api/overview', bearer)).status).toBe(200);
    const foreign = { ...bearer, origin: 'http://elsewhere.example' };
    expect((await get(sink, '/api/overview', foreign)).status).toBe(403);
  });

  it('says so where the page was not built', async () => {
    const sink = await start({ pageDirectory: '/nowhere' });
    expect(await get(sink, '/')).toMatchObject({
      status: 503,
      text: expect.stringContaining('npm run build'),
    });
  });
});

describe('what the service says of itself', () => {
  async function serve(answer: () => { status?: number; body: string }): Promise<URL> {
    const server = createServer((_, response) => {
      const { status = 200, body } = answer();
      response.writeHead(status, { location: '/elsewhere' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUps.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    return new URL(`http://127.0.0.1:${port}/stats?secret=1`);
  }

  const figures = { accepted: 5, delivered: 3, queued: 2, inFlight: 0, spooled: 0, dropped: {} };
  const stats = {
    ended: 5,
    routed: 5,
    parked: 0,
    dropped: { no_route: 1 },
    backends: { red: { ...figures, state: 'degraded' } },
    recentFailures: [
      { at: 2, backend: 'red', outcome: 'retryable', message: 'HTTP 503' },
      { at: 1, backend: 'blue', outcome: 'refused', message: 'HTTP 401' },
    ],
  };

  async function reportOf(url: URL) {
    const sink = await start({ stats: url });
    let report: Overview['service'];
    await eventually(async () => {
      report = (await ask<Overview>(sink, '/api/overview')).service;
      return report?.status !== 'asking';
    });
    return report;
  }

  it('shows queues, retries and drops', async () => {
    const url = await serve(() => ({ body: JSON.stringify(stats) }));
    expect(await reportOf(url)).toMatchObject({
      status: 'answered',
      stats: {
        ended: 5,
        dropped: { no_route: 1 },
        backends: {
          red: {
            state: 'degraded',
            queued: 2,
            recentRetries: 1,
            lastFailure: { message: 'HTTP 503' },
          },
        },
      },
    });
  });

  it.each([
    ['an error', { status: 500, body: '' }, 'it answers with HTTP 500'],
    ['a redirect', { status: 302, body: '' }, 'it can not be asked'],
    ['no JSON', { body: 'secret words' }, 'its answer is not what a statsHandler says'],
    ['another JSON', { body: '{"secret":1}' }, 'its answer is not what a statsHandler says'],
  ])('says what is wrong with %s, and nothing of the address', async (_, answer, problem) => {
    const report = await reportOf(await serve(() => answer));
    expect(report).toEqual({ status: 'unreachable', problem });
  });

  it('says that nobody is there', async () => {
    const url = new URL('http://127.0.0.1:9/');
    expect(await reportOf(url)).toMatchObject({ status: 'unreachable' });
  });
});
