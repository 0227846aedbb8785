import { inspect } from 'node:util';
import {
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { CompositePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RoutePropagator, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { recordingExporter, type Service, startService } from '../helpers/service.js';
import {
  HEADER,
  HOST,
  headerOf,
  injected,
  OTHER_TRACE_ID,
  received,
  SECRET,
  settledRoute,
  TRACE_ID,
  withCaller,
} from './calls.js';

const NEXT_SECRET = 'the secret that comes after that one';
const NOW = Date.UTC(2026, 0, 1);
const LIFETIME_MS = 300_000;
const SKEW_MS = 60_000;

let service: Service;
let now: number;
let propagator: RoutePropagator;

beforeEach(() => {
  now = NOW;
  service = startService({
    backends: {
      standard: { exporter: recordingExporter() },
      acme: { exporter: recordingExporter() },
      globex: { exporter: recordingExporter() },
    },
    defaultRoute: 'standard',
  });
  propagator = create();
});

afterEach(() => service.stop());

function create(options: { secret?: string; previousSecret?: string; hosts?: string[] } = {}) {
  return new RoutePropagator({ secret: SECRET, hosts: [HOST], ...options }, () => now);
}

/** The key that a request with this header is settled to, and how many headers were refused for it. */
function outcome(header: unknown, traceId?: string, by = propagator) {
  const before = service.processor.stats().decisions.refused;
  const key = settledRoute(service, received(by, header, traceId));
  return { key, refused: service.processor.stats().decisions.refused - before };
}

const REFUSED = { key: undefined, refused: 1 };

describe('inject', () => {
  it('writes one compact header for a client span whose server is listed', () => {
    const carrier = withRoute('acme', () =>
      injected(service, propagator, withCaller(TRACE_ID, context.active())),
    );
    expect(Object.keys(carrier)).toEqual(propagator.fields());
    expect(carrier[HEADER]).toMatch(/^1\.[\w-]{8}\.1767225900\.[\w-]{43}\.acme$/);
  });

  it('writes the key of the span, wherever it was decided', () => {
    service.inSpan('request', () => {
      setRoute('globex');
      expect(injected(service, propagator, context.active())).toHaveProperty(HEADER);
    });
    withBoundary(() => {
      setRoute('globex');
      expect(injected(service, propagator, context.active())).toHaveProperty(HEADER);
    });
  });

  it('writes nothing while no key is decided, nor where the request is settled to the default route', () => {
    service.inSpan('request', () => {
      expect(injected(service, propagator, context.active())).toEqual({});
    });
    const span = service.tracer.startSpan('request');
    span.end();
    expect(injected(service, propagator, trace.setSpan(ROOT_CONTEXT, span))).toEqual({});
    expect(injected(service, propagator, ROOT_CONTEXT)).toEqual({});
  });

  it('writes nothing for a key that is no valid key', () => {
    withRoute('not a key', () => {
      expect(injected(service, propagator, context.active())).toEqual({});
    });
  });

  it('writes nothing for a span of which nobody knows whose it is', () => {
    const request = withRoute('acme', () => service.tracer.startSpan('request'));
    // A pool that runs one request's callback in the scope of another.
    const pooled = withRoute('globex', () => trace.setSpan(context.active(), request));
    expect(injected(service, propagator, pooled)).toEqual({});
    request.end();
  });

  it('writes nothing once the context of the request has leaked out of it', () => {
    const request = service.tracer.startSpan('request');
    const attributes = { 'server.address': HOST };
    context.with(trace.setSpan(ROOT_CONTEXT, request), () => {
      setRoute('acme');
      const span = service.tracer.startSpan('call', { kind: SpanKind.CLIENT, attributes });
      request.end();
      const carrier = {};
      expect(setRoute('globex')).toBe('conflict');
      propagator.inject(trace.setSpan(context.active(), span), carrier, defaultTextMapSetter);
      expect(carrier).toEqual({});
      span.end();
    });
  });

  it.each([
    ['a server span, whose address is its own', SpanKind.SERVER, { 'server.address': HOST }],
    ['an inner span', SpanKind.INTERNAL, { 'server.address': HOST }],
    ['a producer span', SpanKind.PRODUCER, { 'server.address': HOST }],
    ['a client span that names no server', SpanKind.CLIENT, {}],
    ['a client span to another server', SpanKind.CLIENT, { 'server.address': 'example.com' }],
    ['a client span with a strange address', SpanKind.CLIENT, { 'server.address': [HOST] }],
  ])('writes nothing for %s', (_name, kind, attributes) => {
    withRoute('acme', () => {
      expect(injected(service, propagator, context.active(), attributes, kind)).toEqual({});
    });
  });

  it('takes the address from the older conventions where the newer have none', () => {
    withRoute('acme', () => {
      const older = { 'net.peer.name': HOST };
      const both = { 'net.peer.name': HOST, 'server.address': 'example.com' };
      expect(injected(service, propagator, context.active(), older)).toHaveProperty(HEADER);
      expect(injected(service, propagator, context.active(), both)).toEqual({});
    });
  });

  it.each([
    [['orders'], 'orders', true],
    [['Orders.Internal'], 'orders.INTERNAL', true],
    [['orders.internal'], 'orders.internal.', true],
    [['orders'], 'orders.example.com', false],
    [['*.internal'], 'orders.internal', true],
    [['*.internal'], 'a.b.internal', true],
    [['*.internal'], 'internal', false],
    [['*.internal'], '.internal', false],
    [['*.internal'], 'evilinternal', false],
    [['*.internal'], 'orders.internal.example.com', false],
    [['127.0.0.1'], '127.0.0.1', true],
    [['::1'], '[::1]', true],
    [[], 'orders', false],
  ])('the hosts %j are told the key: %s is %s', (hosts, address, isTold) => {
    const attributes = { 'server.address': address };
    withRoute('acme', () => {
      const carrier = injected(service, create({ hosts }), context.active(), attributes);
      expect(Object.keys(carrier)).toEqual(isTold ? [HEADER] : []);
    });
  });

  it('writes nothing where the active span is not recorded, or is none', () => {
    withRoute('acme', () => {
      for (const parent of [
        context.active(),
        withCaller(TRACE_ID, context.active()),
        trace.setSpanContext(context.active(), INVALID_SPAN_CONTEXT),
      ]) {
        const carrier = {};
        propagator.inject(parent, carrier, defaultTextMapSetter);
        expect(carrier).toEqual({});
      }
    });
  });

  it('throws nothing where the setter does', () => {
    withRoute('acme', () => {
      const attributes = { 'server.address': HOST };
      const span = service.tracer.startSpan('call', { kind: SpanKind.CLIENT, attributes });
      const set = () => {
        throw new Error('read-only');
      };
      const active = trace.setSpan(context.active(), span);
      expect(() => propagator.inject(active, {}, { set })).not.toThrow();
      span.end();
    });
  });
});

describe('extract', () => {
  let header: string;

  beforeEach(() => {
    header = headerOf(service, propagator, 'acme');
  });

  it('takes a key in that another holder of the secret gave to this trace', () => {
    expect(outcome(header)).toEqual({ key: 'acme', refused: 0 });
    expect(outcome([header])).toEqual({ key: 'acme', refused: 0 });
    expect(outcome(header, TRACE_ID, create())).toEqual({ key: 'acme', refused: 0 });
  });

  it('says nothing of a request without the header', () => {
    for (const none of [undefined, null, []]) {
      expect(outcome(none)).toEqual({ key: undefined, refused: 0 });
    }
  });

  it('refuses a header from another trace', () => {
    expect(outcome(header, OTHER_TRACE_ID)).toEqual(REFUSED);
  });

  it('refuses a header that was made with another secret', () => {
    expect(outcome(headerOf(service, create({ secret: NEXT_SECRET }), 'acme'))).toEqual(REFUSED);
  });

  it('refuses a header whose key id was exchanged for a known one', () => {
    const [, id] = header.split('.');
    const other = headerOf(service, create({ secret: NEXT_SECRET }), 'acme');
    expect(outcome(other.replace(/^1\.[^.]*/, `1.${id}`))).toEqual(REFUSED);
  });

  it('refuses a header whose key, expiry or version was exchanged', () => {
    expect(outcome(header.replace(/acme$/, 'globex'))).toEqual(REFUSED);
    expect(outcome(header.replace('1767225900', '1767225901'))).toEqual(REFUSED);
    expect(outcome(header.replace(/^1/, '2'))).toEqual(REFUSED);
  });

  it('refuses a second spelling of the same signature', () => {
    // 43 characters of base64url hold two bits more than 32 bytes; a decoder passes over them.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const [version, id, expiry, mac = '', key] = header.split('.');
    const last = alphabet.indexOf(mac.slice(-1));
    const respelt = mac.slice(0, -1) + alphabet[last + 1];
    expect(Buffer.from(respelt, 'base64url')).toEqual(Buffer.from(mac, 'base64url'));
    expect(outcome([version, id, expiry, respelt, key].join('.'))).toEqual(REFUSED);
  });

  it('refuses more than one header, equal ones included', () => {
    expect(outcome([header, header])).toEqual(REFUSED);
    expect(outcome(`${header}, ${header}`)).toEqual(REFUSED);
    expect(outcome(`${header},`)).toEqual(REFUSED);
  });

  it('refuses what is too long, or is no header value at all', () => {
    expect(outcome(`${header}${'a'.repeat(200)}`)).toEqual(REFUSED);
    expect(outcome('a'.repeat(10_000_000))).toEqual(REFUSED);
    for (const value of [
      '',
      ' ',
      'acme',
      '1....',
      ` ${header}`,
      `${header}\n`,
      7,
      {},
      [[header]],
    ]) {
      expect(outcome(value)).toEqual(REFUSED);
    }
  });

  it('takes the longest key there is', () => {
    const longest = 'k'.repeat(128);
    expect(outcome(headerOf(service, propagator, longest))).toEqual({ key: longest, refused: 0 });
  });

  it.each([
    ['at once', 0, true],
    ['at the end of its life', LIFETIME_MS, true],
    ['a minute after its end, which may be the clocks', LIFETIME_MS + SKEW_MS, true],
    ['later than that', LIFETIME_MS + SKEW_MS + 1, false],
    ['a minute before it was made, which may be the clocks', -SKEW_MS, true],
    ['earlier than that', -SKEW_MS - 1, false],
  ])('a header that arrives %s', (_name, laterMs, isTaken) => {
    now = NOW + laterMs;
    expect(outcome(header)).toEqual(isTaken ? { key: 'acme', refused: 0 } : REFUSED);
  });

  it('takes keys of the previous secret, and signs with the current one', () => {
    const rotated = create({ secret: NEXT_SECRET, previousSecret: SECRET });
    const next = create({ secret: NEXT_SECRET });
    expect(outcome(header, TRACE_ID, rotated)).toEqual({ key: 'acme', refused: 0 });
    expect(outcome(header, TRACE_ID, next)).toEqual(REFUSED);

    const fresh = headerOf(service, rotated, 'acme');
    expect(outcome(fresh, TRACE_ID, next)).toEqual({ key: 'acme', refused: 0 });
    expect(outcome(fresh, TRACE_ID, propagator)).toEqual(REFUSED);
  });

  it('refuses a header that comes without a trace', () => {
    const extracted = propagator.extract(ROOT_CONTEXT, { [HEADER]: header }, defaultTextMapGetter);
    expect(settledRoute(service, extracted)).toBeUndefined();
    expect(service.processor.stats().decisions.refused).toBe(1);
  });

  it('refuses a header where the trace is one of this service itself', () => {
    const span = service.tracer.startSpan('request', {}, withCaller());
    const local = trace.setSpan(ROOT_CONTEXT, span);
    propagator.extract(local, { [HEADER]: header }, defaultTextMapGetter);
    span.end();
    expect(service.processor.stats().decisions.refused).toBe(1);
  });

  it('works in a CompositePropagator after the one that extracts the trace, and not before', () => {
    const carrier = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, [HEADER]: header };
    const [after, before] = [
      [new W3CTraceContextPropagator(), propagator],
      [propagator, new W3CTraceContextPropagator()],
    ].map((propagators) =>
      new CompositePropagator({ propagators }).extract(ROOT_CONTEXT, carrier, defaultTextMapGetter),
    );
    expect(settledRoute(service, after ?? ROOT_CONTEXT)).toBe('acme');
    expect(settledRoute(service, before ?? ROOT_CONTEXT)).toBeUndefined();
  });

  it('forgets what an outer extraction found, whatever its own finds', () => {
    const outer = received(propagator, header);
    for (const value of [undefined, 'forged']) {
      const inner = received(propagator, value, TRACE_ID, outer);
      expect(settledRoute(service, inner)).toBeUndefined();
    }
  });

  it('throws nothing where the getter does', () => {
    const get = () => {
      throw new Error('closed');
    };
    const extracted = propagator.extract(withCaller(), {}, { get, keys: () => [] });
    expect(settledRoute(service, extracted)).toBeUndefined();
  });
});

it('shows its secrets to nobody who looks at it', () => {
  const rotated = create({ previousSecret: NEXT_SECRET });
  const shown = inspect(rotated, { depth: 10, showHidden: true }) + JSON.stringify(rotated);
  expect(shown).not.toContain('secret of all');
  expect(shown).not.toContain('comes after');
});
