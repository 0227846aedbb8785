import { AsyncResource } from 'node:async_hooks';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';

// Made as the module loads, before any request is there: it carries no store of any AsyncLocalStorage.
const outside = new AsyncResource('signalbox');
const untraced = suppressTracing(ROOT_CONTEXT);

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
