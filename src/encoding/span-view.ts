import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan } from '../sdk.js';
import type { RoutedSpan } from './routed-span.js';

/** Which attributes of a span the configuration owns, and the application does not. */
export interface SpanViewOptions {
  /** Name of the attribute that carries the route key; `undefined` writes none. */
  readonly routeAttribute: string | undefined;
  /** The backend's configured `braintrust.parent`; where there is one, spans may not name another. */
  readonly parent?: string | undefined;
}

/** Braintrust reads a span's own parent before that of the request's `x-bt-parent` header. */
const parentAttribute = 'braintrust.parent';

/** Names of the attributes that are not the application's to write. */
export function ownedAttributes({ routeAttribute, parent }: SpanViewOptions): readonly string[] {
  return [
    ...(routeAttribute === undefined ? [] : [routeAttribute]),
    ...(parent === undefined ? [] : [parentAttribute]),
  ];
}

/**
 * Creates the function that shows a backend its spans: as the application made them, but for the
 * attributes that the configuration owns.
 *
 * The span itself is never changed: other processors hold it, and other backends see other views.
 * The route attribute is written here, past every span limit, and replaces what the application wrote
 * under its name; on a span that carries no route key it is removed, since there it can only lie.
 */
export function createSpanView({
  routeAttribute,
  parent,
}: SpanViewOptions): (routed: RoutedSpan) => ReadableSpan {
  return ({ span, routeKey }) => {
    const { attributes } = span;
    const keepsParent = parent === undefined || !Object.hasOwn(attributes, parentAttribute);
    const keepsRoute =
      routeAttribute === undefined ||
      (routeKey === undefined && !Object.hasOwn(attributes, routeAttribute));
    if (keepsParent && keepsRoute) return span;
    const owned: Attributes = { ...attributes };
    if (!keepsParent) delete owned[parentAttribute];
    if (routeAttribute !== undefined && routeKey !== undefined) {
      owned[routeAttribute] = routeKey;
    } else if (routeAttribute !== undefined) {
      delete owned[routeAttribute];
    }
    return withAttributes(span, owned);
  };
}

/**
 * A span with other attributes, field by field: inheriting from the span would run the SDK's getters
 * on an object that has none of the private state they may read.
 */
function withAttributes(span: ReadableSpan, attributes: Attributes): ReadableSpan {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    parentSpanContext: span.parentSpanContext,
    startTime: span.startTime,
    endTime: span.endTime,
    status: span.status,
    attributes,
    links: span.links,
    events: span.events,
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}
