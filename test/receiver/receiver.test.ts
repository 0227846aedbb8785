import { EventEmitter, once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createReceiver, type ReceiverOptions } from '../../src/receiver/receiver.js';
import { partialSuccess, startReceiver, type TestReceiver } from '../helpers/receiver.js';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';

const oneSpan = JSON.stringify({
  resourceSpans: [
    {
      scopeSpans: [
        { spans: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' }] },
      ],
    },
  ],
});

type StartOptions = Pick<ReceiverOptions, 'answer' | 'intercept' | 'maxBodyBytes'>;

async function start(options: StartOptions = {}): Promise<TestReceiver> {
  const receiver = await startReceiver(options);
  onTestFinished(() => receiver.stop());
  return receiver;
}

function post(
  url: string,
  body: string | Uint8Array = oneSpan,
  headers: Record<string, string> = {},
) {
  return fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': JSON_TYPE, ...headers },
    redirect: 'manual',
  });
}

describe('createReceiver', () => {
  it.each([
    ['/v1/traces', undefined],
    ['/otel/v1/traces', undefined],
    ['/standard/v1/traces', 'standard'],
    ['/byoc-acme/otel/v1/traces', 'byoc-acme'],
    ['/standard/v1/traces?key=1', 'standard'],
  ])('takes traces at %s', async (path, backend) => {
    const receiver = await start();

    const response = await post(receiver.url + path);

    expect(response.status).toBe(200);
    expect(receiver.requests).toMatchObject([
      { backend, path: path.split('?')[0], httpStatus: 200 },
    ]);
    expect(receiver.spans(backend)).toHaveLength(1);
  });

  it.each(['/', '/v1/logs', '/v1/traces/', '/a/b/v1/traces', '/v1/tracesx', '//v1/traces'])(
    'answers 404 at %s',
    async (path) => {
      const receiver = await start();

      const response = await post(receiver.url + path);

      expect(response.status).toBe(404);
      expect(receiver.requests).toEqual([]);
    },
  );

  it('answers 405 to what is no POST', async () => {
    const receiver = await start();

    const response = await fetch(`${receiver.url}/v1/traces`);

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it.each([
    ['a media type', { 'content-type': 'text/plain' }],
    ['an encoding', { 'content-encoding': 'br' }],
  ])('answers 415 to %s that OTLP does not know', async (_, headers) => {
    const receiver = await start();

    expect((await post(`${receiver.url}/v1/traces`, oneSpan, headers)).status).toBe(415);
  });

  it('answers success in JSON, with partial_success unset', async () => {
    const receiver = await start();

    const response = await post(`${receiver.url}/v1/traces`, oneSpan, {
      'content-type': 'application/json; charset=utf-8',
    });

    expect(response.headers.get('content-type')).toBe(JSON_TYPE);
    expect(await response.json()).toEqual({});
  });

  it('answers success in protobuf, with partial_success unset', async () => {
    const receiver = await start();

    const response = await post(`${receiver.url}/v1/traces`, '', { 'content-type': PROTOBUF_TYPE });

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(PROTOBUF_TYPE);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it('inflates gzip, and tells both sizes', async () => {
    const receiver = await start();
    const body = gzipSync(oneSpan);

    await post(`${receiver.url}/v1/traces`, body, { 'content-encoding': 'gzip' });

    expect(receiver.requests[0]?.wireBytes).toBe(body.length);
    expect(Buffer.from(receiver.requests[0]?.body ?? '').toString()).toBe(oneSpan);
    expect(receiver.spans()).toHaveLength(1);
  });

  it.each([
    ['JSON', '{', { 'content-type': JSON_TYPE }],
    ['protobuf', 'hello, world', { 'content-type': PROTOBUF_TYPE }],
    ['gzip', oneSpan, { 'content-encoding': 'gzip' }],
  ])('answers 400 to malformed %s', async (_, body, headers) => {
    const receiver = await start();

    const response = await post(`${receiver.url}/v1/traces`, body, headers);

    expect(response.status).toBe(400);
    expect(receiver.requests).toEqual([]);
  });

  it('answers a failure with a Status in the encoding of the request', async () => {
    const receiver = await start();
    const { root } = protobuf.parse(
      'syntax = "proto3"; message Status { int32 code = 1; string message = 2; }',
    );

    const json = await post(`${receiver.url}/v1/traces`, '{');
    const binary = await post(`${receiver.url}/v1/traces`, 'hello', {
      'content-type': PROTOBUF_TYPE,
    });

    expect(await json.json()).toEqual({ message: 'the body is not application/json' });
    const status = root.lookupType('Status').decode(new Uint8Array(await binary.arrayBuffer()));
    expect(status).toMatchObject({ message: 'the body is not application/x-protobuf' });
  });

  it.each([
    ['on the wire', 'x'.repeat(1001), {}],
    ['once it is inflated', gzipSync('x'.repeat(1001)), { 'content-encoding': 'gzip' }],
  ])('answers 413 to a body that is too large %s', async (_, body, headers) => {
    const receiver = await start({ maxBodyBytes: 1000 });

    expect((await post(`${receiver.url}/v1/traces`, body, headers)).status).toBe(413);
  });

  it('takes a body of just the largest size', async () => {
    const receiver = await start({ maxBodyBytes: oneSpan.length });

    expect((await post(`${receiver.url}/v1/traces`)).status).toBe(200);
  });

  it('has told of a request before its sender has the answer', async () => {
    const receiver = await start();

    await post(`${receiver.url}/a/v1/traces`);
    expect(receiver.requests).toHaveLength(1);
    await post(`${receiver.url}/b/v1/traces`);
    expect(receiver.requests).toHaveLength(2);
  });

  it('answers what it is told to', async () => {
    const receiver = await start({
      answer: ({ backend }) =>
        backend === 'busy' ? { status: 429, headers: { 'retry-after': '7' } } : undefined,
    });

    const busy = await post(`${receiver.url}/busy/v1/traces`);
    const idle = await post(`${receiver.url}/idle/v1/traces`);

    expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await busy.json()).toEqual({ message: 'HTTP 429' });
    expect(idle.status).toBe(200);
    expect(receiver.requests.map(({ httpStatus }) => httpStatus)).toEqual([429, 200]);
    expect(receiver.spans('busy')).toEqual([]);
  });

  it.each([
    [JSON_TYPE, oneSpan],
    [PROTOBUF_TYPE, ''],
  ])('can answer a partial success in %s', async (type, body) => {
    const receiver = await start({ answer: (request) => partialSuccess(request, 2, 'too old') });
    const { root } = protobuf.parse(`syntax = "proto3";
      message Response { Partial partial_success = 1; }
      message Partial { int64 rejected_spans = 1; string error_message = 2; }`);

    const response = await post(`${receiver.url}/v1/traces`, body, { 'content-type': type });

    const Response = root.lookupType('Response');
    const answer =
      type === JSON_TYPE
        ? await response.json()
        : Response.toObject(Response.decode(new Uint8Array(await response.arrayBuffer())), {
            longs: String,
          });
    expect(answer).toEqual({ partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } });
  });

  it('can take a request and lose the answer', async () => {
    const receiver = await start({ answer: () => 'none' });

    await expect(post(`${receiver.url}/v1/traces`)).rejects.toThrow();

    expect(receiver.requests).toMatchObject([{ httpStatus: undefined }]);
    expect(receiver.spans()).toHaveLength(1);
  });

  it.each(['answer', 'intercept'] as const)('answers 500 where %s throws', async (callback) => {
    const receiver = await start({
      [callback]() {
        throw new Error('a mistake in the test');
      },
    });

    const response = await post(`${receiver.url}/v1/traces`);

    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ message: 'a mistake in the test' });
  });

  it('leaves a request that is intercepted alone', async () => {
    const receiver = await start({
      intercept(request, response) {
        if (request.url !== '/early/v1/traces') return false;
        response.writeHead(307, { location: '/v1/traces' }).end();
        return true;
      },
    });

    expect((await post(`${receiver.url}/early/v1/traces`)).status).toBe(307);
    expect((await post(`${receiver.url}/late/v1/traces`)).status).toBe(200);
    expect(receiver.requests).toMatchObject([{ backend: 'late' }]);
  });

  it('outlives a sender that goes away in mid-body', async () => {
    const events = new EventEmitter();
    const gone = once(events, 'gone');
    const receiver = await start({
      intercept(request) {
        request.once('error', () => events.emit('gone'));
        return false;
      },
    });
    const sender = httpRequest(`${receiver.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': JSON_TYPE, 'content-length': 1000 },
    });
    sender.on('error', () => {}); // It is told that it was destroyed.
    sender.write('{', () => sender.destroy());
    await gone;

    expect((await post(`${receiver.url}/v1/traces`)).status).toBe(200);
    expect(receiver.requests).toHaveLength(1);
  });

  it('destroys connections in use when it stops', async () => {
    const events = new EventEmitter();
    const arrived = once(events, 'arrived');
    const receiver = await start({
      answer() {
        events.emit('arrived');
        return new Promise(() => {});
      },
    });
    const response = post(`${receiver.url}/v1/traces`);
    const failure = expect(response).rejects.toThrow();
    await arrived;

    await receiver.stop();

    await failure;
  });

  it('rejects where the port is taken', async () => {
    const { port } = await start();

    await expect(createReceiver({ port }).start()).rejects.toThrow('EADDRINUSE');
  });

  it('can be stopped before it has started', async () => {
    await expect(createReceiver().stop()).resolves.toBeUndefined();
  });
});

describe('startReceiver', () => {
  it('resolves a wait for spans once they have arrived', async () => {
    const receiver = await start();
    const waiting = receiver.waitForSpans(2, 'a');

    await post(`${receiver.url}/a/v1/traces`);
    await post(`${receiver.url}/b/v1/traces`);
    await post(`${receiver.url}/a/v1/traces`);

    expect(await waiting).toHaveLength(2);
    expect(await receiver.waitForSpans(3)).toHaveLength(3);
    expect(await receiver.waitForRequests(3)).toHaveLength(3);
  });
});
