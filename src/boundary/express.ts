import type { Request, RequestHandler } from 'express';
import { runExchange } from './exchange.js';
import { createRequestBoundary, type RouteRequestsOptions } from './request.js';

export type { RouteAnswer, RouteRequestsOptions, RouteResolver } from './request.js';
export { fromClaim, fromHeader, fromHost, fromPath } from './resolvers.js';

/**
 * Middleware for Express 5 and 4 that gives each request a boundary, and asks `route` for its key:
 *
 *     app.use(routeRequests({ route: fromHeader('x-tenant') }));
 *
 * Put it before what makes spans. On a router, or further down, it decides only for requests that have no key yet.
 *
 * `@opentelemetry/instrumentation-express` makes a span of it as of all middleware, unless its option `ignoreLayers` has
 * `'middleware - signalbox'`.
 *
 * @throws TypeError where the options are none.
 */
export function routeRequests(options: RouteRequestsOptions<Request>): RequestHandler {
  const boundary = createRequestBoundary(options);
  return function signalbox(request, response, next) {
    runExchange(boundary, request, request, response, next);
  };
}
