import { describe, expect, it } from 'vitest';
import { decodeRequest } from '../../src/receiver/decode.js';
import type { AnyValue, ReceivedSpan } from '../../src/receiver/received.js';

// A writer of protobuf's wire format, by field number, that shares nothing with the decoder.
type Bytes = readonly number[];

function varint(value: bigint): number[] {
  const bits = BigInt.asUintN(64, value);
  return bits < 0x80n ? [Number(bits)] : [Number(bits & 0x7fn) | 0x80, ...varint(bits >> 7n)];
}
function number(field: number, value: bigint): number[] {
  return [...varint(BigInt(field << 3)), ...varint(value)];
}
function block(field: number, bytes: Bytes): number[] {
  return [...varint(BigInt((field << 3) | 2)), ...varint(BigInt(bytes.length)), ...bytes];
}
function text(field: number, value: string): number[] {
  return block(field, [...Buffer.from(value)]);
}
function id(field: number, hex: string): number[] {
  return block(field, [...Buffer.from(hex, 'hex')]);
}
function fixed64(field: number, value: bigint): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return [...varint(BigInt((field << 3) | 1)), ...bytes];
}
function fixed32(field: number, value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [...varint(BigInt((field << 3) | 5)), ...bytes];
}
function double(field: number, value: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...varint(BigInt((field << 3) | 1)), ...bytes];
}
function keyValue(field: number, key: string, value: Bytes): number[] {
  return block(field, [...text(1, key), ...block(2, value)]);
}

const traceId = '5b8efff798038103d269b633813fc60c';
const spanId = 'eee19b7ec3c1b174';
const parentSpanId = 'eee19b7ec3c1b173';

/** A request of one span with nothing but its ids and `members`. */
function jsonOf(members: object): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId, ...members }] }] }],
    }),
  );
}
function protobufOf(members: Bytes): Uint8Array {
  const span = block(2, [...id(1, traceId), ...id(2, spanId), ...members]);
  return Uint8Array.from(block(1, block(2, span)));
}

function decodeOne(mediaType: 'application/json' | 'application/x-protobuf', body: Uint8Array) {
  const spans = decodeRequest(mediaType, body);
  if (spans instanceof Error) throw spans;
  expect(spans).toHaveLength(1);
  return spans[0];
}

const complete: ReceivedSpan = {
  resource: {
    attributes: [{ key: 'service.name', value: { type: 'string', value: 'shop' } }],
    droppedAttributesCount: 1,
    schemaUrl: 'https://example.com/resource',
  },
  scope: {
    name: 'lib',
    version: '1.2.3',
    attributes: [{ key: 'a', value: { type: 'bool', value: false } }],
    droppedAttributesCount: 2,
    schemaUrl: 'https://example.com/scope',
  },
  traceId,
  spanId,
  traceState: 'vendor=1',
  parentSpanId,
  flags: 0x301,
  name: 'GET /',
  kind: 2,
  startTimeUnixNano: 1_544_712_660_123_456_789n,
  endTimeUnixNano: 18_446_744_073_709_551_615n,
  attributes: [
    { key: 'k', value: { type: 'int', value: 1n } },
    { key: 'k', value: { type: 'double', value: 1 } },
  ],
  droppedAttributesCount: 4_294_967_295,
  events: [
    {
      timeUnixNano: 7n,
      name: 'e',
      attributes: [{ key: 'x', value: { type: 'string', value: '' } }],
      droppedAttributesCount: 3,
    },
  ],
  droppedEventsCount: 4,
  links: [
    {
      traceId,
      spanId: parentSpanId,
      traceState: 'l=1',
      attributes: [{ key: 'y', value: { type: 'empty', value: undefined } }],
      droppedAttributesCount: 5,
      flags: 0x101,
    },
  ],
  droppedLinksCount: 6,
  status: { message: 'no', code: 2 },
};

