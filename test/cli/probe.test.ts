import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type FaultOptions, hang, startFaultReceiver } from '../faults/fault-receiver.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import { partialSuccess, plainAttributes } from '../helpers/receiver.js';
import { useServers } from '../transport/servers.js';
import { onTerminal, signalbox } from './command.js';
import { endless } from './endless.js';
import { temporaryFile } from './files.js';

const servers = useServers();

const schema = z.strictObject({
  ok: z.boolean(),
  dropped: z.string().optional(),
  probes: z.array(
    z.strictObject({
      backend: z.string(),
      url: z.string().optional(),
      proxy: z.string().optional(),
      addresses: z.array(z.string()),
      status: z.enum(['delivered', 'failed', 'skipped']),
      traceId: z.string().regex(/^[0-9a-f]{32}$/),
      spanId: z.string().regex(/^[0-9a-f]{16}$/),
      httpStatus: z.number().optional(),
      latencyMs: z.number().optional(),
      warning: z.string().optional(),
      failure: z
        .strictObject({ errorType: z.string(), cause: z.string(), hint: z.string() })
        .optional(),
      confirmation: z.enum(['confirmed', 'missing', 'unsupported']).optional(),
      logs: z
        .union([z.strictObject({ url: z.string() }), z.strictObject({ missing: z.string() })])
        .optional(),
    }),
  ),
});

/** One backend `a` at `url`. */
function backendAt(
  url: string,
  settings: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  return {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: url,
    ...Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`SIGNALBOX_BACKEND_A_${key}`, value]),
    ),
  };
}

/** What `signalbox probe` says, run in this process. */
async function probe(env: NodeJS.ProcessEnv, ...flags: string[]) {
  const { code, stdout } = await onTerminal(['probe', '--json', ...flags], env);
  const report = schema.parse(JSON.parse(stdout));
  return { code, ...report, first: report.probes[0] };
}

test('sends one marked span, with the credentials of the backend, and says what came of it', async () => {
  const receiver = await startFaultReceiver();
  const env = backendAt(`${receiver.url}/v1/traces?token=secret-in-query`, {
    API_KEY: 'secret-key',
    HEADERS: 'x-team=secret-team',
  });
  const { code, stdout } = await signalbox(['probe', '--json'], env);
  expect(code).toBe(0);
  expect(stdout).not.toContain('secret-');
  const { ok, probes } = schema.parse(JSON.parse(stdout));
  const [span] = receiver.spans();
  expect({ ok, probes }).toEqual({
    ok: true,
    probes: [
      {
        backend: 'a',
        url: `${receiver.url}/v1/traces?****`,
        addresses: ['127.0.0.1'],
        status: 'delivered',
        httpStatus: 200,
        latencyMs: expect.any(Number),
        traceId: span?.traceId,
        spanId: span?.spanId,
      },
    ],
  });
  expect(receiver.requests).toHaveLength(1);
  expect(receiver.requests[0]?.headers).toMatchObject({
    authorization: 'Bearer secret-key',
    'x-team': 'secret-team',
  });
  expect(span?.name).toBe('signalbox probe');
  expect(plainAttributes(span?.attributes ?? [])).toEqual({
    'signalbox.probe': true,
    'signalbox.route': 'a',
  });
  expect(plainAttributes(span?.resource.attributes ?? [])).toEqual({
    'service.name': 'signalbox-probe',
  });
});

test('goes the way that the backend goes: its authority, its client certificate, its protocol', async () => {
  const receiver = await startFaultReceiver({
    tls: { ...certificates.server, ca: certificates.ca, requestCert: true },
  });
  const { code, first } = await probe(
    backendAt(`${receiver.url}/v1/traces`, {
      CERTIFICATE: pemPath('ca'),
      CLIENT_CERTIFICATE: pemPath('client'),
      CLIENT_KEY: pemPath('client-key'),
      PROTOCOL: 'http/json',
      COMPRESSION: 'gzip',
    }),
  );
  expect(first?.failure).toBeUndefined();
  expect(code).toBe(0);
  expect(receiver.requests[0]?.headers).toMatchObject({
    'content-type': 'application/json',
    'content-encoding': 'gzip',
  });
});

