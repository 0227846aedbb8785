import { createHmac } from 'node:crypto';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttributeView, BackendView } from '../../src/config/resolved.js';
import { createSizeEstimate } from '../../src/encoding/estimate.js';
import { takeSnapshot } from '../../src/encoding/snapshot.js';
import { createSpanEncoders } from '../../src/encoding/span-encoder.js';
import { createSpanView } from '../../src/encoding/span-view.js';
import { decodeRequest } from '../../src/receiver/decode.js';
import type { ReadableSpan, Resource } from '../../src/sdk.js';
import { plainAttributes } from '../helpers/receiver.js';
import { bytesOf, decodeSpans, encodeBody, notError, unrouted } from './encoding.js';
import { attributedScope, makeRandomSpans } from './random-spans.js';
import { makeSpan } from './span-fixtures.js';

const KEY = 'a key of thirty-two bytes or more';
const protocols = ['http/protobuf', 'http/json'] as const;

function viewOf(view: Partial<AttributeView>): AttributeView {
  return { drop: [], hash: undefined, truncate: {}, ...view };
}

const view = viewOf({
  drop: ['secret*'],
  hash: { attributes: ['user.id'], key: KEY },
  truncate: { prompt: 3 },
});

const told = { 'secret.a': 'seen', 'user.id': 'ann', prompt: 'hello', other: 1 };
const shown = {
  'user.id': createHmac('sha256', KEY).update('ann').digest('hex'),
  prompt: 'hel',
  other: 1,
};

/** A span that tells the same wherever there are attributes. */
function makeTelling(): ReadableSpan {
  const span = makeSpan({
    attributes: told,
    events: [{ name: 'e', attributes: told }],
    links: [told],
  });
  return {
    ...takeSnapshot(span),
    resource: { attributes: told },
    instrumentationScope: attributedScope(told),
  };
}

describe.each(protocols)('a view of attributes, by %s,', (protocol) => {
  const options = { protocol, routeAttribute: 'signalbox.route', attributes: view };

  it('is of span, event, link, resource and scope', () => {
    const [span] = decodeSpans(options, unrouted([makeTelling()]));
    expect(plainAttributes(span?.attributes ?? [])).toEqual(shown);
    expect(plainAttributes(span?.events[0]?.attributes ?? [])).toEqual(shown);
    expect(plainAttributes(span?.links[0]?.attributes ?? [])).toEqual(shown);
    expect(plainAttributes(span?.resource.attributes ?? [])).toEqual(shown);
    expect(plainAttributes(span?.scope.attributes ?? [])).toEqual(shown);
  });

  it('leaves nothing of what is dropped in the body', () => {
    const body = bytesOf(encodeBody(options, unrouted([makeTelling()])));
    for (const trace of ['secret', 'seen', 'ann', 'hello'])
      expect(body.includes(trace)).toBe(false);
  });

  it('does not touch the attribute of the route key', () => {
    const dropping = { ...options, attributes: viewOf({ drop: ['*'] }) };
    const span = makeSpan({ attributes: { 'signalbox.route': 'forged', a: 1 } });
    const [decoded] = decodeSpans(dropping, [{ span, routeKey: 'acme' }]);
    expect(plainAttributes(decoded?.attributes ?? [])).toEqual({ 'signalbox.route': 'acme' });
  });

  it('does not bring back a parent that the configuration owns', () => {
    const hashing = viewOf({ hash: { attributes: ['*'], key: KEY } });
    const span = makeSpan({ attributes: { 'braintrust.parent': 'project_name:other' } });
    const owning = { ...options, attributes: hashing, parent: 'project_name:own' };
    expect(decodeSpans(owning, unrouted([span]))[0]?.attributes).toEqual([]);
  });

  it('changes nothing of the span, nor of what other backends are sent', () => {
    const span = makeTelling();
    const plain = { protocol, routeAttribute: undefined };
    const before = bytesOf(encodeBody(plain, unrouted([span])));
    encodeBody(options, unrouted([span]));
    createSpanView(options)({ span, routeKey: 'acme' });
    expect(span.attributes).toEqual(told);
    expect(bytesOf(encodeBody(plain, unrouted([span])))).toEqual(before);
  });

  it('waits for attributes of the resource that are still pending', () => {
    let attributes = {};
    let asyncAttributesPending = true;
    const resource: Resource = {
      get asyncAttributesPending() {
        return asyncAttributesPending;
      },
      get attributes() {
        return attributes;
      },
    };
    const span = { ...makeTelling(), resource };
    const seen = createSpanView(options)({ span, routeKey: undefined }).resource;
    expect(seen.asyncAttributesPending).toBe(true);
    expect(seen.attributes).toEqual({});
    attributes = told;
    asyncAttributesPending = false;
    expect(seen.asyncAttributesPending).toBe(false);
    expect(seen.attributes).toEqual(shown);
  });
});