describe('decodeRequest', () => {
  it('reads every field of JSON', () => {
    const body = {
      resourceSpans: [
        {
          resource: {
            attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }],
            droppedAttributesCount: 1,
          },
          scopeSpans: [
            {
              scope: {
                name: 'lib',
                version: '1.2.3',
                attributes: [{ key: 'a', value: { boolValue: false } }],
                droppedAttributesCount: 2,
              },
              spans: [
                {
                  traceId: traceId.toUpperCase(),
                  spanId,
                  traceState: 'vendor=1',
                  parentSpanId,
                  flags: 0x301,
                  name: 'GET /',
                  kind: 2,
                  startTimeUnixNano: '1544712660123456789',
                  endTimeUnixNano: '18446744073709551615',
                  attributes: [
                    { key: 'k', value: { intValue: '1' } },
                    { key: 'k', value: { doubleValue: 1 } },
                  ],
                  droppedAttributesCount: 4_294_967_295,
                  events: [
                    {
                      timeUnixNano: 7,
                      name: 'e',
                      attributes: [{ key: 'x', value: { stringValue: '' } }],
                      droppedAttributesCount: 3,
                    },
                  ],
                  droppedEventsCount: 4,
                  links: [
                    {
                      traceId,
                      spanId: parentSpanId,
                      traceState: 'l=1',
                      attributes: [{ key: 'y', value: {} }],
                      droppedAttributesCount: 5,
                      flags: 0x101,
                    },
                  ],
                  droppedLinksCount: 6,
                  status: { message: 'no', code: 2 },
                },
              ],
              schemaUrl: 'https://example.com/scope',
            },
          ],
          schemaUrl: 'https://example.com/resource',
        },
      ],
    };

    expect(decodeOne('application/json', Buffer.from(JSON.stringify(body)))).toEqual(complete);
  });

  it('reads every field of protobuf', () => {
    const event = [
      ...fixed64(1, 7n),
      ...text(2, 'e'),
      ...keyValue(3, 'x', text(1, '')),
      ...number(4, 3n),
    ];
    const link = [
      ...id(1, traceId),
      ...id(2, parentSpanId),
      ...text(3, 'l=1'),
      ...keyValue(4, 'y', []),
      ...number(5, 5n),
      ...fixed32(6, 0x101),
    ];
    const span = [
      ...id(1, traceId),
      ...id(2, spanId),
      ...text(3, 'vendor=1'),
      ...id(4, parentSpanId),
      ...text(5, 'GET /'),
      ...number(6, 2n),
      ...fixed64(7, 1_544_712_660_123_456_789n),
      ...fixed64(8, 18_446_744_073_709_551_615n),
      ...keyValue(9, 'k', number(3, 1n)),
      ...keyValue(9, 'k', double(4, 1)),
      ...number(10, 4_294_967_295n),
      ...block(11, event),
      ...number(12, 4n),
      ...block(13, link),
      ...number(14, 6n),
      ...block(15, [...text(2, 'no'), ...number(3, 2n)]),
      ...fixed32(16, 0x301),
    ];
    const scope = [
      ...text(1, 'lib'),
      ...text(2, '1.2.3'),
      ...keyValue(3, 'a', number(2, 0n)),
      ...number(4, 2n),
    ];
    const resource = [...keyValue(1, 'service.name', text(1, 'shop')), ...number(2, 1n)];
    const scopeSpans = [
      ...block(1, scope),
      ...block(2, span),
      ...text(3, 'https://example.com/scope'),
    ];
    const body = block(1, [
      ...block(1, resource),
      ...block(2, scopeSpans),
      ...text(3, 'https://example.com/resource'),
    ]);

    expect(decodeOne('application/x-protobuf', Uint8Array.from(body))).toEqual(complete);
  });

  it.each([
    ['JSON', 'application/json', jsonOf({})],
    ['null in JSON', 'application/json', jsonOf({ name: null, attributes: null, status: null })],
    ['protobuf', 'application/x-protobuf', protobufOf([])],
    // As the Collector writes the parent of a root span.
    ['an empty id in protobuf', 'application/x-protobuf', protobufOf(id(4, ''))],
  ] as const)('gives what %s leaves out its default', (_, mediaType, body) => {
    expect(decodeOne(mediaType, body)).toEqual({
      resource: { attributes: [], droppedAttributesCount: 0, schemaUrl: '' },
      scope: { name: '', version: '', attributes: [], droppedAttributesCount: 0, schemaUrl: '' },
      traceId,
      spanId,
      traceState: '',
      parentSpanId: '',
      flags: 0,
      name: '',
      kind: 0,
      startTimeUnixNano: 0n,
      endTimeUnixNano: 0n,
      attributes: [],
      droppedAttributesCount: 0,
      events: [],
      droppedEventsCount: 0,
      links: [],
      droppedLinksCount: 0,
      status: { message: '', code: 0 },
    });
  });

  it('keeps resources and scopes with their own spans, in order', () => {
    const body = {
      resourceSpans: [
        { schemaUrl: 'r1', scopeSpans: [{ scope: { name: 's1' }, spans: [{ traceId, spanId }] }] },
        {
          schemaUrl: 'r2',
          scopeSpans: [
            {
              scope: { name: 's2' },
              spans: [
                { traceId, spanId },
                { traceId, spanId },
              ],
            },
            { scope: { name: 's3' }, spans: [{ traceId, spanId }] },
          ],
        },
      ],
    };

    const spans = decodeRequest('application/json', Buffer.from(JSON.stringify(body)));

    const owners =
      spans instanceof Error
        ? spans
        : spans.map((each) => each.resource.schemaUrl + each.scope.name);
    expect(owners).toEqual(['r1s1', 'r2s2', 'r2s2', 'r2s3']);
  });

  const values: [string, AnyValue, object, Bytes][] = [
    ['a string', { type: 'string', value: 'π' }, { stringValue: 'π' }, text(1, 'π')],
    ['a bool', { type: 'bool', value: true }, { boolValue: true }, number(2, 1n)],
    ['zero', { type: 'int', value: 0n }, { intValue: 0 }, number(3, 0n)],
    [
      'the least integer',
      { type: 'int', value: -(2n ** 63n) },
      { intValue: '-9223372036854775808' },
      number(3, -(2n ** 63n)),
    ],
    [
      'an integer beyond 2^53',
      { type: 'int', value: 9_007_199_254_740_993n },
      { intValue: '9007199254740993' },
      number(3, 9_007_199_254_740_993n),
    ],
    ['a double', { type: 'double', value: -0.5 }, { doubleValue: -0.5 }, double(4, -0.5)],
    ['NaN', { type: 'double', value: Number.NaN }, { doubleValue: 'NaN' }, double(4, Number.NaN)],
    [
      'infinity',
      { type: 'double', value: Number.NEGATIVE_INFINITY },
      { doubleValue: '-Infinity' },
      double(4, Number.NEGATIVE_INFINITY),
    ],
    [
      'bytes',
      { type: 'bytes', value: Uint8Array.of(0, 255) },
      { bytesValue: 'AP8=' },
      block(7, [0, 255]),
    ],
    ['an empty array', { type: 'array', value: [] }, { arrayValue: {} }, block(5, [])],
    [
      'an array of arrays',
      {
        type: 'array',
        value: [
          { type: 'empty', value: undefined },
          { type: 'array', value: [{ type: 'string', value: 'in' }] },
        ],
      },
      { arrayValue: { values: [{}, { arrayValue: { values: [{ stringValue: 'in' }] } }] } },
      block(5, [...block(1, []), ...block(1, block(5, block(1, text(1, 'in'))))]),
    ],
    [
      'a list of pairs',
      { type: 'kvlist', value: [{ key: 'a', value: { type: 'int', value: 1n } }] },
      { kvlistValue: { values: [{ key: 'a', value: { intValue: '1' } }] } },
      block(6, keyValue(1, 'a', number(3, 1n))),
    ],
  ];

  it.each(values)('reads %s in both encodings', (_, value, json, protobuf) => {
    const attributes = [{ key: 'a', value }];

    const fromJson = decodeOne(
      'application/json',
      jsonOf({ attributes: [{ key: 'a', value: json }] }),
    );
    const fromProtobuf = decodeOne(
      'application/x-protobuf',
      protobufOf(keyValue(9, 'a', protobuf)),
    );

    expect(fromJson?.attributes).toEqual(attributes);
    expect(fromProtobuf?.attributes).toEqual(attributes);
  });

  it('ignores unknown fields', () => {
    expect(decodeOne('application/json', jsonOf({ later: 1 }))?.spanId).toBe(spanId);
    expect(decodeOne('application/x-protobuf', protobufOf(text(99, 'later')))?.spanId).toBe(spanId);
  });

  const nested = `${'{"arrayValue":{"values":['.repeat(50_000)}{}${']}}'.repeat(50_000)}`;

  it.each([
    ['JSON that is none', 'application/json', Buffer.from('{')],
    ['JSON that is no object', 'application/json', Buffer.from('[]')],
    ['JSON that is not UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
    ['a short id', 'application/json', jsonOf({ traceId: 'abcd' })],
    ['an id in base64', 'application/json', jsonOf({ spanId: '7uGbfsPBsXQ=' })],
    ['no id', 'application/json', jsonOf({ traceId: null })],
    ['a kind by its name', 'application/json', jsonOf({ kind: 'SPAN_KIND_SERVER' })],
    ['a time below zero', 'application/json', jsonOf({ startTimeUnixNano: '-1' })],
    [
      'an integer out of range',
      'application/json',
      jsonOf({ attributes: [{ key: 'a', value: { intValue: 1e21 } }] }),
    ],
    [
      'values nested without end',
      'application/json',
      Buffer.from(
        `{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":${nested}}]}}]}`,
      ),
    ],
    ['protobuf that is none', 'application/x-protobuf', Buffer.from('hello, world')],
    ['protobuf that breaks off', 'application/x-protobuf', protobufOf([]).subarray(0, -1)],
    [
      'a string that is not UTF-8',
      'application/x-protobuf',
      protobufOf(block(5, [0xed, 0xa0, 0x80])),
    ],
    ['a short id', 'application/x-protobuf', protobufOf(id(2, 'abcd'))],
  ] as const)('refuses %s in %s', (_, mediaType, body) => {
    expect(decodeRequest(mediaType, body)).toBeInstanceOf(Error);
  });

  describe('a body of many values', () => {
    const empties = (count: number) => Buffer.alloc(2 * count, Uint8Array.of(0x0a, 0));
    const lengthOf = (size: number) => varint(BigInt(size));
    const within = (field: number, bytes: Buffer) =>
      Buffer.concat([Buffer.from([(field << 3) | 2, ...lengthOf(bytes.length)]), bytes]);
    // Five fields lead to the values.
    const arrayOf = (count: number) =>
      [5, 2, 1, 1, 1].reduce((bytes, field) => within(field, bytes), empties(count));

    it('is read up to a limit, in both encodings', () => {
      expect(decodeRequest('application/x-protobuf', arrayOf(499_995))).toEqual([]);
      expect(decodeRequest('application/x-protobuf', arrayOf(499_996))).toBeInstanceOf(Error);
      const json = (count: number) => Buffer.from(`{"resourceSpans":[${'0,'.repeat(count - 2)}0]}`);
      expect(decodeRequest('application/json', json(500_000))).toMatchObject({
        message: expect.stringContaining('resourceSpans.0'),
      });
      expect(decodeRequest('application/json', json(500_001))).toMatchObject({
        message: 'the body is not application/json',
      });
    });

    it('may have any number of commas in its texts', () => {
      const value = { stringValue: `"\\${'0,{['.repeat(200_000)}` };
      const body = jsonOf({ attributes: [{ key: 'a', value }] });
      expect(decodeOne('application/json', body)?.attributes[0]?.value).toEqual({
        type: 'string',
        value: value.stringValue,
      });
    });

    it('is read up to its first malformed span', () => {
      const spans = within(1, within(2, Buffer.alloc(2 * 400_000, Uint8Array.of(0x12, 0))));
      const error = decodeRequest('application/x-protobuf', spans);
      expect(error).toMatchObject({ message: expect.stringContaining('spans.0.traceId') });
      expect(error).not.toMatchObject({ message: expect.stringContaining('spans.1.') });
    });
  });

  it('says where it is malformed, and shows no contents', () => {
    const error = decodeRequest('application/json', jsonOf({ traceId: 'secret' }));

    expect(error).toMatchObject({
      message: expect.stringContaining('resourceSpans.0.scopeSpans.0.spans.0.traceId'),
    });
    expect(error).not.toMatchObject({ message: expect.stringContaining('secret') });
  });
});
