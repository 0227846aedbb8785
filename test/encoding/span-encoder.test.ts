import { describe, expect, it } from 'vitest';
import { createChunks, MessageTooLarge, startOf } from '../../src/encoding/chunks.js';
import { createSpanEncoder } from '../../src/encoding/span-encoder.js';
import { decodeRequest } from '../../src/receiver/decode.js';
import type { AnyValue, KeyValue, ReceivedSpan } from '../../src/receiver/received.js';
import type { InstrumentationScope, ReadableSpan, Resource } from '../../src/sdk.js';
import {
  bytesOf,
  decodeSpans,
  encodeBody,
  mediaTypes,
  notError,
  toRun,
  unrouted,
} from './encoding.js';
import { makeHostileSpan, makeSpan } from './span-fixtures.js';

const protocols = ['http/protobuf', 'http/json'] as const;

function withFields(span: ReadableSpan, fields: object): ReadableSpan {
  const descriptors = Object.entries(fields).map(([name, value]) => [
    name,
    { value, enumerable: true },
  ]);
  return Object.create(span, Object.fromEntries(descriptors));
}

function plain(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.value]));
}

function nested(depth: number, wrap: (value: unknown) => unknown): unknown {
  let value: unknown = 'innermost';
  for (let level = 0; level < depth; level += 1) value = wrap(value);
  return value;
}

