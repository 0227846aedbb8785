import { describe, expect, it } from 'vitest';
import { createSizeEstimate } from '../../src/encoding/estimate.js';
import type { Encoding, RoutedSpan } from '../../src/encoding/routed-span.js';
import { createSpanEncoders, type SpanEncoder } from '../../src/encoding/span-encoder.js';
import { createMemory } from '../../src/exporter/memory.js';
import type { Kept, Run } from '../../src/exporter/run.js';
import { type Body, createWire } from '../../src/exporter/wire.js';
import { decodeRequest, type MediaType } from '../../src/receiver/decode.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { makeHostileSpan, makeSpan } from '../encoding/span-fixtures.js';
import { createBench, delivered } from './fixtures.js';

const ROUTE_ATTRIBUTE = 'signalbox.route';
const LARGE = 'x'.repeat(100_000);

function createTestWire(encoder: SpanEncoder) {
  return createWire({
    backend: { compression: 'none', maxConcurrentExports: 1 },
    encoder,
    estimateBytes: createSizeEstimate('http/protobuf', ROUTE_ATTRIBUTE),
    openTransport() {
      throw new Error('nothing is sent here');
    },
  });
}

const protobuf = { protocol: 'http/protobuf', parent: undefined } as const;
const json = { protocol: 'http/json', parent: undefined } as const;

function notError<T>(value: T | Error): T {
  if (value instanceof Error) throw value;
  return value;
}

/** One span as a queue would hold it. */
function runOf(kept: Kept, { span }: RoutedSpan): Run {
  const { resource, instrumentationScope: scope } = span;
  const { index } = kept;
  const run = { from: index, to: index + 1, resource, scope, sequence: 0, acceptedAtMs: 0 };
  return kept.chunk === undefined
    ? { ...run, chunk: undefined, kept }
    : { ...run, chunk: kept.chunk, kept: undefined };
}

function decode({ parts }: Body, type: MediaType = 'application/x-protobuf'): ReceivedSpan[] {
  return notError(decodeRequest(type, Buffer.concat(parts)));
}

function attributeOf(span: ReceivedSpan | undefined, key: string): unknown {
  return span?.attributes.find((attribute) => attribute.key === key)?.value.value;
}

