import { once } from 'node:events';
import net from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAnswer } from '../../src/transport/answer.js';
import { createRedactor } from '../../src/transport/credentials.js';
import type { SendResult } from '../../src/transport/result.js';
import { parseRetryAfter } from '../../src/transport/retry-after.js';
import { createTransport } from '../../src/transport/send.js';
import type { Transport } from '../../src/transport/transport.js';
import { createBackend } from '../helpers/backend.js';
import { runs } from '../helpers/runs.js';
import { createRequest } from '../transport/servers.js';
import { hostileSecret, hostileText, MARKER } from './hostile-text.js';

const wire = runs(500);
const answers = runs(500);

const shortSecret = hostileSecret.filter(({ length }) => length < 10_000);
const shortText = hostileText.filter(({ length }) => length < 10_000);
const word = fc.oneof(shortText, shortSecret);

const jsonBody = fc
  .oneof(
    fc.record({
      partialSuccess: fc.record({
        rejectedSpans: fc.oneof(fc.anything(), fc.integer()),
        errorMessage: word,
      }),
    }),
    fc.record({ partialSuccess: fc.anything() }),
    fc.anything(),
  )
  .map((value) => Buffer.from(toJson(value)));

/** `partial_success` in protobuf, its lengths and tags now and then wrong. */
const protobufBody = fc
  .tuple(word, fc.nat(255), fc.nat(20), fc.uint8Array({ maxLength: 12 }))
  .map(([message, byte, cut, tail]) => {
    const text = Buffer.from(message).subarray(0, 100);
    const inner = Buffer.from([0x08, byte & 0x7f, 0x12, text.length, ...text]);
    const outer = Buffer.from([0x0a, inner.length, ...inner, ...tail]);
    return outer.subarray(0, outer.length - (cut > 10 ? cut - 10 : 0));
  });

const plainBody = fc.oneof(
  jsonBody,
  protobufBody,
  word.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const body = fc.oneof(
  { weight: 6, arbitrary: plainBody },
  { weight: 1, arbitrary: plainBody.map((bytes) => gzipSync(bytes)) },
  { weight: 1, arbitrary: plainBody.map((bytes) => deflateSync(bytes)) },
  { weight: 1, arbitrary: fc.constant(gzipSync(new Uint8Array(2 ** 20))) },
);

const header = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'content-type',
      'content-encoding',
      'content-length',
      'transfer-encoding',
      'retry-after',
      'location',
      'connection',
      'keep-alive',
      'trailer',
      'upgrade',
      'set-cookie',
    ),
    fc.oneof(
      word,
      fc.constantFrom(
        'application/json',
        'application/x-protobuf',
        'gzip',
        'deflate',
        'identity',
        'chunked',
        'close',
        'keep-alive',
        '0',
        '5',
        '99999999999999999999',
        '-1',
        'Sun, 06 Nov 1994 08:49:37 GMT',
        `https://${MARKER}.example/`,
        `https://u:${MARKER}@example.com/?${MARKER}`,
      ),
    ),
  ),
  fc.tuple(word, word),
);
const locations = [
  `https://${MARKER}.example/`,
  `//${MARKER}`,
  `https://u:${MARKER}@example.com/?${MARKER}`,
];
const status = fc.oneof(
  fc.constantFrom(301, 302, 307, 308),
  fc.constantFrom(
    200,
    202,
    204,
    301,
    302,
    304,
    400,
    401,
    413,
    429,
    500,
    502,
    503,
    504,
    100,
    101,
    103,
  ),
  fc.integer({ min: 0, max: 1_100 }),
);

