import { AsyncResource } from 'node:async_hooks';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';

// Made as the module loads, before any request is there: it carries no store of any AsyncLocalStorage.
const outside = new AsyncResource('signalbox');
// What `suppressTracing` of @opentelemetry/core sets, and every version of the SDK asks: a key is its name. That package
// is not imported for it, as each of its versions fits one version of the SDK alone.
const suppressTracing = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const untraced = ROOT_CONTEXT.setValue(suppressTracing, true);

/**
 * Runs `fn` outside every request: with no AsyncLocalStorage store, in an empty OpenTelemetry context,
 * and with tracing suppressed.
 *
 * A socket or timer made in a request's context keeps that context alive for as long as it lives itself,
 * and a traced request of an exporter would make the spans that the next request exports.
 */
export function runDetached<T>(fn: () => T): T {
  return outside.runInAsyncScope(() => context.with(untraced, fn));
}
