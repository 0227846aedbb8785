import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { createRequest, useServers } from './servers.js';

const open = useServers();

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json; charset=utf-8';

async function sendAndRead(
  body: Uint8Array | string,
  headers: Record<string, string>,
  overrides: Partial<Backend> = {},
) {
  const server = await open.http((_, response) => response.writeHead(200, headers).end(body));
  const transport = open.transport(`http://127.0.0.1:${server.port}/`, overrides);
  return transport.send(createRequest());
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

/** An `ExportTraceServiceResponse`, by hand: the decoder under test must not test itself. */
function encodeResponse(rejectedSpans: bigint, errorMessage = ''): Uint8Array {
  const text = Buffer.from(errorMessage);
  const partial = [0x08, ...varint(rejectedSpans)];
  if (text.length > 0) partial.push(0x12, ...varint(BigInt(text.length)), ...text);
  return Uint8Array.from([0x0a, ...varint(BigInt(partial.length)), ...partial]);
}

describe('partial success in protobuf', () => {
  it.each([
    ['an empty answer', new Uint8Array(), { rejectedSpans: 0 }],
    ['no rejected spans', encodeResponse(0n), { rejectedSpans: 0 }],
    ['rejected spans', encodeResponse(7n, 'too old'), { rejectedSpans: 7, message: 'too old' }],
    ['a warning alone', encodeResponse(0n, 'slow'), { rejectedSpans: 0, message: 'slow' }],
    ['a negative number', encodeResponse(-3n), { rejectedSpans: 0 }],
    ['a huge number', encodeResponse(2n ** 62n), { rejectedSpans: Number.MAX_SAFE_INTEGER }],
    ['unknown fields', Uint8Array.from([0x78, 0x01]), { rejectedSpans: 0 }],
    [
      'fields of fixed size beside it',
      Buffer.concat([
        Buffer.from([0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x25, 0, 0, 0, 0]),
        encodeResponse(2n),
      ]),
      { rejectedSpans: 2 },
    ],
    [
      'the last of several',
      Buffer.concat([encodeResponse(2n, 'first'), encodeResponse(3n)]),
      { rejectedSpans: 3, message: 'first' },
    ],
  ])('reads %s', async (_, body, expected) => {
    expect(await sendAndRead(body, { 'content-type': PROTOBUF })).toEqual({
      status: 'success',
      httpStatus: 200,
      ...expected,
    });
  });

  it.each([
    ['a truncated message', Uint8Array.from([0x0a, 0x7f, 0x08])],
    ['a varint without an end', new Uint8Array(64).fill(0xff)],
    ['a field of fixed size that is cut off', Uint8Array.from([0x19, 0, 0])],
    ['a group', Uint8Array.from([0x0b, 0x0c])],
    ['noise', Buffer.from('<html>welcome</html>')],
  ])('rejects nothing for %s, and says so', async (_, body) => {
    expect(await sendAndRead(body, { 'content-type': PROTOBUF })).toEqual({
      status: 'success',
      httpStatus: 200,
      rejectedSpans: 0,
      message: `HTTP 200, but the answer is not OTLP (${PROTOBUF})`,
    });
  });
});

describe('partial success in JSON', () => {
  it.each([
    ['an empty answer', '', { rejectedSpans: 0 }],
    ['an empty object', '{}', { rejectedSpans: 0 }],
    ['null', '{"partialSuccess":null}', { rejectedSpans: 0 }],
    ['a number', '{"partialSuccess":{"rejectedSpans":3}}', { rejectedSpans: 3 }],
    ['an int64 as text', '{"partialSuccess":{"rejectedSpans":"12"}}', { rejectedSpans: 12 }],
    ['a negative number', '{"partialSuccess":{"rejectedSpans":-1}}', { rejectedSpans: 0 }],
    ['a negative text', '{"partialSuccess":{"rejectedSpans":"-1"}}', { rejectedSpans: 0 }],
    ['a fraction', '{"partialSuccess":{"rejectedSpans":2.9}}', { rejectedSpans: 2 }],
    [
      'a huge text',
      '{"partialSuccess":{"rejectedSpans":"9223372036854775807"}}',
      { rejectedSpans: Number.MAX_SAFE_INTEGER },
    ],
    [
      'an infinite number',
      '{"partialSuccess":{"rejectedSpans":1e999}}',
      { rejectedSpans: Number.MAX_SAFE_INTEGER },
    ],
    [
      'a message',
      '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no name"}}',
      { rejectedSpans: 1, message: 'no name' },
    ],
    [
      'a message that is no text',
      '{"partialSuccess":{"rejectedSpans":"1","errorMessage":{"a":1}}}',
      { rejectedSpans: 1 },
    ],
  ])('reads %s', async (_, body, expected) => {
    expect(await sendAndRead(body, { 'content-type': JSON_TYPE })).toEqual({
      status: 'success',
      httpStatus: 200,
      ...expected,
    });
  });

  it.each([
    ['broken JSON', '{"partialSuccess":', 'is not OTLP (application/json)'],
    ['a text', '"ok"', 'is not OTLP (application/json)'],
    ['an array', '[]', 'is not OTLP (application/json)'],
    ['a number in its place', '{"partialSuccess":5}', 'is not OTLP (application/json)'],
    [
      'words for a number',
      '{"partialSuccess":{"rejectedSpans":"NaN"}}',
      'has no number of rejected spans',
    ],
  ])('rejects nothing for %s, and says so', async (_, body, reason) => {
    expect(await sendAndRead(body, { 'content-type': JSON_TYPE })).toEqual({
      status: 'success',
      httpStatus: 200,
      rejectedSpans: 0,
      message: `HTTP 200, but the answer ${reason}`,
    });
  });
});

describe('the form of a partial success', () => {
  const json = '{"partialSuccess":{"rejectedSpans":2}}';

  it("follows the answer's own type and not the request's", async () => {
    const answers = [
      await sendAndRead(json, { 'content-type': JSON_TYPE }, { protocol: 'http/protobuf' }),
      await sendAndRead(
        encodeResponse(2n),
        { 'content-type': PROTOBUF },
        { protocol: 'http/json' },
      ),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ rejectedSpans: 2 });
  });

  it("follows the request's where the answer has none", async () => {
    const answers = [
      await sendAndRead(json, {}, { protocol: 'http/json' }),
      await sendAndRead(encodeResponse(2n), {}, { protocol: 'http/protobuf' }),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ rejectedSpans: 2 });
  });
});

