import type { SpanView } from '../config/options.js';
import { runDetached } from '../detached.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import { copyAttributes, takeSnapshot } from '../encoding/snapshot.js';
import { asError } from '../encoding/span-encoder.js';
import { withParts } from '../encoding/span-view.js';
import { createStandIns } from '../encoding/stand-ins.js';
import type { ReadableSpan } from '../sdk.js';

/** What the application makes of a span for a backend; `undefined` where that is nothing, or why nobody knows. */
export type Changed = RoutedSpan | Error | undefined;

/**
 * Creates the function that has the application change spans for those backends that have this view.
 *
 * The application is given a copy of the span, so that whatever it does to that is seen by no other backend. Of a span
 * that goes to several it is asked once.
 */
export function createSpanChange(view: SpanView): (routed: RoutedSpan) => Changed {
  const standIns = createStandIns((attributes) => Object.freeze(copyAttributes(attributes)));
  const changes = new WeakMap<RoutedSpan, { readonly changed: Changed }>();

  function change(routed: RoutedSpan): Changed {
    const { span, routeKey, lane, encodings } = routed;
    try {
      const copy = withParts(takeSnapshot(span), {
        resource: standIns.resource(span.resource),
        instrumentationScope: standIns.scope(span.instrumentationScope),
      });
      const shown: unknown = runDetached(() => view(copy));
      if (shown === undefined) return undefined;
      if (isSpan(shown)) return { span: shown, routeKey, lane, encodings };
      // A view that is async by mistake: if it rejects as well, that must not end the process.
      if (shown instanceof Promise) shown.catch(() => {});
      return new TypeError('a view returned what is no span');
    } catch (error) {
      return asError(error);
    }
  }

  return (routed) => {
    if (routed.encodings === undefined) return change(routed);
    const known = changes.get(routed);
    if (known !== undefined) return known.changed;
    const changed = change(routed);
    changes.set(routed, { changed });
    return changed;
  };
}

/** Whether a value has the parts of a span that everything after this relies on. */
function isSpan(value: unknown): value is ReadableSpan {
  if (!isObject(value)) return false;
  const span: Partial<ReadableSpan> = value;
  return (
    typeof span.spanContext === 'function' &&
    isObject(span.attributes) &&
    isObject(span.status) &&
    isObject(span.resource) &&
    isObject(span.resource.attributes) &&
    isObject(span.instrumentationScope) &&
    Array.isArray(span.events) &&
    Array.isArray(span.links)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
