import { resourceFromAttributes } from '@opentelemetry/resources';
import { describe, expect, it } from 'vitest';
import { createEncoder, type EncoderOptions } from '../../src/encoding/encoder.js';
import type { RoutedSpan } from '../../src/encoding/routed-span.js';
import { makeHostileSpan, makeSpan } from './span-fixtures.js';

interface JsonBody {
  resourceSpans: { scopeSpans: { spans: { name: string; attributes: KeyValue[] }[] }[] }[];
}
interface KeyValue {
  key: string;
  value: { stringValue?: string };
}

const options: EncoderOptions = {
  protocol: 'http/json',
  routeAttribute: 'signalbox.route',
  parent: undefined,
};

/** The string attributes of each span in the body, in order. */
function encoded(spans: readonly RoutedSpan[], changed: Partial<EncoderOptions> = {}) {
  const body = createEncoder({ ...options, ...changed }).encode(spans);
  const { resourceSpans }: JsonBody = JSON.parse(new TextDecoder().decode(body));
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ attributes }) =>
      Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue])),
    );
}

describe('the encoder', () => {
  it.each([
    { protocol: 'http/protobuf', contentType: 'application/x-protobuf' },
    { protocol: 'http/json', contentType: 'application/json' },
  ] as const)('names $contentType for $protocol', ({ protocol, contentType }) => {
    expect(createEncoder({ ...options, protocol }).contentType).toBe(contentType);
  });

  it('writes the route key, whatever the application wrote under its name', () => {
    const spans = [
      { span: makeSpan({ attributes: { a: '1' } }), routeKey: 'acme' },
      { span: makeSpan({ attributes: { 'signalbox.route': 'globex' } }), routeKey: 'acme' },
    ];
    expect(encoded(spans)).toEqual([
      { a: '1', 'signalbox.route': 'acme' },
      { 'signalbox.route': 'acme' },
    ]);
  });

  it('removes what the application wrote there from a span that carries no route key', () => {
    const span = makeSpan({ attributes: { a: '1', 'signalbox.route': 'globex' } });
    expect(encoded([{ span, routeKey: undefined }])).toEqual([{ a: '1' }]);
  });

  it('writes the route key under the configured name', () => {
    const spans = [{ span: makeSpan(), routeKey: 'acme' }];
    expect(encoded(spans, { routeAttribute: 'tenant' })).toEqual([{ tenant: 'acme' }]);
  });

  it('leaves the attribute alone where it is turned off', () => {
    const span = makeSpan({ attributes: { 'signalbox.route': 'globex' } });
    expect(encoded([{ span, routeKey: 'acme' }], { routeAttribute: undefined })).toEqual([
      { 'signalbox.route': 'globex' },
    ]);
  });

  it('keeps a span from naming another parent than the configured one', () => {
    const span = makeSpan({ attributes: { a: '1', 'braintrust.parent': 'project_name:other' } });
    const spans = [{ span, routeKey: undefined }];
    expect(encoded(spans, { parent: 'project_name:checkout' })).toEqual([{ a: '1' }]);
    expect(encoded(spans)).toEqual([{ a: '1', 'braintrust.parent': 'project_name:other' }]);
  });

  it('never changes the span', () => {
    const attributes = { 'signalbox.route': 'globex', 'braintrust.parent': 'other' };
    const span = makeSpan({ attributes });
    encoded([{ span, routeKey: 'acme' }], { parent: 'project_name:checkout' });
    expect(span.attributes).toEqual(attributes);
  });

  it.each(['http/protobuf', 'http/json'] as const)(
    'encodes a span whose attributes were replaced as the same span made with them, in %s',
    (protocol) => {
      const wish = {
        name: 'chat',
        events: [{ name: 'token', attributes: { n: 1 } }],
        links: [{ a: 'b' }],
        statusMessage: 'aborted',
      };
      const made = makeSpan({ ...wish, attributes: { a: 1, 'signalbox.route': 'acme' } });
      const written = makeSpan({ ...wish, attributes: { a: 1 } });
      const same = Object.create(written, {
        spanContext: { value: () => made.spanContext() },
        ...Object.fromEntries(
          (['startTime', 'endTime', 'events', 'links', 'resource', 'duration'] as const).map(
            (field) => [field, { value: made[field] }],
          ),
        ),
      });
      const encoder = createEncoder({ ...options, protocol });
      const untouched = createEncoder({ ...options, protocol, routeAttribute: undefined });
      expect(encoder.encode([{ span: same, routeKey: 'acme' }])).toEqual(
        untouched.encode([{ span: made, routeKey: undefined }]),
      );
    },
  );

  it('keeps the order of spans within a resource and scope', () => {
    const resource = resourceFromAttributes({});
    const { instrumentationScope } = makeSpan();
    const spans = ['0', '1', '2'].map((n) => ({
      span: Object.create(makeSpan({ attributes: { n } }), {
        resource: { value: resource },
        instrumentationScope: { value: instrumentationScope },
      }),
      routeKey: undefined,
    }));
    expect(encoded(spans)).toEqual([{ n: '0' }, { n: '1' }, { n: '2' }]);
  });

  it.each(['http/protobuf', 'http/json'] as const)(
    'throws on a span that can not be read, in %s',
    (protocol) => {
      const span = makeHostileSpan({
        get broken(): string {
          throw new Error('broken');
        },
      });
      const encoder = createEncoder({ ...options, protocol });
      expect(() => encoder.encode([{ span, routeKey: undefined }])).toThrow('broken');
    },
  );
});
