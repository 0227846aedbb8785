import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import {
  BasicTracerProvider,
  ConsoleSpanExporter,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { resolveConfig, system } from '../../src/config/resolve.js';
import type { BackendConfig } from '../../src/config/schema.js';
import type { ExportResult, ReadableSpan, SpanExporter } from '../../src/sdk.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { backendOf, problemLines, writeFiles } from './problems.js';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly clientName: unknown;
}

/** A server on loopback that keeps what it receives. */
async function startServer(secure = false) {
  const received: Received[] = [];
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const certificate = secure ? (request.socket as TLSSocket).getPeerCertificate() : undefined;
    const clientName = certificate?.subject?.CN;
    received.push({ headers: request.headers, body: Buffer.concat(chunks), clientName });
    response.setHeader('content-type', 'application/json').end('{}');
  };
  const { ca, server: pair } = certificates;
  const server = secure
    ? createTlsServer({ ...pair, ca, requestCert: true, rejectUnauthorized: true }, listener)
    : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { received, port, url: `${secure ? 'https' : 'http'}://127.0.0.1:${port}` };
}

function exporterOf(options: BackendConfig): SpanExporter {
  const { delivery } = backendOf(resolveConfig({ backends: { a: options } }), 'a');
  if (delivery.kind !== 'exporter') throw new Error('not an exporter');
  return delivery.exporter;
}

function makeSpans(): ReadableSpan[] {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  provider.getTracer('test').startSpan('s').end();
  return memory.getFinishedSpans();
}

async function send(exporter: SpanExporter): Promise<ExportResult> {
  onTestFinished(() => exporter.shutdown());
  return new Promise((resolve) => exporter.export(makeSpans(), resolve));
}

const variables = new Set<string>();
function setVariables(env: Record<string, string>): void {
  for (const [name, value] of Object.entries(env)) {
    variables.add(name);
    process.env[name] = value;
  }
}
afterEach(() => {
  for (const name of variables) delete process.env[name];
  variables.clear();
});

