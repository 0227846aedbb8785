import type { Span } from '@opentelemetry/api';
import { expect } from 'vitest';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { plainAttributes, type TestReceiver } from '../helpers/receiver.js';
import type { ExpectedCopy, ModelProcessor } from './model-processor.js';
import { routeAttributeOf, type Setup } from './setups.js';

/** The attribute by which a test knows its spans again; signalbox knows nothing of it. */
export const MARKER = 'test.span';

/** What receivers got from one scenario, and from no other. */
export interface Arrivals {
  /** Where a processor's backend is. */
  endpointOf(processor: number, backend: string): string;
  /** How many spans a processor's backend has decoded. */
  count(processor: number, backend: string): number;
  /** Asserts that a processor's backends have got what the model says, and nothing else. */
  expectAll(processor: number, setup: Setup, model: ModelProcessor, spans: readonly Span[]): void;
  /** Asserts that every request arrived at the receiver of the backend that its path names. */
  expectNoStrays(): void;
}

/** Starts to watch the receivers, of which each backend's name has one. */
export function watchArrivals(receivers: ReadonlyMap<string, TestReceiver>): Arrivals {
  const before = new Map(
    Array.from(receivers, ([name, { requests }]) => [name, requests.length] as const),
  );

  function requestsAt(backend: string) {
    return receivers.get(backend)?.requests.slice(before.get(backend)) ?? [];
  }

  function spansAt(processor: number, backend: string): ReceivedSpan[] {
    return requestsAt(backend)
      .filter((request) => request.backend === segmentOf(processor, backend))
      .flatMap((request) => request.spans);
  }

  return {
    endpointOf: (processor, backend) =>
      `${receivers.get(backend)?.url}/${segmentOf(processor, backend)}`,
    count: (processor, backend) => spansAt(processor, backend).length,
    expectAll(processor, setup, model, spans) {
      for (const backend of setup.backends) {
        const where = `what arrived at ${segmentOf(processor, backend)}`;
        const arrived = spansAt(processor, backend);
        const expected = model.copies(backend);
        const copies = arrived.map((span) => describeArrived(span, routeAttributeOf(setup)));
        const wanted = expected.map((copy) => describeExpected(copy, spans, setup));
        expect([...copies].sort(), where).toEqual([...wanted].sort());
        // One request after the other: the order is the queue's.
        if (setup.maxConcurrentExports === 1) {
          expectOrder(where, arrived.map(markerOf), expected);
        }
      }
    },
    expectNoStrays() {
      for (const name of receivers.keys()) {
        const strays = requestsAt(name).filter(
          (request) => request.httpStatus !== 200 || !request.backend?.endsWith(`-${name}`),
        );
        expect(strays, `requests at the receiver of ${name}`).toEqual([]);
      }
    },
  };
}

function segmentOf(processor: number, backend: string): string {
  return `${processor}-${backend}`;
}

function markerOf({ attributes }: ReceivedSpan): unknown {
  return plainAttributes(attributes)[MARKER];
}

function describeArrived(span: ReceivedSpan, routeAttribute: string | undefined): string {
  const keys = span.attributes
    .filter(({ key }) => key === routeAttribute)
    .map(({ value }) => String(value.value));
  return `span ${markerOf(span)} (${span.traceId} ${span.spanId}) with the key ${keys.join(' and ')}`;
}

function describeExpected(
  { span, key }: ExpectedCopy,
  spans: readonly Span[],
  setup: Setup,
): string {
  const spanId = spans[span.id]?.spanContext().spanId;
  const written = routeAttributeOf(setup) === undefined ? '' : key;
  return `span ${span.id} (${span.traceId} ${spanId}) with the key ${written}`;
}

/** Asserts that the spans of each decision came in the order in which they ended. */
function expectOrder(
  where: string,
  markers: readonly unknown[],
  expected: readonly ExpectedCopy[],
): void {
  const decisions = new Set(expected.map(({ span }) => span.decision));
  for (const decision of decisions) {
    const ids = expected
      .filter(({ span }) => span.decision === decision)
      .map(({ span }) => span.id);
    const arrived = markers.filter((marker) => ids.some((id) => id === marker));
    expect(arrived, `the order of ${where}, of one decision`).toEqual(ids);
  }
}
