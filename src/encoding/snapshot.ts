import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan } from '../sdk.js';
import { MAX_DEPTH } from './any-value.js';

/**
 * A copy of an ended span that nothing the application does later can change, for a span that is encoded
 * later than it ends. Texts, which is what large spans are made of, are shared and not copied.
 *
 * @throws what a getter of the application's own throws.
 */
export function takeSnapshot(span: ReadableSpan): ReadableSpan {
  const { parentSpanContext, status } = span;
  const spanContext = { ...span.spanContext() };
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => spanContext,
    parentSpanContext: parentSpanContext && { ...parentSpanContext },
    startTime: [...span.startTime],
    endTime: [...span.endTime],
    status: { ...status },
    attributes: copyAttributes(span.attributes),
    links: span.links.map((link) => ({
      ...link,
      context: { ...link.context },
      ...(link.attributes && { attributes: copyAttributes(link.attributes) }),
    })),
    events: span.events.map((event) => ({
      ...event,
      time: [...event.time],
      ...(event.attributes && { attributes: copyAttributes(event.attributes) }),
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

function copyAttributes(attributes: Attributes): Attributes {
  // As the application gave them, whether or not they are what the API's types allow.
  return copyEntries(attributes, 0) as Attributes;
}

function copyEntries(object: object, depth: number): object {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, copyValue(value, depth)]),
  );
}

/** What nests deeper than what is encoded is kept as it is: its span will be refused for it. */
function copyValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map((element) => copyValue(element, depth + 1));
  return copyEntries(value, depth + 1);
}
