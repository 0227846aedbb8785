import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { expect } from 'vitest';
import { createKeyTallies } from '../../src/accounting/key-tallies.js';
import type { BackendLedger, Place } from '../../src/accounting/ledger.js';
import type { Log } from '../../src/accounting/log.js';
import type { BackendDropReason } from '../../src/accounting/reasons.js';
import type { BackendState } from '../../src/accounting/stats.js';
import type { Backend } from '../../src/config/resolved.js';
import { createSizeEstimate } from '../../src/encoding/estimate.js';
import type { RoutedSpan, RouteLane } from '../../src/encoding/routed-span.js';
import { createSpanEncoder } from '../../src/encoding/span-encoder.js';
import { createExporter } from '../../src/exporter/exporter.js';
import { createMemory, type Memory } from '../../src/exporter/memory.js';
import type { Spool, SpoolInside } from '../../src/exporter/spool/spool.js';
import { type Body, createWire } from '../../src/exporter/wire.js';
import type { ReadableSpan, Resource } from '../../src/sdk.js';
import type {
  Refused,
  Retryable,
  SendResult,
  Success,
  TooLarge,
} from '../../src/transport/result.js';
import type { SendRequest, Transport } from '../../src/transport/transport.js';
import { createBackend } from '../helpers/backend.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const resource: Resource = { attributes: { 'service.name': 'checkout' } };
const instrumentationScope = { name: 'test' };

/** A span with an id, which its body tells, and as much padding as wanted. */
export function makeRouted(id: number, padding = 0, over: Partial<ReadableSpan> = {}): RoutedSpan {
  const hex = id.toString(16);
  const spanContext = {
    traceId: '1'.padEnd(32, '0'),
    spanId: hex.padStart(16, '0'),
    traceFlags: TraceFlags.SAMPLED,
  };
  const span: ReadableSpan = {
    name: `span ${id}`,
    kind: SpanKind.INTERNAL,
    spanContext: () => spanContext,
    startTime: [1, 0],
    endTime: [2, 0],
    duration: [1, 0],
    ended: true,
    status: { code: SpanStatusCode.UNSET },
    attributes: padding === 0 ? {} : { padding: 'x'.repeat(padding) },
    links: [],
    events: [],
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ...over,
  };
  return { span, routeKey: undefined };
}

/** A span whose attributes can not be read. */
export function makeBroken(id: number): RoutedSpan {
  const attributes = {
    get broken(): string {
      throw new Error('broken');
    },
  };
  return makeRouted(id, 0, { attributes });
}

/** A ledger that holds every call to the law, and whose counts never fall below 0. */
export function createCheckingLedger() {
  const places: Record<'queued' | 'waiting' | 'inFlight', number> & Partial<Record<Place, number>> =
    { queued: 0, waiting: 0, inFlight: 0 };
  const dropped: Partial<Record<BackendDropReason, number>> = {};
  const tallies = createKeyTallies();
  const operations: { durationMs: number; errorType: string | undefined }[] = [];
  const states: BackendState[] = [];
  const counts = {
    accepted: 0,
    delivered: 0,
    recovered: 0,
    movedIn: 0,
    movedOut: 0,
    movedUnanswered: 0,
    bytes: 0,
  };

  function check(): void {
    const lost = Object.values(dropped).reduce((sum, each) => sum + each, 0);
    const held = Object.values(places).reduce((sum, each) => sum + each, 0);
    expect(counts.accepted + counts.recovered + counts.movedIn).toBe(
      counts.delivered + lost + held + counts.movedOut,
    );
    expect(Math.min(...Object.values(places))).toBeGreaterThanOrEqual(0);
  }

  function leave(place: Place, spans: number): void {
    places[place] = (places[place] ?? 0) - spans;
  }

  const ledger: BackendLedger = {
    accept() {
      counts.accepted += 1;
      places.queued += 1;
      check();
    },
    start(spans, from) {
      leave(from, spans);
      places.inFlight += spans;
      check();
    },
    requeue(spans) {
      places.inFlight -= spans;
      places.waiting += spans;
      check();
    },
    deliver(spans) {
      places.inFlight -= spans;
      counts.delivered += spans;
      check();
    },
    drop(reason, spans, from) {
      leave(from, spans);
      dropped[reason] = (dropped[reason] ?? 0) + spans;
      check();
    },
    spool(spans, from) {
      leave(from, spans);
      leave(from === 'queued' || from === 'spooled' ? 'spooled' : 'spooledAttempted', -spans);
      check();
    },
    recover(spans) {
      counts.recovered += spans;
      leave('spooled', -spans);
      check();
    },
    moveIn(spans) {
      counts.movedIn += spans;
      leave('queued', -spans);
      check();
    },
    moveOut(spans, from, isUnanswered = false) {
      leave(from, spans);
      counts.movedOut += spans;
      if (isUnanswered) counts.movedUnanswered += spans;
      check();
    },
    sendBytes(bytes) {
      counts.bytes += bytes;
    },
    endOperation(durationMs, errorType) {
      operations.push({ durationMs, errorType });
    },
    setState(state) {
      states.push(state);
    },
    tally: (routeKey) => tallies.of(routeKey, 'standard'),
  };
  return { ledger, tallies, counts, places, dropped, operations, states };
}

