import {
  type Attributes,
  type AttributeValue,
  createTraceState,
  type HrTime,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter as StockExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RoutingSpanProcessor } from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';

type Protocol = 'http/protobuf' | 'http/json';

/** What a test wants of a span; the SDK makes the rest of it. */
interface Wish {
  readonly name?: string;
  readonly kind?: SpanKind;
  /** Set through the API, which refuses some. */
  readonly attributes?: Attributes;
  /** Written past the API's checks, as other span processors can. */
  readonly unchecked?: Readonly<Record<string, unknown>>;
  readonly events?: readonly { name: string; attributes?: Attributes; time?: HrTime }[];
  readonly links?: readonly Link[];
  readonly status?: SpanStatus;
  readonly parent?: SpanContext;
  readonly startTime?: HrTime;
  /** Index into the resources, and into the scopes. */
  readonly resource?: number;
  readonly scope?: number;
}

const resources: readonly Resource[] = [
  resourceFromAttributes({ 'service.name': 'shop', 'process.pid': 7, 'host.name': undefined }),
  resourceFromAttributes(
    { 'service.name': 'till', 'host.arch': ['arm64', null, 'é'] as AttributeValue },
    { schemaUrl: 'https://opentelemetry.io/schemas/1.30.0' },
  ),
  resourceFromAttributes({ 'service.name': 'late', 'host.id': Promise.resolve('asked for') }),
];

const scopes: readonly [name: string, version?: string, options?: { schemaUrl?: string }][] = [
  ['plain'],
  ['versioned', '1.2.3-beta+é'],
  ['with-schema', '2.0.0', { schemaUrl: 'https://example.com/schema' }],
  [''],
];

const ROUTE_ATTRIBUTE = 'signalbox.route';

/**
 * The stock exporter and signalbox behind the same tracers: what one is handed, the other is. Both send to
 * one receiver, each under a path of its own.
 *
 * The stock one sends protobuf in any case: the JSON of OpenTelemetry's own has unpaired surrogates, `null` for
 * what is not finite, and integers beyond 64 bits.
 */
function openBoth(receiver: TestReceiver, protocol: Protocol) {
  const stock = new BatchSpanProcessor(
    new StockExporter({ url: `${receiver.url}/stock/v1/traces` }),
    { scheduledDelayMillis: 600_000 },
  );
  const signalbox = new RoutingSpanProcessor({
    backends: {
      mine: {
        tracesEndpoint: `${receiver.url}/signalbox/v1/traces`,
        protocol,
        scheduleDelayMs: 600_000,
      },
    },
    defaultRoute: 'mine',
  });

  const unchecked = new Map<string, Readonly<Record<string, unknown>>>();
  const meddler: SpanProcessor = {
    onStart() {},
    onEnding(span) {
      Object.assign(span.attributes, unchecked.get(span.spanContext().spanId));
    },
    onEnd() {},
    async forceFlush() {},
    async shutdown() {},
  };
  const providers = resources.map(
    (resource) =>
      new BasicTracerProvider({
        resource,
        spanProcessors: [meddler, stock, signalbox],
        // Low, so that there is something to drop.
        spanLimits: {
          attributeCountLimit: 12,
          eventCountLimit: 3,
          linkCountLimit: 3,
          attributePerEventCountLimit: 3,
          attributePerLinkCountLimit: 3,
        },
      }),
  );

  function make(wish: Wish): void {
    const tracer = providers[wish.resource ?? 0]?.getTracer(...(scopes[wish.scope ?? 0] ?? ['']));
    const parent =
      wish.parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, wish.parent);
    const span = tracer?.startSpan(
      wish.name ?? 'work',
      {
        kind: wish.kind ?? SpanKind.INTERNAL,
        attributes: wish.attributes ?? {},
        links: [...(wish.links ?? [])],
        ...(wish.startTime === undefined ? {} : { startTime: wish.startTime }),
      },
      parent,
    );
    if (span === undefined) throw new RangeError('there is no such resource');
    for (const { name, attributes, time } of wish.events ?? []) {
      span.addEvent(name, attributes, time);
    }
    if (wish.status !== undefined) span.setStatus(wish.status);
    if (wish.unchecked !== undefined) unchecked.set(span.spanContext().spanId, wish.unchecked);
    span.end();
  }

  return {
    /** Makes the spans, sends them both ways, and resolves with what arrived, in order. */
    async send(wishes: readonly Wish[]) {
      const before = { stock: receiver.spans('stock'), mine: receiver.spans('signalbox') };
      for (const wish of wishes) make(wish);
      await Promise.all([stock.forceFlush(), signalbox.forceFlush()]);
      return {
        stock: receiver.spans('stock').slice(before.stock.length),
        signalbox: receiver.spans('signalbox').slice(before.mine.length),
      };
    },
    async close() {
      await Promise.all([stock.shutdown(), signalbox.shutdown()]);
    },
  };
}

