import { type Attributes, createTraceState, type Link, type SpanContext } from '@opentelemetry/api';
import type { InstrumentationScope, ReadableSpan, Resource, SpanEvent } from '../../src/sdk.js';

/** What the random spans leave out, since the official serializer of JSON sends it as something else. */
export interface RandomSpanLimits {
  /** NaN, the infinities, and whole numbers beyond 64 bits. */
  readonly unsafeNumbers: boolean;
}

/** Numbers from 0 to 1. */
type Random = () => number;

/**
 * Makes spans at random, the same ones for the same seed: as the SDK makes them, and with the values that
 * other span processors can put into them. Fast, since there have to be many.
 */
export function makeRandomSpans(
  seed: number,
  count: number,
  limits: RandomSpanLimits = { unsafeNumbers: true },
): ReadableSpan[] {
  const random = createRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const oneOf = <T>(values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0];
  const listOf = <T>(maxLength: number, make: () => T) =>
    Array.from({ length: below(maxLength + 1) }, make);

  function text(): string {
    const length = oneOf([0, 1, 5, 12, 31, 32, 33, 60, 120, 127, 128, 130, 300, 1000, 17_000]);
    // Long ones are rare.
    const size = length > 300 && random() < 0.95 ? 10 : length;
    const kind = random();
    if (kind < 0.6) return ascii(size);
    if (kind < 0.8)
      return String.fromCharCode(...Array.from({ length: size }, () => below(0x3000)));
    // Any units, surrogates without their pair among them.
    if (kind < 0.9)
      return String.fromCharCode(...Array.from({ length: size }, () => below(0x1_0000)));
    return oneOf([
      '\ud800',
      'a\udc00b',
      '😀'.repeat(10),
      'é',
      '"\\\n\u0000',
      '\u007f\u0080',
      '中'.repeat(43),
    ]);
  }

  function ascii(size: number): string {
    const piece = String.fromCharCode(0x20 + below(95), 0x20 + below(95), 0x20 + below(95));
    return piece.repeat(Math.ceil(size / 3)).slice(0, size);
  }

  function number(): number {
    const kind = random();
    if (kind < 0.4) return below(100_000) - 1_000;
    if (kind < 0.6) return random() * 1e6;
    if (kind < 0.7) return Math.floor((random() - 0.5) * 2 ** (1 + below(62)));
    if (kind < 0.8 && limits.unsafeNumbers) {
      return oneOf([
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        2 ** 63,
        -1e300,
      ]);
    }
    const edges = [0, 7, 14, 21, 28, 31, 32, 35, 42, 49, 52, 53, 56, 62].flatMap((power) => [
      2 ** power,
      2 ** power - 1,
      -(2 ** power),
    ]);
    return edges[below(edges.length)] ?? -0;
  }

  function value(depth: number): unknown {
    const kind = random();
    if (kind < 0.5) return text();
    if (kind < 0.75) return number();
    if (kind < 0.85) return random() < 0.5;
    if (kind < 0.9 || depth > 3) return oneOf([null, undefined, () => 1, Symbol('s'), 1n, true]);
    if (kind < 0.92) return Uint8Array.from({ length: below(200) }, () => below(256));
    if (kind < 0.96) return listOf(below(5) === 0 ? 60 : 4, () => value(depth + 1));
    return attributes(depth + 1);
  }

  function attributes(depth = 0): Attributes {
    const entries = listOf(depth === 0 ? 16 : 3, () => [key(), value(depth)] as const);
    return Object.fromEntries(entries) as Attributes;
  }

  function key(): string {
    const kind = random();
    if (kind < 0.8) return `attribute.number.${below(200)}`;
    return kind < 0.9 ? ascii(1 + below(140)) : text();
  }

  const id = (digits: number) =>
    Array.from({ length: digits / 4 }, () => (0x1000 + below(0xefff)).toString(16)).join('');

  function spanContext(): SpanContext {
    return {
      traceId: oneOf([traceId, id(32)]),
      spanId: oneOf([parentId, id(16)]),
      traceFlags: below(300),
      ...(random() < 0.5 && { isRemote: random() < 0.5 }),
      ...(random() < 0.3 && {
        traceState: createTraceState(oneOf(['', 'a=1', 'vendor=opaque value,b@c=2'])),
      }),
    };
  }

  const hrTime = (): [number, number] => [
    oneOf([0, 1, 65_535, 65_536, 1_700_000_000, 4_294_967_295, below(2 ** 33)]),
    oneOf([0, 1, 999_999_999, below(1e9)]),
  ];

  const traceId = id(32);
  const parentId = id(16);
  const resources: [Resource, ...Resource[]] = [
    { attributes: attributes() },
    { attributes: attributes(), schemaUrl: 'https://example.com/resource' },
    { attributes: {}, schemaUrl: '' },
  ];
  const scopes: [InstrumentationScope, ...InstrumentationScope[]] = [
    { name: 'plain' },
    { name: 'versioned', version: '1.0.0' },
    { name: text(), version: text(), schemaUrl: `https://example.com/${ascii(150)}` },
    attributedScope({ ...attributes(), 'scope.attribute': 'x' }),
  ];

  function span(): ReadableSpan {
    const context = spanContext();
    return {
      name: text(),
      kind: below(5),
      spanContext: () => context,
      ...(random() < 0.7 && { parentSpanContext: spanContext() }),
      startTime: hrTime(),
      endTime: hrTime(),
      status: { code: below(3), ...(random() < 0.3 && { message: text() }) },
      attributes: attributes(),
      links: random() < 0.7 ? [] : listOf(3, link),
      events: random() < 0.4 ? [] : listOf(3, event),
      duration: [0, 0],
      ended: true,
      resource: oneOf(resources),
      instrumentationScope: oneOf(scopes),
      droppedAttributesCount: count32(),
      droppedEventsCount: count32(),
      droppedLinksCount: count32(),
    };
  }

  function event(): SpanEvent {
    return {
      name: text(),
      time: hrTime(),
      ...(random() < 0.7 && { attributes: attributes() }),
      ...(random() < 0.3 && { droppedAttributesCount: count32() }),
    };
  }

  function link(): Link {
    return {
      context: spanContext(),
      ...(random() < 0.7 && { attributes: attributes() }),
      ...(random() < 0.3 && { droppedAttributesCount: count32() }),
    };
  }

  const count32 = () => (random() < 0.8 ? 0 : below(2 ** below(32)));

  return Array.from({ length: count }, span);
}

/** A scope with the attributes that OTLP has, and no SDK yet. */
export function attributedScope(attributes: Attributes): InstrumentationScope {
  const scope = { name: 'attributed', version: '2', attributes, droppedAttributesCount: 3 };
  return scope;
}

/** Mulberry32. */
function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
