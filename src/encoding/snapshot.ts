import type { Attributes, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '../sdk.js';
import { MAX_DEPTH } from './any-value.js';

/**
 * A copy of an ended span that nothing the application does later can change, for a span that is encoded
 * later than it ends. Texts, which is what large spans are made of, are shared and not copied.
 *
 * @param omits - Tells the attributes that will not be encoded, and so need not be kept.
 * @throws what a getter of the application's own throws.
 */
export function takeSnapshot(span: ReadableSpan, omits?: (name: string) => boolean): ReadableSpan {
  const { parentSpanContext, status } = span;
  const spanContext = copyContext(span.spanContext());
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => spanContext,
    parentSpanContext: parentSpanContext && copyContext(parentSpanContext),
    startTime: [...span.startTime],
    endTime: [...span.endTime],
    status: { ...status },
    attributes: copyAttributes(span.attributes, omits),
    links: span.links.map((link) => ({
      ...link,
      context: copyContext(link.context),
      ...(link.attributes && { attributes: copyAttributes(link.attributes, omits) }),
    })),
    events: span.events.map((event) => ({
      ...event,
      time: [...event.time],
      ...(event.attributes && { attributes: copyAttributes(event.attributes, omits) }),
    })),
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

/** A copy of a span's context: field by field, since they may be accessors, and without what else stands on it. */
export function copyContext(context: SpanContext): SpanContext {
  const { traceId, spanId, traceFlags, isRemote, traceState } = context;
  return {
    traceId,
    spanId,
    traceFlags,
    ...(isRemote !== undefined && { isRemote }),
    ...(traceState !== undefined && { traceState }),
  };
}

/** A copy of attributes, and of what is nested in them. */
export function copyAttributes(
  attributes: Attributes,
  omits?: (name: string) => boolean,
): Attributes {
  const kept = omits === undefined ? attributes : withoutOmitted(attributes, omits);
  // As the application gave them, whether or not they are what the API's types allow.
  return copyEntries(kept, 0, new Map()) as Attributes;
}

function withoutOmitted(attributes: Attributes, omits: (name: string) => boolean): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !omits(name)));
}

/**
 * @param copies - What has been copied, by what it is a copy of: an object that is reached by many paths is
 *   copied once.
 */
function copyEntries(object: object, depth: number, copies: Map<object, object>): object {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, copyValue(value, depth, copies)]),
  );
}

/** What nests deeper than what is encoded is kept as it is: its span will be refused for it. */
function copyValue(value: unknown, depth: number, copies: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  let copy = copies.get(value);
  if (copy === undefined) {
    copy = copyObject(value, depth, copies);
    copies.set(value, copy);
  }
  return copy;
}

function copyObject(value: object, depth: number, copies: Map<object, object>): object {
  // Not by `slice`, which gives a view of the same memory where it is a Buffer's.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return Array.isArray(value)
    ? value.map((element) => copyValue(element, depth + 1, copies))
    : copyEntries(value, depth + 1, copies);
}
