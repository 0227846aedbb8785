import { toUSVString } from 'node:util';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSpanView } from '../../src/encoding/span-view.js';
import { decodeRequest } from '../../src/receiver/decode.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import type { ReadableSpan } from '../../src/sdk.js';
import { bytesOf, decodeSpans, encodeBody, notError, unrouted } from './encoding.js';
import { makeRandomSpans } from './random-spans.js';
import { makeHostileSpan, makeSpan } from './span-fixtures.js';

const SEEDS = 200;
const SPANS_OF_A_SEED = 50;

const protobuf = { protocol: 'http/protobuf', routeAttribute: undefined } as const;
const json = { protocol: 'http/json', routeAttribute: undefined } as const;

/** An official serializer, in terms of what signalbox knows of a span. */
interface Serializer {
  serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined;
}

const protobufSerializer: Serializer = ProtobufTraceSerializer;
const jsonSerializer: Serializer = JsonTraceSerializer;

function officialProtobuf(spans: ReadableSpan[]): Buffer {
  return Buffer.from(protobufSerializer.serializeRequest(spans) ?? []);
}

/** `toEqual` takes seconds for a megabyte. */
function expectSame(bytes: Buffer, official: Buffer): void {
  if (!bytes.equals(official)) expect(bytes.toString('hex')).toBe(official.toString('hex'));
}

/**
 * What a receiver reads of the official JSON. Its unpaired surrogates, which a strict receiver refuses, are
 * made what protobuf's serializer makes of them.
 */
function decodeOfficialJson(spans: ReadableSpan[]): ReceivedSpan[] {
  const body = jsonSerializer.serializeRequest(spans) ?? new Uint8Array();
  return wellFormed(notError(decodeRequest('application/json', body)));
}

function wellFormed<T>(value: T): T;
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return toUSVString(value);
  if (Array.isArray(value)) return value.map((element) => wellFormed(element));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, wellFormed(field)]));
}

const mebibyte = 2 ** 20;

const values: [what: string, value: unknown][] = [
  ['an empty text', ''],
  ['text of one byte a character', 'GET /orders/:id'],
  ['text of two', 'é'.repeat(20)],
  ['text of three', '中'.repeat(43)],
  ['astral characters', '😀'.repeat(10)],
  ['an unpaired high surrogate', 'a\ud800'],
  ['an unpaired low surrogate', '\udc00a'],
  ['surrogates the wrong way round', '\udc00\ud800'],
  ['a null character', 'a\u0000b'],
  ['what JSON escapes', '"\\/\b\f\n\r\t\u001f\u007f\u2028'],
  ...[24, 25, 31, 32, 33, 64, 95, 96, 120, 124, 127, 128, 129, 16_383, 16_384, 16_385].map(
    (length): [string, string] => [`an ASCII text of ${length}`, 'x'.repeat(length)],
  ),
  ...[10, 32, 42, 43, 63, 64, 5_461, 8_192].map((length): [string, string] => [
    `another text of ${length}`,
    'é中'.repeat(length / 2),
  ]),
  ['an ASCII text of 1 MiB', 'x'.repeat(mebibyte)],
  ['another text of 1 MiB', '中'.repeat(mebibyte)],
  ...[
    0,
    -0,
    1,
    -1,
    42,
    127,
    128,
    200,
    16_383,
    16_384,
    65_535,
    2_097_151,
    2_097_152,
    268_435_455,
    268_435_456,
    2_147_483_647,
    2_147_483_648,
    4_294_967_295,
    4_294_967_296,
    -2_147_483_648,
    2 ** 35,
    2 ** 42,
    2 ** 49,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 53) - 2,
    2 ** 56,
    2 ** 62,
    2 ** 63 - 1024,
    -(2 ** 63),
    0.1,
    -1.5,
    1e-7,
    5e-324,
  ].map((value): [string, number] => [`the number ${value}`, value]),
  ['true', true],
  ['false', false],
  ['null', null],
  ['undefined', undefined],
  ['bytes', Uint8Array.of(0, 127, 128, 255)],
  ['a buffer within a larger one', Buffer.from('abcdef').subarray(2, 4)],
  ['no bytes', new Uint8Array()],
  ['an empty array', []],
  ['null and undefined in an array', ['a', null, undefined, 'b']],
  ['a sparse array', Object.assign([], { 2: 'c' })],
  ['a mixed array', [1, 'a', true, null, 0.5, [], [[1]], { a: [] }, Uint8Array.of(1)]],
  ['a long array', Array.from({ length: 500 }, (_, n) => n / 7)],
  ['an array of long texts', ['x'.repeat(200), 'é'.repeat(70), 'x'.repeat(20_000)]],
  ['a map', { a: 1, b: { c: [{ d: null }] }, é: 'x'.repeat(130) }],
  ['an empty map', {}],
  ['a map without a prototype', Object.assign(Object.create(null), { a: 1 })],
  ['a date', new Date(0)],
  ['a Map', new Map([['a', 1]])],
  [
    'an instance of a class',
    new (class Point {
      x = 1;
      #y = 2;
      get y() {
        return this.#y;
      }
    })(),
  ],
  ['other typed arrays', Float64Array.of(1.5, 2)],
  ['a boxed text', Object('ab')],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a bigint', 1n],
];