function withoutRoute(span: ReceivedSpan): ReceivedSpan {
  return { ...span, attributes: span.attributes.filter(({ key }) => key !== ROUTE_ATTRIBUTE) };
}

function routesOf({ attributes }: ReceivedSpan) {
  return attributes.filter(({ key }) => key === ROUTE_ATTRIBUTE).map(({ value }) => value);
}

const remote: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
  traceState: createTraceState('vendor=opaque,other=1'),
  isRemote: true,
};

const mebibyte = 2 ** 20;

const examples: [string, Wish[]][] = [
  ['a span with nothing in it', [{ name: '' }]],
  [
    'every type of attribute',
    [
      {
        attributes: {
          string: 'é 𝄞 \u0000',
          empty: '',
          boolean: false,
          integer: 42,
          double: 0.1,
          strings: ['a', '', 'ü'],
          numbers: [1, 2.5, -3],
          booleans: [true, false],
        },
      },
    ],
  ],
  [
    'null, empty and mixed arrays',
    [
      {
        attributes: { none: [], nulls: [null, undefined], holes: ['a', null, 'b'] },
        unchecked: {
          mixed: [1, 'a', true, null, 0.5, [], [[1]]],
          nothing: null,
          absent: undefined,
        },
      },
      { events: [{ name: 'e', attributes: { nothing: null as never, holes: [1, null] } }] },
    ],
  ],
  [
    'objects and bytes',
    [
      {
        unchecked: {
          bytes: Uint8Array.of(0, 127, 128, 255),
          noBytes: new Uint8Array(),
          object: { a: 1, b: { c: [{ d: null }] } },
          noObject: {},
          list: [{ role: 'user' }, Uint8Array.of(1)],
          date: new Date(0),
          function: () => {},
          bigint: 1n,
        },
      },
    ],
  ],
  [
    'unpaired surrogates',
    [
      {
        name: 'a\ud800',
        attributes: { '\udc00key': '\ud800', list: ['x\udfffy', '\ud83d'] },
        events: [{ name: '\ud800', attributes: { a: '\udbff' } }],
        status: { code: SpanStatusCode.ERROR, message: '\udead' },
      },
    ],
  ],
  [
    'numbers at their limits',
    [
      {
        attributes: {
          nan: Number.NaN,
          infinities: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
          zeros: [0, -0],
          smallest: Number.MIN_VALUE,
          fractions: [1e-7, -1.5, 123_456_789.125],
        },
      },
      {
        attributes: {
          safe: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
          beyond: [2 ** 53, 2 ** 53 + 2, -(2 ** 53) - 2, 2 ** 62, 2 ** 63 - 1024, -(2 ** 63)],
          words: [2 ** 31, 2 ** 32, 2 ** 32 + 1, -1, -(2 ** 31), -(2 ** 32)],
        },
      },
    ],
  ],
  [
    'strings of 1 MiB',
    [
      { attributes: { ascii: 'a'.repeat(mebibyte) } },
      { name: 'é'.repeat(mebibyte / 2), attributes: { wide: '𝄞'.repeat(mebibyte / 4) } },
    ],
  ],
  [
    'events, links, status and trace state',
    [
      {
        kind: SpanKind.SERVER,
        parent: remote,
        startTime: [1_700_000_000, 999_999_999],
        events: [
          { name: 'first', time: [1_700_000_000, 1], attributes: { n: 1 } },
          { name: 'bare', time: [1_700_000_001, 0] },
        ],
        links: [
          { context: remote, attributes: { why: 'batch' } },
          { context: { ...remote, isRemote: false, traceFlags: TraceFlags.NONE } },
        ],
        status: { code: SpanStatusCode.ERROR, message: 'failed' },
      },
      { kind: SpanKind.CLIENT, status: { code: SpanStatusCode.OK } },
      { kind: SpanKind.PRODUCER, parent: { ...remote, isRemote: false } },
      { kind: SpanKind.CONSUMER, status: { code: SpanStatusCode.ERROR } },
    ],
  ],
  [
    'dropped counts',
    [
      {
        attributes: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`key${n}`, n])),
        events: Array.from({ length: 5 }, (_, n) => ({
          name: `event${n}`,
          attributes: { a: 1, b: 2, c: 3, d: 4, e: 5 },
        })),
        links: Array.from({ length: 7 }, () => ({
          context: remote,
          attributes: { a: 1, b: 2, c: 3, d: 4 },
        })),
      },
    ],
  ],
  [
    'several scopes and resources, interleaved',
    Array.from({ length: 24 }, (_, n) => ({
      name: `span ${n}`,
      resource: n % resources.length,
      scope: n % scopes.length,
    })),
  ],
  [
    'an application that writes the route attribute itself',
    [{ attributes: { [ROUTE_ATTRIBUTE]: 'somebody-else', other: 1 } }],
  ],
];

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  // Any sequence of UTF-16 units, surrogates without their pair among them.
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
);
const key = text.filter((value) => value !== '' && value !== '__proto__');
const integer = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map(Number)
  .filter((value) => value < 2 ** 63);
