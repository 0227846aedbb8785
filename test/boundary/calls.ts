import {
  type Attributes,
  type Context,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { getRoute, type RoutePropagator, withRoute } from '../../src/index.js';
import type { Service } from '../helpers/service.js';

export const HEADER = 'x-signalbox-route';
export const SECRET = 'the secret of all the services here';
export const HOST = 'orders.internal';
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const OTHER_TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

/** `base` with a caller's span of this trace in it, as W3CTraceContextPropagator leaves it. */
export function withCaller(traceId = TRACE_ID, base: Context = ROOT_CONTEXT): Context {
  return trace.setSpanContext(base, {
    traceId,
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}

/** What `propagator` writes for a span that starts in `parent`, by default for a client span to {@link HOST}. */
export function injected(
  service: Service,
  propagator: RoutePropagator,
  parent: Context,
  attributes: Attributes = { 'server.address': HOST },
  kind = SpanKind.CLIENT,
): Record<string, string> {
  const span = service.tracer.startSpan('call', { kind, attributes }, parent);
  const carrier: Record<string, string> = {};
  propagator.inject(trace.setSpan(parent, span), carrier, defaultTextMapSetter);
  span.end();
  return carrier;
}

/** The header that a service with this key sends, in this trace. */
export function headerOf(
  service: Service,
  propagator: RoutePropagator,
  key: string,
  traceId = TRACE_ID,
): string {
  const carrier = withRoute(key, () =>
    injected(service, propagator, withCaller(traceId, context.active())),
  );
  return carrier[HEADER] ?? '';
}

/** The context of a request that came with this header, in this trace. */
export function received(
  propagator: RoutePropagator,
  header: unknown,
  traceId = TRACE_ID,
  base?: Context,
): Context {
  return propagator.extract(withCaller(traceId, base), { [HEADER]: header }, defaultTextMapGetter);
}

/** The key that a request has in the end for which nobody here names one. */
export function settledRoute(service: Service, request: Context): string | undefined {
  const span = service.tracer.startSpan('request', {}, request);
  span.end();
  return context.with(trace.setSpan(request, span), getRoute);
}
