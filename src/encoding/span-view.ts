import type { Attributes } from '@opentelemetry/api';
import type { AttributeView } from '../config/resolved.js';
import type { ReadableSpan } from '../sdk.js';
import { createAttributeRules } from './attribute-rules.js';
import { createBoundedCache } from './bounded-cache.js';
import { withOwnOnly } from './own-properties.js';
import type { RoutedSpan } from './routed-span.js';
import { createStandIns } from './stand-ins.js';

/** How many names' rules are kept. */
const MAX_RULES = 4096;

/** What of a span's attributes is for the configuration to say, and not for the application. */
export interface SpanViewOptions {
  /** Name of the attribute that carries the route key; `undefined` writes none. */
  readonly routeAttribute: string | undefined;
  /** The backend's configured `braintrust.parent`; where there is one, spans may not name another. */
  readonly parent?: string | undefined;
  /** Which of the application's attributes the backend may see; by default all of them. */
  readonly attributes?: AttributeView | undefined;
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
 * attributes that the configuration owns, and those that the backend may not see.
 *
 * The span itself is never changed: other processors hold it, and other backends see other views.
 * The route attribute is written here, past every span limit, and replaces what the application wrote
 * under its name; on a span that carries no route key it is removed, since there it can only lie.
 *
 * @throws from the function, what the application's own code throws when it is read.
 */
export function createSpanView({
  routeAttribute,
  parent,
  attributes: view,
}: SpanViewOptions): (routed: RoutedSpan) => ReadableSpan {
  const show = view === undefined ? undefined : createShow(view);
  return ({ span, routeKey }) => {
    const shown = show === undefined ? span : show(span);
    const { attributes } = shown;
    const keepsParent = parent === undefined || !Object.hasOwn(attributes, parentAttribute);
    const keepsRoute =
      routeAttribute === undefined ||
      (routeKey === undefined && !Object.hasOwn(attributes, routeAttribute));
    if (keepsParent && keepsRoute) return shown;
    const owned: Attributes = { ...attributes };
    if (!keepsParent) delete owned[parentAttribute];
    if (routeAttribute !== undefined && routeKey !== undefined) {
      owned[routeAttribute] = routeKey;
    } else if (routeAttribute !== undefined) {
      delete owned[routeAttribute];
    }
    return withParts(shown, { attributes: owned });
  };
}

/** Creates the function that makes of a span a copy with the attributes that may be seen, wherever they are. */
function createShow(view: AttributeView): (span: ReadableSpan) => ReadableSpan {
  const findRule = createAttributeRules(view);
  const rules = createBoundedCache(MAX_RULES, (name) => ({ rule: findRule(name) }));

  function showAttributes(attributes: Attributes): Attributes {
    const own = withOwnOnly(attributes);
    const shown: [string, unknown][] = [];
    for (const name in own) {
      const { rule } = rules(name);
      if (rule === 'omit') continue;
      shown.push([name, rule === undefined ? own[name] : rule(own[name])]);
    }
    // As the application gave them, whether or not they are what the API's types allow.
    return Object.fromEntries(shown) as Attributes;
  }

  function showPart<T extends { readonly attributes?: Attributes }>(part: T): T {
    const { attributes } = part;
    return attributes === undefined ? part : { ...part, attributes: showAttributes(attributes) };
  }

  const standIns = createStandIns(showAttributes);
  return (span) =>
    withParts(span, {
      attributes: showAttributes(span.attributes),
      links: span.links.map(showPart),
      events: span.events.map(showPart),
      resource: standIns.resource(span.resource),
      instrumentationScope: standIns.scope(span.instrumentationScope),
    });
}

/**
 * A span with other parts, field by field: inheriting from the span would run the SDK's getters
 * on an object that has none of the private state they may read.
 */
export function withParts(span: ReadableSpan, parts: Partial<ReadableSpan>): ReadableSpan {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    parentSpanContext: span.parentSpanContext,
    startTime: span.startTime,
    endTime: span.endTime,
    status: span.status,
    attributes: span.attributes,
    links: span.links,
    events: span.events,
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
    ...parts,
  };
}
