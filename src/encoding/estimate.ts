import type { Attributes } from '@opentelemetry/api';
import type { Backend } from '../config/resolved.js';
import type { RoutedSpan } from './routed-span.js';

/**
 * What an ended span takes of the heap beside its contents, as SDK 2.12 makes it on Node 20, rounded down. It
 * counts for as long as the span object itself is held: an outage fills the heap with these.
 */
export const SPAN_OBJECT_BYTES = 1_536;

/** What the parts of a span cost in one protocol, in bytes, beside their contents. */
interface Costs {
  /** A span with nothing in it: ids, times, counts, status and what frames them. */
  readonly span: number;
  readonly event: number;
  readonly link: number;
  /** A key and the frame of its value. */
  readonly attribute: number;
  /** The frame of an array's element. */
  readonly element: number;
  readonly text: number;
  readonly boolean: number;
  /** An integer from 0 to 2^28. */
  readonly smallInteger: number;
  /** Any other number. */
  readonly number: number;
  /** An array, an object or binary data. */
  readonly composite: number;
  /** What a byte of binary data takes. */
  readonly binaryByte: number;
}

const costs: Record<Backend['protocol'], Costs> = {
  // Tags and lengths of up to 16 kB; the longer lengths of longer fields are covered by `framing`.
  'http/protobuf': {
    span: 112,
    event: 28,
    link: 52,
    attribute: 9,
    element: 3,
    text: 3,
    boolean: 2,
    smallInteger: 6,
    number: 11,
    composite: 6,
    binaryByte: 1,
  },
  'http/json': {
    span: 460,
    event: 90,
    link: 170,
    attribute: 22,
    element: 3,
    text: 16,
    boolean: 17,
    smallInteger: 21,
    number: 38,
    composite: 30,
    binaryByte: 4 / 3,
  },
};

/** Deepest nesting, and most values of one attribute, that are looked at. */
const maxDepth = 32;
const maxValues = 10_000;

/**
 * Creates the function that estimates how many bytes of a request body a span takes.
 *
 * The error bound, resource and scope aside, which a body carries once:
 *
 * - `http/protobuf`: the span takes no more than the estimate, and no less than a third of it;
 * - `http/json`: it takes no more than six times the estimate, and no less than a third. The six is for
 *   text of nothing but control characters and unpaired surrogates, which JSON spells `\u0000`; text
 *   without them stays within twice the estimate.
 *
 * It holds for attribute values as OpenTelemetry defines them, with up to 10,000 elements in an array:
 * what more an array has is taken to be like what it had so far, and what is nested deeper than 32 levels
 * is not looked at. That, and that text is measured by `Buffer.byteLength` alone (25 ns for 1 kB), keeps
 * the cost within what a span's end may take.
 *
 * Never throws: a span that throws when it is read is estimated by what could be read.
 */
export function createSizeEstimate(
  protocol: Backend['protocol'],
  routeAttribute: string | undefined,
): (routed: RoutedSpan) => number {
  const cost = costs[protocol];

  function attributesSize(attributes: Attributes | undefined): number {
    let size = 0;
    for (const key in attributes) {
      size += cost.attribute + Buffer.byteLength(key) + valueSize(attributes[key]);
    }
    return size;
  }

  function valueSize(value: unknown): number {
    switch (typeof value) {
      case 'string':
        return cost.text + Buffer.byteLength(value);
      case 'number':
        return Number.isInteger(value) && value >= 0 && value < 2 ** 28
          ? cost.smallInteger
          : cost.number;
      case 'boolean':
        return cost.boolean;
      case 'object':
        return value === null ? 0 : compositeSize(value, { left: maxValues }, 0);
      default:
        return 0;
    }
  }

  function compositeSize(value: object, values: { left: number }, depth: number): number {
    if (value instanceof Uint8Array) {
      return Math.ceil(value.length * cost.binaryByte) + cost.composite;
    }
    if (depth === maxDepth) return cost.composite;
    return Array.isArray(value)
      ? arraySize(value, values, depth)
      : objectSize(value, values, depth);
  }

  function arraySize(array: readonly unknown[], values: { left: number }, depth: number): number {
    let size = 0;
    for (let index = 0; index < array.length; index += 1) {
      if (values.left === 0) {
        return cost.composite + Math.ceil((size / Math.max(index, 1)) * array.length);
      }
      values.left -= 1;
      size += cost.element + nestedSize(array[index], values, depth);
    }
    return cost.composite + size;
  }

  function objectSize(value: object, values: { left: number }, depth: number): number {
    let size = cost.composite;
    for (const [key, field] of Object.entries(value)) {
      if (values.left === 0) break;
      values.left -= 1;
      size += cost.attribute + Buffer.byteLength(key) + nestedSize(field, values, depth);
    }
    return size;
  }

  function nestedSize(value: unknown, values: { left: number }, depth: number): number {
    return typeof value === 'object' && value !== null
      ? compositeSize(value, values, depth + 1)
      : valueSize(value);
  }

  return ({ span, routeKey }) => {
    let size = cost.span;
    try {
      if (routeAttribute !== undefined && routeKey !== undefined) {
        size += cost.attribute + Buffer.byteLength(routeAttribute) + valueSize(routeKey);
      }
      size += Buffer.byteLength(span.name) + textSize(span.status.message);
      size += textSize(span.spanContext().traceState?.serialize());
      size += attributesSize(span.attributes);
      for (const event of span.events) {
        size += cost.event + Buffer.byteLength(event.name) + attributesSize(event.attributes);
      }
      for (const link of span.links) {
        size += cost.link + attributesSize(link.attributes);
        size += textSize(link.context.traceState?.serialize());
      }
    } catch {
      // A getter of the application's threw. It will throw again when the span is encoded, and is
      // reported there.
    }
    return framing(size);
  };
}

function textSize(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text);
}

/** Adds what the lengths of fields beyond 16 kB take. */
function framing(size: number): number {
  return size + (size >>> 8);
}