describe('the protobuf encoder', () => {
  it.each(values)('writes what the official serializer writes for %s', (_, value) => {
    const spans = [makeHostileSpan({ before: 1, value, after: 'x' })];
    expectSame(bytesOf(encodeBody(protobuf, unrouted(spans))), officialProtobuf(spans));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 63, 1e21, -1e300])(
    'writes what the official serializer writes for %s',
    (value) => {
      const spans = [makeHostileSpan({ value, list: [value] })];
      expectSame(bytesOf(encodeBody(protobuf, unrouted(spans))), officialProtobuf(spans));
    },
  );

  it('writes what the official serializer writes, whatever the spans', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const spans = makeRandomSpans(seed, SPANS_OF_A_SEED);
        const body = encodeBody(protobuf, unrouted(spans));
        const bytes = bytesOf(body);
        expectSame(bytes, officialProtobuf(spans));
        expect(body.size).toBe(bytes.length);
      }),
      { numRuns: SEEDS },
    );
  });

  it('writes what the official serializer writes of a span as its backend may see it', () => {
    const options = { ...protobuf, routeAttribute: 'signalbox.route', parent: 'project_name:x' };
    const view = createSpanView(options);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const routed = makeRandomSpans(seed, 20).map((span, index) => {
          if (index % 3 === 0) span.attributes['braintrust.parent'] = 'project_name:other';
          return { span, routeKey: index % 4 === 0 ? undefined : `tenant-${index % 7}` };
        });
        expectSame(bytesOf(encodeBody(options, routed)), officialProtobuf(routed.map(view)));
      }),
      { numRuns: 10 },
    );
  });
});

describe('the JSON encoder', () => {
  it.each(values)('says what the official serializer says for %s', (_, value) => {
    const spans = [makeHostileSpan({ before: 1, value, after: 'x' })];
    expect(decodeSpans(json, unrouted(spans))).toEqual(decodeOfficialJson(spans));
  });

  it.each<[number, number]>([
    // The official serializer sends `null` for these three, and for the others an integer that is none.
    [Number.NaN, Number.NaN],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [2 ** 63, 2 ** 63],
    [1e21, 1e21],
    [-1e300, -1e300],
  ])('says that %s is a double', (value, read) => {
    const [span] = decodeSpans(json, unrouted([makeSpan({ attributes: { value } })]));
    expect(span?.attributes).toEqual([{ key: 'value', value: { type: 'double', value: read } }]);
  });

  it('sends integers as texts, each digit exact', () => {
    const span = makeSpan({ attributes: { large: 2 ** 62, small: -7 } });
    const text = bytesOf(encodeBody(json, unrouted([span]))).toString();
    expect(text).toContain('{"key":"large","value":{"intValue":"4611686018427387904"}}');
    expect(text).toContain('{"key":"small","value":{"intValue":"-7"}}');
  });

  it('says what the official serializer says, whatever the spans', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const spans = makeRandomSpans(seed, 20, { unsafeNumbers: false });
        expect(decodeSpans(json, unrouted(spans))).toEqual(decodeOfficialJson(spans));
      }),
      { numRuns: 30 },
    );
  });

  it('says what the protobuf encoder says, whatever the spans', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const spans = unrouted(makeRandomSpans(seed, 20));
        expect(decodeSpans(json, spans)).toEqual(decodeSpans(protobuf, spans));
      }),
      { numRuns: 30 },
    );
  });
});
