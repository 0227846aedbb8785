import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyRequest,
  onRequestHookHandler,
} from 'fastify';
import { runExchange } from './exchange.js';
import { createRequestBoundary, type RouteRequestsOptions } from './request.js';

export type { RouteAnswer, RouteRequestsOptions, RouteResolver } from './request.js';
export { fromClaim, fromHeader, fromHost, fromPath } from './resolvers.js';

type OnRequestAdder = (
  this: FastifyInstance,
  name: 'onRequest',
  hook: onRequestHookHandler,
) => unknown;

/**
 * Plugin for Fastify that gives each request a boundary, and asks `route` for its key:
 *
 *     app.register(routeRequests, { route: fromHeader('x-tenant') });
 *
 * It is not encapsulated: it counts for the instance on which it is registered, and all below it. Hooks and
 * handlers that come after it run inside the boundary. Registered again further in, it decides only for requests
 * that have no key yet.
 *
 * `route` is asked in an `onRequest` hook, before the body is read. For a claim, register the plugin after the
 * `onRequest` hook that verifies it, or verify it in `route`.
 *
 * A wrong option fails the registration with a TypeError.
 */
export const routeRequests: FastifyPluginAsync<RouteRequestsOptions<FastifyRequest>> =
  Object.assign(registerRouteRequests, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'signalbox',
  });

async function registerRouteRequests(
  instance: FastifyInstance,
  options: RouteRequestsOptions<FastifyRequest>,
): Promise<void> {
  const boundary = createRequestBoundary(options);
  // The name is that of its span, for an instrumentation that makes one.
  unwrapped(instance.addHook).call(instance, 'onRequest', function signalbox(request, reply, next) {
    runExchange(boundary, request, request.raw, reply.raw, next);
  });
}

/**
 * `addHook` as it was before `@opentelemetry/instrumentation-fastify` wrapped it to make a span of every hook. One of
 * this hook would say nothing, and have what comes after it for its children, when it has ended.
 */
function unwrapped(addHook: FastifyInstance['addHook']): OnRequestAdder {
  const { __original: original } = addHook as { __original?: unknown };
  return (typeof original === 'function' ? original : addHook) as OnRequestAdder;
}
