import type { Context, Middleware } from 'koa';
import { runExchange } from './exchange.js';
import { createRequestBoundary, type RouteRequestsOptions } from './request.js';

export type { RouteAnswer, RouteRequestsOptions, RouteResolver } from './request.js';
export { fromClaim, fromHeader, fromHost, fromPath } from './resolvers.js';

/**
 * Middleware for Koa that gives each request a boundary, and asks `route` for its key:
 *
 *     app.use(routeRequests({ route: fromHeader('x-tenant') }));
 *
 * Put it before what makes spans. Further down it decides only for requests that have no key yet.
 *
 * @throws TypeError where the options are none.
 */
export function routeRequests(options: RouteRequestsOptions<Context>): Middleware {
  const boundary = createRequestBoundary(options);
  return (ctx, next) => runExchange(boundary, ctx, ctx.req, ctx.res, next);
}