/** What is never true of a result, whatever was answered. */
function checkResult(result: SendResult): void {
  expect(['success', 'retryable', 'too_large', 'refused']).toContain(result.status);
  const told = JSON.stringify(result);
  expect(told).not.toContain(MARKER);
  const message = result.status === 'success' ? (result.message ?? '') : result.failure.message;
  expect(message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
  expect(message.length).toBeLessThanOrEqual(2_000);
  if (result.status === 'success') {
    expect(Number.isSafeInteger(result.rejectedSpans)).toBe(true);
    expect(result.rejectedSpans).toBeGreaterThanOrEqual(0);
  }
  if (result.status === 'retryable' && result.retryAfterMs !== undefined) {
    expect(Number.isSafeInteger(result.retryAfterMs)).toBe(true);
    expect(result.retryAfterMs).toBeGreaterThanOrEqual(0);
  }
}

describe('an answer that was read', () => {
  const redact = createRedactor([`Bearer ${MARKER}`]);

  it('means one of four things, and no secret of it is told', {
    timeout: answers.timeoutMs,
  }, () => {
    const value = fc.oneof(word, fc.constant(undefined), fc.array(word, { maxLength: 2 }));
    const headers = fc.record({
      'content-type': fc.oneof(
        value,
        fc.constantFrom('application/json', 'application/x-protobuf'),
      ),
      'content-encoding': fc.oneof(
        value,
        fc.constantFrom('gzip', 'deflate', 'identity', undefined),
      ),
      'retry-after': value,
      location: fc.oneof(value, fc.constantFrom(...locations)),
    });
    fc.assert(
      fc.property(
        status,
        headers,
        fc.option(body, { nil: undefined }),
        fc.constantFrom('http/protobuf', 'http/json'),
        (httpStatus, received, bytes, protocol) => {
          const url = new URL('https://otlp.example.com/v1/traces');
          const context = { url, protocol, epochMs: 0, redact };
          checkResult(readAnswer({ httpStatus, headers: received, body: bytes }, context));
        },
      ),
      answers.parameters as object,
    );
  });

  it('asks for a wait that is a time, or for none', { timeout: answers.timeoutMs }, () => {
    fc.assert(
      fc.property(hostileText, fc.integer(), (text, epochMs) => {
        const wait = parseRetryAfter(text, epochMs) ?? 0;
        expect(Number.isSafeInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
      }),
      answers.parameters as object,
    );
  });
});

describe('whatever a server writes', () => {
  let server: net.Server;
  let transport: Transport;
  let reply: Buffer;
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => void uncaught.push(error);
  const sockets = new Set<net.Socket>();

  beforeAll(async () => {
    server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      // The request is small: what comes first has all of it, or enough.
      socket.once('data', () => {
        socket.resume();
        socket.end(reply);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on a port');
    transport = createTransport(
      createBackend(`http://127.0.0.1:${address.port}/v1/traces?key=${MARKER}`, {
        headers: { authorization: `Bearer ${MARKER}` },
        timeoutMs: 5_000,
      }),
      'signalbox/test',
    );
  });
  afterAll(async () => {
    await transport.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  beforeEach(() => {
    process.on('unhandledRejection', onUncaught).on('uncaughtException', onUncaught);
  });
  afterEach(() => {
    process.off('unhandledRejection', onUncaught).off('uncaughtException', onUncaught);
    expect(uncaught).toEqual([]);
  });

  const head = fc
    .tuple(
      fc.oneof(
        { weight: 8, arbitrary: fc.constant('HTTP/1.1') },
        { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2', 'http/1.1', 'HTTP/1.1 ') },
      ),
      status,
      fc.oneof({ weight: 4, arbitrary: fc.constant('OK') }, { weight: 1, arbitrary: word }),
      fc.array(header, { maxLength: 5 }),
    )
    .map(
      ([version, code, reason, headers]) =>
        `${[`${version} ${code} ${reason}`, ...headers.map((pair) => pair.join(': '))].join('\r\n')}\r\n\r\n`,
    );
  const framed = fc
    .tuple(status, fc.array(header, { maxLength: 3 }), body, fc.boolean())
    .map(([code, headers, bytes, isChunked]) => {
      const plain = headers.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name));
      const lines = plain.map(([name, value]) => `${name}: ${value}`.replace(/[\r\n\0]/g, ''));
      const framing = isChunked ? 'transfer-encoding: chunked' : `content-length: ${bytes.length}`;
      const text = [`HTTP/1.1 ${code} OK`, ...lines, framing, '', ''].join('\r\n');
      const chunk = `${bytes.length.toString(16)}\r\n`;
      return isChunked
        ? Buffer.concat([Buffer.from(text + chunk), bytes, Buffer.from('\r\n0\r\n\r\n')])
        : Buffer.concat([Buffer.from(text), bytes]);
    });
  const replies = fc.oneof(
    { weight: 4, arbitrary: framed },
    {
      weight: 4,
      arbitrary: fc
        .tuple(head, body)
        .map(([text, bytes]) => Buffer.concat([Buffer.from(text), bytes])),
    },
    { weight: 1, arbitrary: body },
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
  );

  it('a request has one of four results, no secret is told, and the next one is served', {
    timeout: wire.timeoutMs,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(replies, async (bytes) => {
        reply = bytes;
        checkResult(await transport.send(createRequest()));
      }),
      wire.parameters as object,
    );
    reply = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    expect(await transport.send(createRequest())).toMatchObject({ status: 'success' });
  });
});

/** As JSON where it has any; a text otherwise. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch {
    // A cycle, a bigint, or a property that throws.
    return String(Object.prototype.toString.call(value));
  }
}