export function createRecordingLog() {
  const lines: string[] = [];
  const log: Log = {
    drop: (backend, reason, spans) => lines.push(`${backend} ${reason} ${spans}`),
    warn: (_key, message) => lines.push(message),
    once: (_key, message) => lines.push(message),
    debug() {},
    flush() {},
  };
  return { log, lines };
}

export const delivered: Success = { status: 'success', rejectedSpans: 0, httpStatus: 200 };
export const unavailable: Retryable = {
  status: 'retryable',
  failure: { message: 'HTTP 503', errorType: '503', httpStatus: 503 },
};
export const tooLarge: TooLarge = {
  status: 'too_large',
  failure: { message: 'HTTP 413', errorType: '413', httpStatus: 413 },
};
export const refused: Refused = {
  status: 'refused',
  failure: { message: 'HTTP 400', errorType: '400', httpStatus: 400 },
};

/** One request that a fake transport got. */
export interface Sent {
  readonly ids: readonly number[];
  readonly request: SendRequest;
  readonly atMs: number;
  answer(result: SendResult): void;
}

export const backendDefaults: Backend = createBackend('http://127.0.0.1:4318/v1/traces', {
  name: 'standard',
  protocol: 'http/json',
});

export interface BenchOptions {
  readonly backend?: Partial<Backend>;
  readonly memory?: Memory;
  /** The answer to a request; `undefined` leaves it to the test. */
  readonly answer?: (ids: readonly number[], sent: number) => SendResult | undefined;
  readonly random?: () => number;
  readonly clock?: ReturnType<typeof createFakeClock>;
  readonly openSpool?: (
    inside: SpoolInside<Body>,
    outside: { readonly ledger: BackendLedger; readonly log: Log },
  ) => Spool<Body>;
}

/** An exporter on a fake clock and a fake transport. */
export function createBench(options: BenchOptions = {}) {
  const { memory = createMemory(64 * 1024 * 1024), clock = createFakeClock() } = options;
  const { openSpool } = options;
  const backend: Backend = { ...backendDefaults, ...options.backend };
  const { log, lines } = createRecordingLog();
  const accounting = createCheckingLedger();
  const sent: Sent[] = [];
  let opened = 0;
  let closed = 0;

  const { protocol } = backend;
  const encoder = createSpanEncoder({ protocol, routeAttribute: undefined });
  const estimateBytes = createSizeEstimate(protocol, undefined);
  const openTransport = (): Transport => {
    opened += 1;
    return {
      send(request) {
        return new Promise((resolve) => {
          const ids =
            request.contentEncoding === undefined ? readIds(Buffer.concat(request.body.parts)) : [];
          sent.push({ ids, request, atMs: clock.now(), answer: resolve });
          const answer = options.answer?.(ids, sent.length);
          if (answer !== undefined) resolve(answer);
        });
      },
      async close() {
        closed += 1;
      },
    };
  };
  const courier = createWire({ backend, encoder, estimateBytes, openTransport });
  const exporter = createExporter<Body>({
    backend,
    courier,
    memory,
    ledger: accounting.ledger,
    log,
    clock,
    random: options.random ?? (() => 1),
    openSpool: openSpool && ((inside) => openSpool(inside, { ledger: accounting.ledger, log })),
  });
  return {
    exporter,
    clock,
    memory,
    sent,
    lines,
    ...accounting,
    get opened() {
      return opened;
    },
    get closed() {
      return closed;
    },
    /** Accepts spans with these ids. */
    accept(from: number, count = 1, padding = 0): void {
      for (let id = from; id < from + count; id += 1) exporter.accept(makeRouted(id, padding));
    },
    /** Accepts spans with these ids in a lane. */
    acceptIn(lane: RouteLane, from: number, count = 1): void {
      for (let id = from; id < from + count; id += 1) {
        exporter.accept({ ...makeRouted(id), lane });
      }
    },
    /** Accepts one span with this id, and what else is said of it. */
    acceptWith(id: number, over: Partial<ReadableSpan>): void {
      exporter.accept(makeRouted(id, 0, over));
    },
    /** The ids of each request, in the order of sending. */
    get batches() {
      return sent.map(({ ids }) => ids);
    },
    /** Answers the request of this number, and lets the exporter act on it. */
    async answer(index: number, result: SendResult): Promise<void> {
      sent[index]?.answer(result);
      await clock.advance(0);
    },
  };
}

/** The ids of the spans in a JSON body. */
function readIds(body: Uint8Array): number[] {
  const { resourceSpans } = JSON.parse(new TextDecoder().decode(body));
  const ids: number[] = [];
  for (const { scopeSpans } of resourceSpans) {
    for (const { spans } of scopeSpans) {
      for (const { spanId } of spans) ids.push(Number.parseInt(spanId, 16));
    }
  }
  return ids;
}

/** The numbers from `from`, so many. */
export function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}
