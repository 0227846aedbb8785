import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSpoolFile,
  encodeSpoolFile,
  type SpoolHeader,
} from '../../../src/exporter/spool/spool-file.js';
import { runs } from '../../helpers/runs.js';

const { parameters, timeoutMs } = runs(200);

const header: fc.Arbitrary<SpoolHeader> = fc.record(
  {
    fingerprint: fc.string(),
    routeKeys: fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }),
    spans: fc.integer({ min: 1, max: 10_000 }),
    createdAt: fc.nat(),
    contentType: fc.constantFrom('application/x-protobuf' as const, 'application/json' as const),
    contentEncoding: fc.constant('gzip' as const),
    parent: fc.string(),
  },
  { requiredKeys: ['fingerprint', 'routeKeys', 'spans', 'createdAt', 'contentType'] },
);
const parts = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });
const file = fc
  .tuple(header, parts)
  .map(([head, body]) => ({ head, body, bytes: Buffer.concat(encodeSpoolFile(head, body)) }));

describe('a file', () => {
  it(
    'is read as it was written',
    () => {
      fc.assert(
        fc.property(file, ({ head, body, bytes }) => {
          const { body: read, ...rest } = decodeSpoolFile(bytes) ?? { body: undefined };
          expect(rest).toEqual(head);
          expect(read).toEqual(Buffer.concat(body));
        }),
        parameters,
      );
    },
    timeoutMs,
  );

  it(
    'with one byte of it changed, wherever, is not read',
    () => {
      fc.assert(
        fc.property(file, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ bytes }, at, change) => {
          const index = at % bytes.length;
          bytes.writeUInt8(bytes.readUInt8(index) ^ change, index);
          expect(decodeSpoolFile(bytes)).toBeUndefined();
        }),
        parameters,
      );
    },
    timeoutMs,
  );

  it('that is cut off, at any byte, or followed by others, is not read', () => {
    const [head] = fc.sample(header, 1);
    if (head === undefined) throw new Error('no header');
    const whole = Buffer.concat(encodeSpoolFile(head, [Buffer.from('a body')]));
    for (let length = 0; length < whole.length; length += 1) {
      expect(decodeSpoolFile(whole.subarray(0, length))).toBeUndefined();
    }
    expect(decodeSpoolFile(Buffer.concat([whole, Buffer.of(0)]))).toBeUndefined();
  });

  it(
    'that is anything at all makes no exception',
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
          expect(decodeSpoolFile(Buffer.from(bytes))).toBeUndefined();
        }),
        parameters,
      );
    },
    timeoutMs,
  );

  it.each([
    ['no header', 'null'],
    ['a header that is no JSON', '{'],
    ['a content type that would be a header of its own', { contentType: 'a\r\nb: c' }],
    ['no spans', { spans: 0 }],
    ['keys that are no texts', { routeKeys: [1] }],
    ['an unknown encoding', { contentEncoding: 'br' }],
    ['another length', { bodyLength: 7 }],
  ])('with %s is not read, though its checksum holds', (_, change) => {
    const good: SpoolHeader = {
      fingerprint: 'f',
      routeKeys: [],
      spans: 1,
      createdAt: 1,
      contentType: 'application/json',
    };
    const text = JSON.stringify({ ...good, bodyLength: 0 });
    const changed =
      typeof change === 'string' ? change : JSON.stringify({ ...good, bodyLength: 0, ...change });
    expect(decodeSpoolFile(withHeader(text))).toMatchObject(good);
    expect(decodeSpoolFile(withHeader(changed))).toBeUndefined();
  });
});

/** A file of this header, with no body, and with a checksum that holds. */
function withHeader(text: string): Buffer {
  const [magic = Buffer.alloc(0)] = encodeSpoolFile(
    { fingerprint: '', routeKeys: [], spans: 1, createdAt: 0, contentType: 'application/json' },
    [],
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  const content = Buffer.concat([magic, length, Buffer.from(text)]);
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}