test("probes a stock exporter through itself, and the service's own console not at all", async () => {
  const receiver = await startFaultReceiver();
  const env = {
    ...backendAt(`${receiver.url}/v1/traces`, { EXPORTER: 'otlp-http' }),
    SIGNALBOX_BACKENDS: 'a,b',
    SIGNALBOX_BACKEND_B_EXPORTER: 'console',
  };
  const { code, probes } = await probe(env);
  expect(probes.map(({ status }) => status)).toEqual(['delivered', 'skipped']);
  expect(receiver.spans()).toHaveLength(1);
  expect(code).toBe(0);
  expect((await onTerminal(['probe'], env)).stdout).toMatch(/answer +taken, after \d+ ms/);
});

describe('tells the plain cause of a failure, and what to do', () => {
  test('nothing listens', async () => {
    const { port, stop } = await servers.raw(() => {});
    await stop();
    const { code, first } = await probe(backendAt(`http://127.0.0.1:${port}/v1/traces`));
    expect(code).toBe(1);
    expect(first).toMatchObject({
      status: 'failed',
      addresses: ['127.0.0.1'],
      failure: {
        errorType: 'ECONNREFUSED',
        cause: expect.stringContaining('nothing listens there'),
        hint: expect.stringContaining('SIGNALBOX_BACKEND_A_TRACES_ENDPOINT'),
      },
    });
  });

  const answer = (status: number, headers = {}): FaultOptions => ({
    answer: () => ({ status, headers }),
  });
  test.each<[string, FaultOptions, Readonly<Record<string, string>>, RegExp, RegExp]>([
    ['the key is refused', answer(401), { API_KEY: 'k' }, /refuses the key/, /A_API_KEY/],
    [
      'it redirects',
      answer(307, { location: 'https://elsewhere.example/v1/traces?key=secret-in-query' }),
      {},
      /redirect to elsewhere\.example/,
      /A_TRACES_ENDPOINT/,
    ],
    ['the path is wrong', answer(404), {}, /no traces at this path/, /TRACES_ENDPOINT/],
    ['the protocol is wrong', answer(415), {}, /does not understand/, /A_PROTOCOL=http\/json/],
    ['there are too many requests', answer(429), {}, /too many requests/, /wait/],
    ['it is busy', answer(503), {}, /HTTP 503/, /logs/],
    ['it hangs', hang, { TIMEOUT: '200' }, /no answer within 200 ms/, /A_TIMEOUT/],
    [
      'it takes the request and not the span',
      { answer: (request) => partialSuccess(request, 1, 'no such project') },
      {},
      /not the span.*no such project/,
      /limits/,
    ],
    [
      'its certificate is of an authority that is not trusted',
      { tls: certificates.server },
      {},
      /authority that is not trusted/,
      /A_CERTIFICATE/,
    ],
    [
      'its certificate is for another host',
      { tls: certificates.wrongHost },
      { CERTIFICATE: pemPath('ca') },
      /for another host/,
      /host/,
    ],
    [
      'its certificate has expired',
      { tls: certificates.expired },
      { CERTIFICATE: pemPath('ca') },
      /expired/,
      /renewed/,
    ],
    [
      'it asks for a client certificate',
      {
        tls: {
          ...certificates.server,
          ca: certificates.ca,
          requestCert: true,
          rejectUnauthorized: true,
        },
      },
      { CERTIFICATE: pemPath('ca') },
      /asks for one/,
      /A_CLIENT_CERTIFICATE/,
    ],
  ])('%s', async (_, options, settings, cause, hint) => {
    const receiver = await startFaultReceiver(options);
    const { code, ok, first } = await probe(backendAt(`${receiver.url}/v1/traces`, settings));
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    expect(first?.failure?.cause).toMatch(cause);
    expect(first?.failure?.hint).toMatch(hint);
    // OpenSSL's words are told without its functions, files and codes.
    expect(first?.failure?.cause).not.toMatch(/routines|\.c:|error:/);
    expect(JSON.stringify(first)).not.toContain('secret-');
    // A probe is one attempt, whatever a service would do.
    expect(receiver.attempts).toBeLessThanOrEqual(1);
  });

  test('the key of a file is refused', async () => {
    const receiver = await startFaultReceiver(answer(403));
    const settings = { API_KEY_FILE: temporaryFile('key', 'secret-key') };
    const { first } = await probe(backendAt(`${receiver.url}/v1/traces`, settings));
    expect(first?.failure).toMatchObject({
      cause: expect.stringContaining('refuses the key'),
      hint: expect.stringContaining('SIGNALBOX_BACKEND_A_API_KEY_FILE'),
    });
  });

  test('plain HTTP at an https URL', async () => {
    const receiver = await startFaultReceiver();
    const url = receiver.url.replace('http:', 'https:');
    const { first } = await probe(backendAt(`${url}/v1/traces`));
    expect(first?.failure).toMatchObject({
      cause: expect.stringContaining('speaks no TLS'),
      hint: expect.stringContaining('http://'),
    });
  });

  test('TLS at an http URL', async () => {
    const receiver = await startFaultReceiver({ tls: certificates.server });
    const url = receiver.url.replace('https:', 'http:');
    const { first } = await probe(backendAt(`${url}/v1/traces`));
    expect(first?.failure?.hint).toContain('https://');
  });

  test('another protocol', async () => {
    const { port } = await servers.raw((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    const { first } = await probe(backendAt(`http://127.0.0.1:${port}/v1/traces`));
    expect(first?.failure).toMatchObject({
      cause: expect.stringContaining('no HTTP'),
      hint: expect.stringContaining('4318'),
    });
  });

  test('a host that DNS does not know', async () => {
    const { first } = await probe(backendAt('http://nowhere.invalid/v1/traces'));
    expect(first?.addresses).toEqual([]);
    // Without a network there is no name server either.
    expect(first?.failure?.cause).toMatch(/no address in DNS|name server does not answer/);
  });

  test('a host whose addresses are not allowed', async () => {
    const env = {
      ...backendAt('http://localhost:4318/v1/traces'),
      SIGNALBOX_ALLOWED_HOSTS: '192.0.2.0/24',
    };
    const { code, first } = await probe(env);
    expect(code).toBe(1);
    expect(first?.failure).toMatchObject({
      errorType: 'not_allowed',
      cause: expect.stringContaining('localhost has no address that is allowed'),
      hint: expect.stringContaining('SIGNALBOX_ALLOWED_HOSTS'),
    });
  });

  test('a backend of the template, whose settings are those to be checked', async () => {
    const env = {
      SIGNALBOX_TEMPLATE_TRACES_ENDPOINT: 'https://{route}.nowhere.invalid/v1/traces',
    };
    const { first } = await probe(env, '--route', 'acme');
    expect(first?.failure?.hint).toContain('SIGNALBOX_TEMPLATE_TRACES_ENDPOINT');
  });

  test('a proxy that is not there', async () => {
    const env = backendAt('http://127.0.0.1:4318/v1/traces', {
      PROXY: 'http://user:secret-password@127.0.0.1:1',
    });
    const { first } = await probe(env);
    expect(first).toMatchObject({
      proxy: 'http://****@127.0.0.1:1/',
      failure: { hint: expect.stringContaining('SIGNALBOX_BACKEND_A_PROXY') },
    });
    expect(JSON.stringify(first)).not.toContain('secret-');
  });
});

test('what a backend says although it took the span is shown, and no failure', async () => {
  const receiver = await startFaultReceiver({
    answer: (request) => partialSuccess(request, 0, 'use the new endpoint'),
  });
  const { code, first } = await probe(backendAt(`${receiver.url}/v1/traces`));
  expect(code).toBe(0);
  expect(first).toMatchObject({ status: 'delivered', warning: 'use the new endpoint' });
});

describe('with --route', () => {
  async function twoReceivers() {
    const [a, b] = [await startFaultReceiver(), await startFaultReceiver()];
    const env = {
      SIGNALBOX_BACKENDS: 'a,b',
      SIGNALBOX_ROUTES: 'acme=b,both=a+b',
      SIGNALBOX_BACKEND_A_ENDPOINT: a.url,
      SIGNALBOX_BACKEND_B_ENDPOINT: b.url,
    };
    return { a, b, env };
  }

  test('only the backends of the route get a span, under its key', async () => {
    const { a, b, env } = await twoReceivers();
    expect((await probe(env, '--route', 'acme')).code).toBe(0);
    expect([a.spans().length, b.spans().length]).toEqual([0, 1]);
    expect((await probe(env, '--route', 'both')).probes).toHaveLength(2);
    const attributes = a.spans().map((span) => plainAttributes(span.attributes));
    expect(attributes).toMatchObject([{ 'signalbox.route': 'both' }]);
  });

  test('a key that would be dropped is a problem, and nothing is sent', async () => {
    const { a, b, env } = await twoReceivers();
    const { code, ok, dropped, probes } = await probe(env, '--route', 'nobody');
    expect({ code, ok, dropped, probes }).toEqual({
      code: 1,
      ok: false,
      dropped: 'unknown_route',
      probes: [],
    });
    expect(a.attempts + b.attempts).toBe(0);
  });
});

test('sends nothing of what the service has left on disk, and leaves nothing there', async () => {
  const receiver = await startFaultReceiver({ answer: () => ({ status: 503 }) });
  const folder = temporaryFile('spool', '').replace(/spool$/, 'batches');
  const { code } = await probe(backendAt(`${receiver.url}/v1/traces`, { SPOOL_DIR: folder }));
  expect(code).toBe(1);
  expect(existsSync(folder)).toBe(false);
});

describe('with --confirm', () => {
  /** Takes spans, and answers the question for them as `held` says. */
  async function backend(held: (traceId: string, spanId: string) => unknown) {
    const receiver = await startFaultReceiver({
      intercept(request, response) {
        const url = new URL(request.url ?? '', 'http://127.0.0.1');
        if (url.pathname !== '/api/spans') return false;
        expect(request.headers.authorization).toBeUndefined();
        const traceId = url.searchParams.get('trace') ?? '';
        const spanId = receiver.spans().find((span) => span.traceId === traceId)?.spanId ?? '';
        response.end(JSON.stringify(held(traceId, spanId)));
        return true;
      },
    });
    return backendAt(`${receiver.url}/v1/traces`, { API_KEY: 'secret-key' });
  }

  test('a backend that shows the span has it', async () => {
    const env = await backend((traceId, spanId) => ({ spans: [{ traceId, spanId, number: 1 }] }));
    const { code, first } = await probe(env, '--confirm');
    expect(first?.confirmation).toBe('confirmed');
    expect(code).toBe(0);
  });

  test('a backend that took the span and never shows it has failed', async () => {
    const env = await backend(() => ({ spans: [] }));
    const { code, first } = await probe(env, '--confirm');
    expect(first).toMatchObject({ status: 'delivered', confirmation: 'missing' });
    expect(code).toBe(1);
  });

  test('a backend that can not be asked is no failure', async () => {
    const receiver = await startFaultReceiver();
    const { code, first } = await probe(backendAt(`${receiver.url}/v1/traces`), '--confirm');
    expect(first?.confirmation).toBe('unsupported');
    expect(code).toBe(0);
    const env = await backend(() => 'something else');
    expect((await probe(env, '--confirm')).first?.confirmation).toBe('unsupported');
  });

  test('a backend whose answer does not end can not be asked', async () => {
    const receiver = await startFaultReceiver({
      intercept(request, response) {
        if (request.url?.startsWith('/api/spans') !== true) return false;
        endless(response);
        return true;
      },
    });
    const { code, first } = await probe(backendAt(`${receiver.url}/v1/traces`), '--confirm');
    expect(first?.confirmation).toBe('unsupported');
    expect(code).toBe(0);
  });
});

test('fits a terminal of 80 columns', async () => {
  const { port } = await servers.http((_, response) => response.writeHead(401).end());
  const env = backendAt(`http://127.0.0.1:${port}/a/rather/long/path/to/the/traces/v1/traces`);
  const { code, stdout } = await onTerminal(['probe'], { ...env, NO_COLOR: '1' });
  expect(code).toBe(1);
  expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(stdout).toContain('cause    the backend refuses the key (HTTP 401)');
});
