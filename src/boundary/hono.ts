import type { Context, MiddlewareHandler } from 'hono';
import { type Closing, type Incoming, runExchange } from './exchange.js';
import { createRequestBoundary, type RouteRequestsOptions } from './request.js';

export type { RouteAnswer, RouteRequestsOptions, RouteResolver } from './request.js';
export { fromClaim, fromHeader, fromHost, fromPath } from './resolvers.js';

/** What `@hono/node-server` puts into the context's `env`. */
interface NodeBindings {
  readonly incoming?: Incoming;
  readonly outgoing?: Closing;
}

/**
 * Middleware for Hono that gives each request a boundary, and asks `route` for its key:
 *
 *     app.use(routeRequests({ route: fromHeader('x-tenant') }));
 *
 * Put it before what makes spans. Further down it decides only for requests that have no key yet.
 *
 * With `@hono/node-server` the boundary is held until the response has closed. Where there is no such
 * response, as in `app.request()`, it is held until the handlers have completed.
 *
 * @throws TypeError where the options are none.
 */
export function routeRequests(options: RouteRequestsOptions<Context>): MiddlewareHandler {
  const boundary = createRequestBoundary(options);
  return (c, next) => {
    const { incoming, outgoing }: NodeBindings = c.env ?? {};
    if (incoming !== undefined && outgoing !== undefined) {
      return runExchange(boundary, c, incoming, outgoing, next);
    }
    let closed = () => {};
    const onClose = (callback: () => void) => {
      closed = callback;
    };
    return boundary.run(c, c.req.raw, onClose, next).finally(closed);
  };
}