describe('a large span', () => {
  const encoderOf = createSpanEncoders(ROUTE_ATTRIBUTE);

  it('is encoded with its batch, as it was when it ended', () => {
    const wire = createTestWire(encoderOf(protobuf));
    const list = ['before'];
    const bytes = Uint8Array.of(1);
    const attributes: Record<string, unknown> = { prompt: LARGE, list, map: { list }, bytes };
    const routed = { span: makeHostileSpan(attributes), routeKey: 'acme' };
    const kept = notError(wire.take(routed, undefined));
    expect(kept.chunk).toBeUndefined();
    const runs = [runOf(kept, routed)];
    attributes.prompt = 'after';
    list[0] = 'after';
    bytes[0] = 2;

    const { parcel, runs: packed } = notError(wire.pack(runs, undefined));

    const [span] = decode(parcel);
    expect(attributeOf(span, 'prompt')).toBe(LARGE);
    expect(attributeOf(span, 'list')).toMatchObject([{ value: 'before' }]);
    expect(attributeOf(span, 'map')).toMatchObject([{ value: { value: [{ value: 'before' }] } }]);
    expect(attributeOf(span, 'bytes')).toEqual(Uint8Array.of(1));
    expect(attributeOf(span, ROUTE_ATTRIBUTE)).toBe('acme');
    expect(packed.map(({ chunk }) => chunk)).not.toContain(undefined);
  });

  it('keeps all that a small one would have', () => {
    const wire = createTestWire(encoderOf(protobuf));
    const wish = {
      name: 'work',
      attributes: { __proto__x: 1, prompt: LARGE, list: [1, 2.5] },
      events: [{ name: 'event', attributes: { a: true } }],
      links: [{ why: 'batch' }],
      statusMessage: 'failed',
    };
    const routed = { span: makeSpan(wish), routeKey: undefined };
    const { parcel } = notError(
      wire.pack([runOf(notError(wire.take(routed, undefined)), routed)], undefined),
    );
    const encoder = encoderOf(json);
    const other = createTestWire(encoder);
    const { parcel: asJson } = notError(
      other.pack([runOf(notError(other.take(routed, undefined)), routed)], undefined),
    );
    expect(decode(parcel)).toEqual(decode(asJson, 'application/json'));
    const [span] = decode(parcel);
    expect(span).toMatchObject({
      name: 'work',
      status: { message: 'failed' },
      events: [{ name: 'event' }],
      links: [{ attributes: [{ key: 'why' }] }],
    });
  });

  it('carries the bytes that a pooled buffer had when it ended', () => {
    const wire = createTestWire(encoderOf(protobuf));
    const pooled = Buffer.alloc(100_000, 'a');
    const routed = { span: makeHostileSpan({ body: pooled }), routeKey: undefined };
    const run = runOf(notError(wire.take(routed, undefined)), routed);
    pooled.fill('b');
    const [span] = decode(notError(wire.pack([run], undefined)).parcel);
    expect(attributeOf(span, 'body')).toEqual(new Uint8Array(100_000).fill(0x61));
  });

  it('is copied once where it reaches an object by many paths', () => {
    let reads = 0;
    let node: object = {
      get leaf() {
        reads += 1;
        return 1;
      },
    };
    for (let depth = 0; depth < 30; depth += 1) node = { left: node, right: node };
    const wire = createTestWire(encoderOf(protobuf));
    wire.take({ span: makeHostileSpan({ text: LARGE, node }), routeKey: undefined }, undefined);
    expect(reads).toBeLessThan(100_000);
  });

  it('may have a span context of accessors, as a small one may', () => {
    class Context {
      get traceId() {
        return '1'.repeat(32);
      }
      get spanId() {
        return '2'.repeat(16);
      }
      get traceFlags() {
        return 1;
      }
    }
    const wire = createTestWire(encoderOf(protobuf));
    const span = Object.create(makeSpan({ attributes: { LARGE } }), {
      spanContext: { value: () => new Context() },
    });
    const routed = { span, routeKey: undefined };
    const { parcel } = notError(
      wire.pack([runOf(notError(wire.take(routed, undefined)), routed)], undefined),
    );
    expect(decode(parcel).map(({ spanId }) => spanId)).toEqual(['2'.repeat(16)]);
  });

  it('is counted by what it takes, and by its bytes once it is encoded', async () => {
    const bench = createBench({ answer: () => undefined });
    bench.accept(1, 1, 100_000);
    expect(bench.memory.usedBytes).toBeGreaterThan(100_000);
    void bench.exporter.flush();
    await bench.clock.advance(0);
    const size = bench.sent[0]?.request.body.size ?? 0;
    expect(size).toBeGreaterThan(100_000);
    expect(bench.memory.usedBytes - size).toBeLessThan(200);
    await bench.answer(0, delivered);
    expect(bench.memory.usedBytes).toBe(0);
    expect(bench.batches).toEqual([[1]]);
  });

  it('is dropped as it ends where it can not be read', () => {
    const bench = createBench();
    const attributes = {
      prompt: LARGE,
      get broken(): string {
        throw new Error('broken');
      },
    };
    bench.exporter.accept({ span: makeHostileSpan(attributes), routeKey: undefined });
    expect(bench.dropped).toEqual({ encode_error: 1 });
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('is dropped as too large beyond 64 MiB, and the others of its batch are not', async () => {
    const memory = createMemory(2 ** 28);
    const bench = createBench({
      memory,
      answer: () => delivered,
      backend: { maxExportBatchBytes: 2 ** 28 },
    });
    const text = 'x'.repeat(2 ** 24);
    const attributes = { a: text, b: text, c: text, d: text, e: text };
    bench.accept(1);
    bench.exporter.accept({ span: makeHostileSpan(attributes), routeKey: undefined });
    bench.accept(2);
    await bench.clock.advance(5_000);
    expect(bench.batches.flat()).toEqual([1, 2]);
    expect(bench.dropped).toEqual({ too_large: 1 });
    expect(memory.usedBytes).toBe(0);
  });
});

describe('a span that goes to several backends', () => {
  const encoderOf = createSpanEncoders(ROUTE_ATTRIBUTE);

  function share(wires: readonly ReturnType<typeof createTestWire>[]) {
    let reads = 0;
    const attributes = {
      get counted(): string {
        reads += 1;
        return 'value';
      },
    };
    const encodings: Encoding[] = [];
    const routed = { span: makeHostileSpan(attributes), routeKey: 'acme', encodings };
    const kept = wires.map((wire) => notError(wire.take(routed, undefined)));
    for (const { release } of encodings) release();
    const bodies = wires.map((wire, index) => {
      const each = kept[index];
      if (each === undefined) throw new Error('it was not kept');
      return notError(wire.pack([runOf(each, routed)], undefined)).parcel;
    });
    return { kept, bodies, reads };
  }

  it('is encoded once for those of one protocol, each of which has bytes of its own', () => {
    const encoder = encoderOf(protobuf);
    const wires = Array.from({ length: 3 }, () => createTestWire(encoder));
    const { kept, bodies, reads } = share(wires);
    expect(reads).toBe(1);
    expect(new Set(kept.map(({ chunk }) => chunk)).size).toBe(3);
    for (const body of bodies) {
      expect(attributeOf(decode(body)[0], 'counted')).toBe('value');
      expect(attributeOf(decode(body)[0], ROUTE_ATTRIBUTE)).toBe('acme');
    }
  });

  it('is encoded for each protocol, and for each view', () => {
    const parent = 'project_name:x';
    const backends = [protobuf, json, { ...protobuf, parent }];
    const { bodies, reads } = share(backends.map((each) => createTestWire(encoderOf(each))));
    expect(reads).toBe(3);
    expect(bodies.map(({ parts }) => parts[0]?.[0])).toEqual([0x0a, 0x7b, 0x0a]);
  });

  it('keeps its bytes until each has its copy, also where the first has no place for it', () => {
    const encoder = encoderOf(protobuf);
    const [first, second] = [createTestWire(encoder), createTestWire(encoder)];
    const encodings: Encoding[] = [];
    const routed = { span: makeSpan({ name: 'shared' }), routeKey: 'acme', encodings };
    first.undo(notError(first.take(routed, undefined)), undefined);
    notError(first.take({ span: makeSpan({ name: 'other' }), routeKey: 'other' }, undefined));
    const kept = notError(second.take(routed, undefined));
    for (const { release } of encodings) release();
    const { parcel } = notError(second.pack([runOf(kept, routed)], undefined));
    expect(decode(parcel).map(({ name }) => name)).toEqual(['shared']);
  });
});