const number = fc.oneof(fc.integer(), integer, fc.double());
const primitive = fc.oneof(text, number, fc.boolean());
const checked: fc.Arbitrary<AttributeValue> = fc.oneof(
  primitive,
  fc.array(fc.option(text)),
  fc.array(fc.option(number)),
  fc.array(fc.option(fc.boolean())),
);
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    primitive,
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(key, tie('value')),
  ),
}));
const attributes = fc.dictionary(key, checked, { maxKeys: 16 });
const id = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .filter((value) => value.some((byte) => byte !== 0))
    .map((value) => Buffer.from(value).toString('hex'));
const time = fc.tuple(fc.nat(2 ** 31), fc.nat(999_999_999)) as fc.Arbitrary<HrTime>;
const spanContext: fc.Arbitrary<SpanContext> = fc
  .record({
    traceId: id(16),
    spanId: id(8),
    // A parent that is not sampled has children that are not exported.
    traceFlags: fc.constant(TraceFlags.SAMPLED),
    isRemote: fc.boolean(),
    state: fc.constantFrom('', 'a=1', 'vendor=opaque value,b@c=2'),
  })
  .map(({ state, ...context }) =>
    state === '' ? context : { ...context, traceState: createTraceState(state) },
  );
const wish: fc.Arbitrary<Wish> = fc.record(
  {
    name: text,
    kind: fc.constantFrom(
      SpanKind.INTERNAL,
      SpanKind.SERVER,
      SpanKind.CLIENT,
      SpanKind.PRODUCER,
      SpanKind.CONSUMER,
    ),
    attributes,
    unchecked: fc.dictionary(key, anything, { maxKeys: 4 }),
    events: fc.array(fc.record({ name: text, attributes, time }), { maxLength: 5 }),
    links: fc.array(fc.record({ context: spanContext, attributes }), { maxLength: 5 }),
    status: fc.record({
      code: fc.constantFrom(SpanStatusCode.UNSET, SpanStatusCode.OK, SpanStatusCode.ERROR),
      message: text,
    }),
    parent: spanContext,
    startTime: time,
    resource: fc.nat(resources.length - 1),
    scope: fc.nat(scopes.length - 1),
  },
  { requiredKeys: [] },
);

describe.each<Protocol>(['http/protobuf', 'http/json'])('what arrives over %s', (protocol) => {
  let receiver: TestReceiver;
  let both: ReturnType<typeof openBoth>;

  beforeAll(async () => {
    receiver = await startReceiver();
    both = openBoth(receiver, protocol);
  });

  afterAll(async () => {
    await both.close();
    await receiver.stop();
  });

  async function expectNoDifference(wishes: readonly Wish[]): Promise<void> {
    const { stock, signalbox } = await both.send(wishes);
    expect(stock).toHaveLength(wishes.length);
    expect(signalbox.map(withoutRoute)).toEqual(stock.map(withoutRoute));
    expect(signalbox.flatMap(routesOf)).toEqual(
      stock.map(() => ({ type: 'string', value: 'mine' })),
    );
  }

  it.each(examples)('is what the stock exporter sends: %s', async (_, wishes) => {
    await expectNoDifference(wishes);
  });

  it('is what the stock exporter sends, whatever the spans', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { minLength: 1, maxLength: 6 }), expectNoDifference),
      { numRuns: 60 },
    );
  });
});