const names = fc.constantFrom('attribute.number.1*', '*9', '*7*', 'scope.*', 'attribute.*');
const views = fc.record({
  drop: fc.array(names, { maxLength: 2 }),
  hash: fc.option(
    fc.record({ attributes: fc.array(names, { maxLength: 2 }), key: fc.constant(KEY) }),
    {
      nil: undefined,
    },
  ),
  truncate: fc.dictionary(names, fc.integer({ min: 1, max: 40 }), { maxKeys: 2 }),
});

describe('a view of random spans', () => {
  it('is the same to the encoder as to an exporter made elsewhere', () => {
    fc.assert(
      fc.property(fc.integer(), views, (seed, attributes) => {
        const options = { routeAttribute: 'signalbox.route', attributes };
        const show = createSpanView(options);
        const routed = makeRandomSpans(seed, 20).map((span) => ({ span, routeKey: 'acme' }));
        const own = bytesOf(encodeBody({ ...options, protocol: 'http/protobuf' }, routed));
        const official: { serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined } =
          ProtobufTraceSerializer;
        const expected = Buffer.from(official.serializeRequest(routed.map(show)) ?? []);
        if (!own.equals(expected)) expect(own.toString('hex')).toBe(expected.toString('hex'));
      }),
      { numRuns: 60 },
    );
  });

  it('is the same in JSON', () => {
    fc.assert(
      fc.property(fc.integer(), views, (seed, attributes) => {
        const options = { routeAttribute: undefined, attributes };
        const spans = unrouted(makeRandomSpans(seed, 20));
        expect(decodeSpans({ ...options, protocol: 'http/json' }, spans)).toEqual(
          decodeSpans({ ...options, protocol: 'http/protobuf' }, spans),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('can be read by the official serializer of JSON', () => {
    const span = createSpanView({ routeAttribute: undefined, attributes: view })({
      span: makeTelling(),
      routeKey: undefined,
    });
    const official: { serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined } =
      JsonTraceSerializer;
    const body = official.serializeRequest([span]) ?? new Uint8Array();
    const [decoded] = notError(decodeRequest('application/json', body));
    expect(plainAttributes(decoded?.resource.attributes ?? [])).toEqual(shown);
  });
});

describe('an encoder', () => {
  const encoderOf = createSpanEncoders('signalbox.route');
  const backend = { protocol: 'http/protobuf', parent: undefined } as const;
  const everything: BackendView = { filter: 'all', attributes: undefined, change: undefined };
  const withView = (over: Partial<BackendView>) =>
    encoderOf({ ...backend, view: { ...everything, ...over } });

  it('is shared by backends of the same view, by its content', () => {
    expect(withView({ attributes: { ...view } })).toBe(withView({ attributes: view }));
    expect(withView({ filter: 'ai' })).toBe(encoderOf(backend));
    const change = (span: ReadableSpan) => span;
    expect(withView({ change })).toBe(withView({ change, filter: 'ai' }));
  });

  it('is another for another view, and for another function', () => {
    const encoders = [
      encoderOf(backend),
      withView({ attributes: view }),
      withView({ attributes: { ...view, hash: { attributes: ['user.id'], key: `${KEY}.` } } }),
      withView({ change: (span) => span }),
      withView({ change: (span) => span }),
      encoderOf({ ...backend, protocol: 'http/json', view: { ...everything, attributes: view } }),
    ];
    expect(new Set(encoders).size).toBe(encoders.length);
  });

  it('tells what need not be kept of a large span', () => {
    const { omits } = withView({ attributes: view });
    const snapshot = takeSnapshot(makeTelling(), omits);
    const { 'secret.a': _, ...kept } = told;
    expect(snapshot.attributes).toEqual(kept);
    expect(snapshot.events[0]?.attributes).toEqual(kept);
    expect(snapshot.links[0]?.attributes).toEqual(kept);
    const estimate = createSizeEstimate('http/protobuf', undefined);
    const sizeOf = (span: ReadableSpan) => estimate({ span, routeKey: undefined });
    expect(sizeOf(snapshot)).toBeLessThan(sizeOf(makeTelling()));
    expect(encoderOf(backend).omits).toBeUndefined();
  });
});
