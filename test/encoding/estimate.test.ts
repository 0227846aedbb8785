import type { Attributes } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSizeEstimate } from '../../src/encoding/estimate.js';
import type { ReadableSpan } from '../../src/sdk.js';
import { encodeBody } from './encoding.js';
import { makeHostileSpan, makeSpan } from './span-fixtures.js';

const protocols = ['http/protobuf', 'http/json'] as const;
type Protocol = (typeof protocols)[number];

/** What the span takes in a body, and what it was estimated to take. */
function sizes(protocol: Protocol, span: ReadableSpan, routeKey?: string) {
  const options = { protocol, routeAttribute: 'signalbox.route', parent: undefined };
  const estimateBytes = createSizeEstimate(protocol, options.routeAttribute);
  const routed = { span, routeKey };
  const one = encodeBody(options, [routed]).size;
  // The second span adds itself alone: resource and scope are in the body already.
  const real = encodeBody(options, [routed, routed]).size - one;
  return { real, estimate: estimateBytes(routed) };
}

const controlCharacter = fc.integer({ min: 0, max: 0x1f }).map((code) => String.fromCharCode(code));
const loneSurrogate = fc
  .integer({ min: 0xd800, max: 0xdfff })
  .map((code) => String.fromCharCode(code));
const cjk = fc.integer({ min: 0x4e00, max: 0x9fff }).map((code) => String.fromCharCode(code));

const plainText = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: cjk, maxLength: 300 }),
  fc.constantFrom('"\\/', '😀'.repeat(40), 'x'.repeat(20_000), '中'.repeat(30_000)),
);
const anyText = fc.oneof(
  plainText,
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ unit: controlCharacter, maxLength: 300 }),
  fc.string({ unit: loneSurrogate, maxLength: 300 }),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 60,
    -1e300,
  ),
);

function attributesOf(text: fc.Arbitrary<string>): fc.Arbitrary<Attributes> {
  const hole = fc.constantFrom(null, undefined);
  const value = fc.oneof(
    text,
    number,
    fc.boolean(),
    fc.array(fc.oneof(text, hole), { maxLength: 40 }),
    fc.array(fc.oneof(number, hole), { maxLength: 400 }),
    fc.array(fc.oneof(fc.boolean(), hole), { maxLength: 40 }),
  );
  return fc.dictionary(text, value, { maxKeys: 30 });
}

function spanOf(text: fc.Arbitrary<string>): fc.Arbitrary<ReadableSpan> {
  const attributes = attributesOf(text);
  return fc
    .record(
      {
        name: text,
        attributes,
        events: fc.array(fc.record({ name: text, attributes }), { maxLength: 3 }),
        links: fc.array(attributes, { maxLength: 3 }),
        statusMessage: text,
      },
      { requiredKeys: [] },
    )
    .map(makeSpan);
}

describe('the estimate of a span', () => {
  it.each<{ protocol: Protocol; text: fc.Arbitrary<string>; most: number; what: string }>([
    { protocol: 'http/protobuf', text: anyText, most: 1, what: 'any text' },
    { protocol: 'http/json', text: plainText, most: 2, what: 'text without control characters' },
    { protocol: 'http/json', text: anyText, most: 6, what: 'any text' },
  ])('is within its bound for $protocol and $what', ({ protocol, text, most }) => {
    fc.assert(
      fc.property(spanOf(text), fc.option(fc.constant('acme'), { nil: undefined }), (span, key) => {
        const { real, estimate } = sizes(protocol, span, key);
        expect(Number.isSafeInteger(estimate)).toBe(true);
        expect(real).toBeLessThanOrEqual(most * estimate);
        expect(real).toBeGreaterThanOrEqual(estimate / 3);
      }),
      { numRuns: 100 },
    );
  });

  it.each(
    protocols.flatMap((protocol) => [
      { protocol, what: 'a prompt of 1 MiB', attributes: { prompt: 'x'.repeat(1 << 20) } },
      { protocol, what: 'Chinese of 1 MiB', attributes: { prompt: '中'.repeat(1 << 20) } },
      { protocol, what: 'an embedding', attributes: { vector: Array(9_000).fill(1 / 3) } },
      { protocol, what: 'a long list of numbers', attributes: { all: Array(100_000).fill(1 / 3) } },
    ]),
  )('is no more than twice $what in $protocol', ({ protocol, attributes }) => {
    const { real, estimate } = sizes(protocol, makeSpan({ attributes }));
    expect(real).toBeLessThanOrEqual(estimate);
    expect(real).toBeGreaterThanOrEqual(estimate / 2);
  });

  it.each(
    protocols.flatMap((protocol) =>
      [null, 0, -1, 127, 2 ** 28, 0.5, true, '', 'x'.repeat(126)].map((value) => ({
        protocol,
        value,
      })),
    ),
  )('is within its bound for a long list of $value in $protocol', ({ protocol, value }) => {
    const attributes: Attributes = { all: Array(9_000).fill(value) };
    const { real, estimate } = sizes(protocol, makeSpan({ attributes }));
    expect(real).toBeLessThanOrEqual(estimate);
    expect(real).toBeGreaterThanOrEqual(estimate / 3);
  });

  const cyclic: unknown[] = [];
  cyclic.push(cyclic, { cyclic });
  let wide: unknown = 'x';
  for (let depth = 0; depth < 30; depth += 1) {
    wide = [wide, wide];
  }

  it.each<{ what: string; value: unknown }>([
    { what: 'a cycle', value: cyclic },
    { what: 'a value that is shared a billion times', value: wide },
    { what: 'a bigint', value: 1n },
    { what: 'a symbol', value: Symbol('x') },
    { what: 'a function', value: () => 'x' },
    { what: 'binary data', value: new Uint8Array(1000) },
    {
      what: 'a getter that throws',
      value: {
        get broken(): string {
          throw new Error('broken');
        },
      },
    },
    { what: 'a revoked proxy', value: revokedProxy() },
  ])('is made without throwing for $what', ({ value }) => {
    const span = makeHostileSpan({ value });
    for (const protocol of protocols) {
      const estimateBytes = createSizeEstimate(protocol, 'signalbox.route');
      expect(estimateBytes({ span, routeKey: 'acme' })).toBeGreaterThan(100);
    }
  });

  it('is made without throwing for attributes that throw', () => {
    const attributes = {
      get broken(): string {
        throw new Error('broken');
      },
    };
    const estimateBytes = createSizeEstimate('http/json', undefined);
    const span = makeHostileSpan(attributes);
    expect(estimateBytes({ span, routeKey: undefined })).toBeGreaterThan(0);
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