describe('a compressed answer', () => {
  const answer = encodeResponse(2n, 'too old');
  const send = (coding: string, body: Uint8Array) =>
    sendAndRead(body, { 'content-type': PROTOBUF, 'content-encoding': coding });

  it('is not asked for', async () => {
    const server = await open.http((_, response) => response.end());
    await open.transport(`http://127.0.0.1:${server.port}/`).send(createRequest());
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it.each([
    ['gzip', gzipSync(answer)],
    ['X-GZIP', gzipSync(answer)],
    ['deflate', deflateSync(answer)],
    ['identity', answer],
  ])('is read all the same (%s)', async (coding, body) => {
    expect(await send(coding, body)).toMatchObject({ rejectedSpans: 2, message: 'too old' });
  });

  it.each([
    ['br', brotliCompressSync(answer), 'is compressed in a way that was not asked for'],
    ['gzip, gzip', gzipSync(gzipSync(answer)), 'is compressed in a way that was not asked for'],
    ['gzip', answer, 'is not compressed as it says'],
    ['gzip', gzipSync(answer).subarray(0, 15), 'is not compressed as it says'],
    ['gzip', gzipSync(new Uint8Array(64 * 1024 + 1)), 'is too long to be read'],
    ['deflate', deflateSync(new Uint8Array(48 * 2 ** 20)), 'is too long to be read'],
  ])('rejects nothing where it can not be read (%s)', async (coding, body, reason) => {
    expect(await send(coding, body)).toEqual({
      status: 'success',
      httpStatus: 200,
      rejectedSpans: 0,
      message: `HTTP 200, but the answer ${reason}`,
    });
  });

  it('takes no more memory than what is read of it', async () => {
    // A thousand times as much, were it inflated.
    const body = gzipSync(new Uint8Array(60 * 2 ** 20));
    expect(body.length).toBeLessThan(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let each = 0; each < 20; each += 1) {
      await send('gzip', body);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(20 * 2 ** 20);
  });
});

describe("the backend's words", () => {
  const say = async (errorMessage: string, headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: 1, errorMessage } });
    const result = await sendAndRead(body, { 'content-type': JSON_TYPE }, { headers });
    return result.status === 'success' ? result.message : undefined;
  };

  it('lose their control characters', async () => {
    expect(await say('one\r\ntwo\u001b[31m\u2028three\u202e\u0000')).toBe('one two [31m three');
  });

  it('end after 1,024 characters, and not within one', async () => {
    expect(await say('x'.repeat(5_000))).toBe('x'.repeat(1_024));
    expect(await say(`${'x'.repeat(1_023)}\u{1f682}`)).toBe('x'.repeat(1_023));
  });

  it('lose the credentials that they repeat', async () => {
    const headers = {
      authorization: 'Bearer sk-123456789',
      'x-bt-parent': 'project_name:checkout',
    };
    expect(await say('key sk-123456789 has no access to project_name:checkout', headers)).toBe(
      'key [redacted] has no access to [redacted]',
    );
  });
});