describe.each(protocols)('an encoder of %s', (protocol) => {
  const options = { protocol, routeAttribute: 'signalbox.route' };

  function decode(span: ReadableSpan, routeKey?: string, changed = {}): ReceivedSpan {
    const [decoded] = decodeSpans({ ...options, ...changed }, [{ span, routeKey }]);
    if (decoded === undefined) throw new Error('no span arrived');
    return decoded;
  }

  function attributesOf(span: ReadableSpan, routeKey?: string, changed = {}) {
    return plain(decode(span, routeKey, changed).attributes);
  }

  it('names the content type', () => {
    expect(createSpanEncoder(options).contentType).toBe(mediaTypes[protocol]);
  });

  it('writes the route key, whatever the application wrote under its name', () => {
    expect(attributesOf(makeSpan({ attributes: { a: '1' } }), 'acme')).toEqual({
      a: '1',
      'signalbox.route': 'acme',
    });
    const forged = makeSpan({ attributes: { 'signalbox.route': 'globex', a: '1' } });
    expect(decode(forged, 'acme').attributes).toHaveLength(2);
    expect(attributesOf(forged, 'acme')).toEqual({ a: '1', 'signalbox.route': 'acme' });
    expect(attributesOf(makeSpan(), 'acme')).toEqual({ 'signalbox.route': 'acme' });
  });

  it('removes what the application wrote there from a span that carries no route key', () => {
    const span = makeSpan({ attributes: { a: '1', 'signalbox.route': 'globex' } });
    expect(attributesOf(span)).toEqual({ a: '1' });
  });

  it('leaves the attribute alone where it is turned off', () => {
    const span = makeSpan({ attributes: { 'signalbox.route': 'globex' } });
    expect(attributesOf(span, 'acme', { routeAttribute: undefined })).toEqual({
      'signalbox.route': 'globex',
    });
  });

  it('keeps a span from naming another parent than the configured one', () => {
    const span = makeSpan({ attributes: { a: '1', 'braintrust.parent': 'project_name:other' } });
    expect(attributesOf(span, undefined, { parent: 'project_name:checkout' })).toEqual({ a: '1' });
    expect(attributesOf(span)).toEqual({ a: '1', 'braintrust.parent': 'project_name:other' });
  });

  it('leaves the attributes of events and links to the application', () => {
    const owned = { 'signalbox.route': 'x', 'braintrust.parent': 'y' };
    const span = makeSpan({ events: [{ name: 'e', attributes: owned }], links: [owned] });
    const decoded = decode(span, 'acme', { parent: 'p' });
    expect(plain(decoded.events[0]?.attributes)).toEqual(owned);
    expect(plain(decoded.links[0]?.attributes)).toEqual(owned);
  });

  it('writes a span as it is when it is encoded, and never changes it', () => {
    const attributes: Record<string, unknown> = { a: 'before', 'signalbox.route': 'globex' };
    const span = makeHostileSpan(attributes);
    const encoder = createSpanEncoder(options);
    const message = notError(encoder.encode({ span, routeKey: 'acme' }, createChunks()));
    expect(attributes).toEqual({ a: 'before', 'signalbox.route': 'globex' });
    attributes.a = 'after';
    const { resource, instrumentationScope: scope } = span;
    const body = notError(encoder.createBody([toRun({ message, resource, scope })]));
    const [decoded] = notError(decodeRequest(mediaTypes[protocol], bytesOf(body)));
    expect(plain(decoded?.attributes)).toEqual({ a: 'before', 'signalbox.route': 'acme' });
  });

  it('keeps the order of spans within a resource and scope, and groups the rest', () => {
    const resources: Resource[] = [{ attributes: { r: 0 } }, { attributes: { r: 1 } }];
    const scopes: InstrumentationScope[] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    const base = makeSpan();
    const spans = Array.from({ length: 60 }, (_, n) =>
      withFields(base, {
        name: `${n}`,
        resource: resources[n % 2],
        instrumentationScope: scopes[n % 3],
      }),
    );
    const decoded = decodeSpans(options, unrouted(spans));
    const expected = [0, 3, 2, 1, 4, 5].map(
      (first) => [first % 2, scopes[first % 3]?.name] as const,
    );
    const order = [
      ...new Set(
        decoded.map(({ resource, scope }) => `${resource.attributes[0]?.value.value}${scope.name}`),
      ),
    ];
    expect(order).toHaveLength(expected.length);
    for (const [r, name] of expected) {
      const names = decoded
        .filter(
          ({ resource, scope }) =>
            resource.attributes[0]?.value.value === BigInt(r) && scope.name === name,
        )
        .map((span) => Number(span.name));
      expect(names).toHaveLength(10);
      expect(names).toEqual(names.toSorted((a, b) => a - b));
    }
  });

  it('puts spans of many chunks, and what is around them, into few parts', () => {
    const span = makeSpan({ attributes: { text: 'x'.repeat(900) } });
    const body = encodeBody(options, unrouted(Array.from({ length: 500 }, () => span)));
    expect(body.size).toBe(bytesOf(body).length);
    expect(body.size).toBeGreaterThan(450_000);
    expect(body.parts.length).toBeLessThan(20);
    expect(decodeRequest(mediaTypes[protocol], bytesOf(body))).toHaveLength(500);
  });

  it('makes a body of some of the spans, and again of others', () => {
    const encoder = createSpanEncoder(options);
    const chunks = createChunks();
    const spans = ['a', 'b', 'c', 'd'].map((name) => makeSpan({ name }));
    const { resource, instrumentationScope: scope } = makeSpan();
    const encoded = spans.map((span) => ({
      message: notError(encoder.encode({ span, routeKey: undefined }, chunks)),
      resource,
      scope,
    }));
    const namesOf = (from: number, to: number) => {
      const body = notError(encoder.createBody(encoded.slice(from, to).map(toRun)));
      return notError(decodeRequest(mediaTypes[protocol], bytesOf(body))).map(({ name }) => name);
    };
    expect(namesOf(2, 4)).toEqual(['c', 'd']);
    expect(namesOf(0, 2)).toEqual(['a', 'b']);
    expect(namesOf(1, 2)).toEqual(['b']);
    encoded.splice(1, 1);
    expect(namesOf(0, 3)).toEqual(['a', 'c', 'd']);
  });

  it('copies an encoded span to another backend', () => {
    const encoder = createSpanEncoder(options);
    const span = makeSpan({ name: 'shared' });
    const { resource, instrumentationScope: scope } = span;
    const first = notError(encoder.encode({ span, routeKey: 'acme' }, createChunks()));
    const body = notError(
      encoder.createBody([toRun({ message: createChunks().copy(first), resource, scope })]),
    );
    const [decoded] = notError(decodeRequest(mediaTypes[protocol], bytesOf(body)));
    expect(decoded).toEqual(decode(span, 'acme'));
  });

  it('frames a resource anew until its attributes are there, and then once', () => {
    const encoder = createSpanEncoder(options);
    const attributes = { 'host.id': 'first' };
    const resource = { asyncAttributesPending: true, attributes };
    const span = withFields(makeSpan(), { resource });
    const hostId = () => {
      const message = notError(encoder.encode({ span, routeKey: undefined }, createChunks()));
      const scope = span.instrumentationScope;
      const body = notError(encoder.createBody([toRun({ message, resource, scope })]));
      const [decoded] = notError(decodeRequest(mediaTypes[protocol], bytesOf(body)));
      return plain(decoded?.resource.attributes)['host.id'];
    };
    expect(hostId()).toBe('first');
    attributes['host.id'] = 'second';
    expect(hostId()).toBe('second');
    resource.asyncAttributesPending = false;
    attributes['host.id'] = 'third';
    expect(hostId()).toBe('third');
    attributes['host.id'] = 'never read';
    expect(hostId()).toBe('third');
  });

  it.each<[string, object]>([
    [
      'an attribute that throws',
      {
        attributes: {
          get broken() {
            throw new Error('broken');
          },
        },
      },
    ],
    ['attributes that throw', { attributes: revokedProxy() }],
    [
      'a trace state that throws',
      {
        spanContext: () => ({
          ...makeSpan().spanContext(),
          traceState: {
            serialize() {
              throw 'not even an error';
            },
          },
        }),
      },
    ],
    ['a cyclic array', { attributes: { cyclic: cyclicArray() } }],
    ['a cyclic map', { attributes: { cyclic: cyclicMap() } }],
    ['a revoked proxy in an array', { attributes: { list: ['x', revokedProxy()] } }],
    ['arrays nested too deep', { attributes: { deep: nested(32, (value) => [value]) } }],
    ['maps nested too deep', { attributes: { deep: nested(32, (value) => ({ value })) } }],
    [
      'a link with a malformed trace id',
      { links: [{ context: { traceId: '"', spanId: 'b7ad6b7169203331', traceFlags: 1 } }] },
    ],
    ['a link without ids', { links: [{ context: {} }] }],
    ['an id that is no text', { spanContext: () => ({ traceId: 1, spanId: 2, traceFlags: 1 }) }],
    ['no status', { status: undefined }],
  ])('gives an error for a span with %s, and goes on as before', (_, fields) => {
    const encoder = createSpanEncoder(options);
    const chunks = createChunks();
    const good = { span: makeSpan({ name: 'good' }), routeKey: 'acme' };
    const before = notError(encoder.encode(good, chunks));
    const bad = { span: withFields(makeSpan(), fields), routeKey: 'acme' };
    expect(encoder.encode(bad, chunks)).toBeInstanceOf(Error);
    const after = notError(encoder.encode(good, chunks));
    expect(after.chunk).toBe(before.chunk);
    expect(startOf(after.chunk, after.index)).toBe(
      startOf(before.chunk, before.index) + before.size,
    );
    const { resource, instrumentationScope: scope } = good.span;
    const body = notError(
      encoder.createBody([before, after].map((message) => toRun({ message, resource, scope }))),
    );
    expect(
      notError(decodeRequest(mediaTypes[protocol], bytesOf(body))).map(({ name }) => name),
    ).toEqual(['good', 'good']);
  });

  it('gives an error for a span of more than 64 MiB', () => {
    const text = 'x'.repeat(2 ** 25);
    const span = makeHostileSpan({ a: text, b: text, c: text });
    const encoder = createSpanEncoder(options);
    expect(encoder.encode({ span, routeKey: undefined }, createChunks())).toBeInstanceOf(
      MessageTooLarge,
    );
  });

  it.each([5_000, -200])('believes no bytes that say their length is %i', (length) => {
    class Odd extends Uint8Array {
      override get length(): number {
        return length;
      }
    }
    const encoder = createSpanEncoder(options);
    const chunks = createChunks();
    const spans = [
      makeSpan({ name: 'before' }),
      makeHostileSpan({ odd: new Odd(3), tail: 'tail' }),
      makeSpan({ name: 'after' }),
    ];
    const { resource, instrumentationScope: scope } = makeSpan();
    const runs = spans.map((span) =>
      toRun({
        message: notError(encoder.encode({ span, routeKey: undefined }, chunks)),
        resource,
        scope,
      }),
    );
    const body = bytesOf(notError(encoder.createBody(runs)));
    const decoded = notError(decodeRequest(mediaTypes[protocol], body));
    expect(decoded.map(({ name }) => name)).toEqual(['before', 'work', 'after']);
    expect(plain(decoded[1]?.attributes)).toEqual({ odd: new Uint8Array(3), tail: 'tail' });
  });

  it('gives an error for a resource that can not be read', () => {
    const resource: Resource = {
      get attributes(): never {
        throw new Error('broken');
      },
    };
    const encoder = createSpanEncoder(options);
    const span = makeSpan();
    const message = notError(encoder.encode({ span, routeKey: undefined }, createChunks()));
    const scope = span.instrumentationScope;
    expect(encoder.createBody([toRun({ message, resource, scope })])).toBeInstanceOf(Error);
  });

  it.each([
    ['arrays', (value: unknown) => [value]],
    ['maps', (value: unknown) => ({ value })],
  ])('writes %s as deep as receivers read them', (_, wrap) => {
    const deep = nested(31, wrap);
    const span = withFields(makeHostileSpan({ deep }), {
      events: [{ name: 'e', time: [1, 2], attributes: { deep } }],
    });
    const decoded = decode(span);
    for (const attributes of [decoded.attributes, decoded.events[0]?.attributes]) {
      let value: AnyValue | undefined = attributes?.[0]?.value;
      for (let level = 0; level < 31; level += 1) {
        if (value?.type === 'array') value = value.value[0];
        else if (value?.type === 'kvlist') value = value.value[0]?.value;
      }
      expect(value).toEqual({ type: 'string', value: 'innermost' });
    }
  });

  it('writes names that are no texts as texts', () => {
    const span = withFields(makeSpan({ statusMessage: 'x' }), {
      name: 42,
      status: { code: 2, message: { toString: () => 'told' } },
      kind: 'SERVER',
      events: [{ name: undefined, time: [1, 2] }],
    });
    const decoded = decode(span);
    expect(decoded).toMatchObject({ name: '42', status: { code: 2, message: 'told' }, kind: 0 });
    expect(decoded.events[0]?.name).toBe('');
  });

  it.each([
    [[-1, 0], 2n ** 64n - 1_000_000_000n],
    [[1.5, 2.5], 1_000_000_002n],
    [[Number.NaN, 3], 3n],
    [[1, 1_000_000_001], 2_000_000_001n],
    [[18_446_744_073, 709_551_615], 2n ** 64n - 1n],
  ] as const)('writes the time %j, which the SDK does not make', (time, expected) => {
    const span = withFields(makeSpan(), { startTime: time });
    expect(decode(span).startTimeUnixNano).toBe(expected);
  });

  it("writes the trace id of each span's own trace", () => {
    const base = makeSpan();
    const ids = ['0af7651916cd43dd8448eb211c80319c', '0af7651916cd43dd8448eb211c80319d'];
    const spans = [0, 1, 1, 0].map((n) =>
      withFields(base, {
        spanContext: () => ({ traceId: ids[n], spanId: 'b7ad6b7169203331', traceFlags: 1 }),
      }),
    );
    const decoded = decodeSpans(options, unrouted(spans));
    expect(decoded.map(({ traceId }) => traceId)).toEqual([ids[0], ids[1], ids[1], ids[0]]);
  });

  it('takes upper-case ids', () => {
    const span = withFields(makeSpan(), {
      spanContext: () => ({
        traceId: '0AF7651916CD43DD8448EB211C80319C',
        spanId: 'B7AD6B7169203331',
        traceFlags: 1,
      }),
    });
    expect(decode(span)).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
    });
  });

  it('writes own properties alone', () => {
    class Attributes {
      own = 1;
    }
    Object.defineProperty(Attributes.prototype, 'inherited', { value: 2, enumerable: true });
    expect(attributesOf(makeHostileSpan(new Attributes()))).toEqual({ own: 1n });
    expect(attributesOf(makeHostileSpan(Object.create({ inherited: 2 })))).toEqual({});
    expect(attributesOf(makeHostileSpan(Object.assign(Object.create(null), { own: 1 })))).toEqual({
      own: 1n,
    });
  });

  it('writes own properties alone where something has added to Object.prototype', () => {
    const span = makeSpan({ attributes: { a: 'x' } });
    const encoder = createSpanEncoder(options);
    const chunks = createChunks();
    Object.defineProperty(Object.prototype, 'polluted', {
      value: 'y',
      enumerable: true,
      configurable: true,
    });
    const message = encoder.encode({ span, routeKey: undefined }, chunks);
    Reflect.deleteProperty(Object.prototype, 'polluted');
    const { chunk, index } = notError(message);
    const bytes = chunk.bytes.subarray(startOf(chunk, index), startOf(chunk, index + 1));
    expect(bytes.includes('polluted')).toBe(false);
    expect(attributesOf(span)).toEqual({ a: 'x' });
  });

  it('keeps apart more names than it keeps encoded', () => {
    const encoder = createSpanEncoder(options);
    const chunks = createChunks();
    const { resource, instrumentationScope: scope } = makeSpan();
    const names = Array.from({ length: 5000 }, (_, n) => `name.${n}`);
    const encoded = [...names, ...names].map((name) => ({
      message: notError(
        encoder.encode({ span: makeSpanOnce({ [name]: name, fixed: 1 }), routeKey: name }, chunks),
      ),
      resource,
      scope,
    }));
    const body = bytesOf(notError(encoder.createBody(encoded.map(toRun))));
    const decoded = notError(decodeRequest(mediaTypes[protocol], body));
    expect(decoded.map(({ attributes }) => plain(attributes))).toEqual(
      [...names, ...names].map((name) => ({ [name]: name, fixed: 1n, 'signalbox.route': name })),
    );
  });

  it('encodes a span that ends while another one is read', () => {
    const encoder = createSpanEncoder(options);
    const chunks = createChunks();
    const inner = { span: makeSpan({ name: 'inner', attributes: { a: 1, b: 2 } }), routeKey: 'i' };
    const messages = [];
    const span = makeHostileSpan({
      a: 'x',
      get nested() {
        messages.push(notError(encoder.encode(inner, chunks)));
        return 'y';
      },
      b: 'z',
    });
    messages.push(notError(encoder.encode({ span, routeKey: 'o' }, chunks)));
    messages.push(notError(encoder.encode(inner, chunks)));
    const { resource, instrumentationScope: scope } = inner.span;
    const body = bytesOf(
      notError(encoder.createBody(messages.map((message) => toRun({ message, resource, scope })))),
    );
    const decoded = notError(decodeRequest(mediaTypes[protocol], body));
    const innerAttributes = { a: 1n, b: 2n, 'signalbox.route': 'i' };
    expect(decoded.map(({ attributes }) => plain(attributes))).toEqual([
      innerAttributes,
      { a: 'x', nested: 'y', b: 'z', 'signalbox.route': 'o' },
      innerAttributes,
    ]);
  });
});

const base = makeSpan();

/** A span with these attributes, without the cost of the SDK. */
function makeSpanOnce(attributes: object): ReadableSpan {
  return withFields(base, { attributes });
}

function cyclicArray(): unknown[] {
  const array: unknown[] = ['x'];
  array.push(array, array);
  return array;
}

function cyclicMap(): object {
  const map: Record<string, unknown> = { a: 'x' };
  map.b = map;
  map.c = map;
  return map;
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