describe('the stock exporter', () => {
  test("sends with the backend's settings", async () => {
    const { received, url } = await startServer();
    const exporter = exporterOf({
      exporter: 'otlp-http',
      endpoint: url,
      apiKey: 'k',
      headers: { 'x-team': 'ml' },
      compression: 'gzip',
    });
    expect(await send(exporter)).toMatchObject({ code: 0 });
    expect(received).toHaveLength(1);
    const [{ headers, body }] = received as [Received];
    expect(headers).toMatchObject({
      authorization: 'Bearer k',
      'x-team': 'ml',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    });
    expect(headers['user-agent']).toMatch(/^signalbox\S* OTel-OTLP-Exporter-JavaScript\//);
    expect(JSON.parse(gunzipSync(body).toString())).toHaveProperty('resourceSpans');
  });

  test("sends nothing that OpenTelemetry's variables have for another exporter", async () => {
    const other = await startServer();
    const { received, url, port } = await startServer();
    setVariables({
      OTEL_EXPORTER_OTLP_HEADERS:
        'authorization=Bearer%20secret,x-secret=secret,X-Other=secret,host=secret,content-type=secret,content-encoding=secret,user-agent=secret,cookie=secret',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-traces-secret=secret,X-Team=secret',
      OTEL_EXPORTER_OTLP_ENDPOINT: other.url,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: other.url,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1',
    });
    const exporter = exporterOf({
      exporter: 'otlp-http',
      endpoint: url,
      headers: { 'x-team': 'ml' },
    });
    expect(await send(exporter)).toMatchObject({ code: 0 });
    expect(other.received).toEqual([]);
    expect(received).toHaveLength(1);
    const [{ headers }] = received as [Received];
    expect(JSON.stringify(headers)).not.toContain('secret');
    expect(headers).toMatchObject({ 'x-team': 'ml', host: `127.0.0.1:${port}` });
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('content-encoding');
  });

  test("trusts the backend's authorities and shows its certificate, not those of the variables", async () => {
    const { received, url } = await startServer(true);
    const files = writeFiles({
      ca: certificates.ca,
      cert: certificates.client.cert,
      key: certificates.client.key,
      otherCa: certificates.otherCa,
      otherCert: certificates.otherClient.cert,
      otherKey: certificates.otherClient.key,
    });
    setVariables({
      OTEL_EXPORTER_OTLP_CERTIFICATE: files.otherCa,
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: files.otherCert,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: files.otherKey,
    });
    const exporter = exporterOf({
      exporter: 'otlp-http',
      endpoint: url,
      certificate: files.ca,
      clientCertificate: files.cert,
      clientKey: files.key,
    });
    expect(await send(exporter)).toMatchObject({ code: 0 });
    expect(received).toHaveLength(1);
    expect(received[0]?.clientName).toEqual(expect.any(String));
  });

  test('sends JSON, and refuses what it can not do', () => {
    const options = { exporter: 'otlp-http', endpoint: 'http://127.0.0.1' } as const;
    const resolve = (more: BackendConfig) =>
      resolveConfig({ backends: { a: { ...options, ...more } } });
    expect(backendOf(resolve({}), 'a').protocol).toBe('http/json');
    expect(problemLines(() => resolve({ protocol: 'http/protobuf' }))).toEqual([
      'backends.a.protocol: is not what the exporter otlp-http sends',
    ]);
    expect(problemLines(() => resolve({ proxy: 'http://p.example' }))).toEqual([
      'backends.a.proxy: is not known to the exporter otlp-http',
    ]);
    expect(resolve({ proxy: 'none', maxConcurrentExports: 2 }).warnings).toEqual([
      expect.stringMatching(/^backends\.a\.maxConcurrentExports: has no effect/),
    ]);
  });

  test('is a problem with a hint where it is not installed, or too old to be kept apart', () => {
    const require = createRequire(import.meta.url);
    const options = { exporter: 'otlp-http', endpoint: 'http://127.0.0.1' } as const;
    const name = '@opentelemetry/exporter-trace-otlp-http';
    const linesWith = (loadPackage: (name: string) => unknown) =>
      problemLines(() => resolveConfig({ backends: { a: options } }, { ...system, loadPackage }));
    expect(
      linesWith(() => {
        throw new Error('Cannot find module');
      }),
    ).toEqual([`backends.a.exporter: needs ${name}, which can not be loaded`]);
    expect(
      linesWith((id) => (id.endsWith('package.json') ? { version: '0.203.0' } : require(id))),
    ).toEqual([`backends.a.exporter: needs ${name} 0.204 or later`]);
  });

  test('is taken without its version where it does not show it, as those of SDK 3 do not', () => {
    const require = createRequire(import.meta.url);
    const loadPackage = (id: string) => {
      if (!id.endsWith('package.json')) return require(id);
      const error = new Error('Package subpath is not defined by "exports"');
      throw Object.assign(error, { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
    };
    const options = { exporter: 'otlp-http', endpoint: 'http://127.0.0.1' } as const;
    const config = resolveConfig({ backends: { a: options } }, { ...system, loadPackage });
    expect(backendOf(config, 'a').delivery.kind).toBe('exporter');
  });
});

describe('the console exporter', () => {
  test('is the one of the installed SDK, and needs no endpoint', () => {
    const { delivery, url } = backendOf(
      resolveConfig({ backends: { a: { exporter: 'console' } } }),
      'a',
    );
    expect(url).toBeUndefined();
    if (delivery.kind !== 'exporter') throw new Error('not an exporter');
    // By name: what `require` gets may be another build of the same class than what `import` does.
    expect(delivery.exporter.constructor.name).toBe(ConsoleSpanExporter.name);
  });

  test('comes from SDK 3 where that is installed alone', () => {
    class Console3 extends ConsoleSpanExporter {}
    const loadPackage = (name: string) => {
      if (name === '@opentelemetry/sdk-trace') return { ConsoleSpanExporter: Console3 };
      throw new Error(`Cannot find module ${name}`);
    };
    const config = resolveConfig(
      { backends: { a: { exporter: 'console' } } },
      { ...system, loadPackage },
    );
    const { delivery } = backendOf(config, 'a');
    expect(delivery.kind === 'exporter' && delivery.exporter).toBeInstanceOf(Console3);
  });
});
