import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { context } from '@opentelemetry/api';
import { runExchange } from './exchange.js';
import { createRequestBoundary, type RouteRequestsOptions } from './request.js';

export type { RouteAnswer, RouteRequestsOptions, RouteResolver } from './request.js';
export { fromClaim, fromHeader, fromHost, fromPath } from './resolvers.js';

/** Middleware as Connect has it. */
export type ConnectMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Gives each request of a Node server a boundary, and asks `route` for its key.
 *
 * With a listener it is that listener, run inside the boundary. Without one it is middleware for Connect and
 * what is like it:
 *
 *     http.createServer(routeRequests({ route }, (request, response) => response.end('hello')));
 *     app.use(routeRequests({ route }));
 *
 * Put it before what makes spans. Further in it decides only for requests that have no key yet.
 *
 * @param listener - What it returns and throws is passed on.
 * @throws TypeError where the options are none.
 */
export function routeRequests(options: RouteRequestsOptions<IncomingMessage>): ConnectMiddleware;
export function routeRequests<Result>(
  options: RouteRequestsOptions<IncomingMessage>,
  listener: (request: IncomingMessage, response: ServerResponse) => Result,
): (request: IncomingMessage, response: ServerResponse) => Result;
export function routeRequests(
  options: RouteRequestsOptions<IncomingMessage>,
  listener?: (request: IncomingMessage, response: ServerResponse) => unknown,
): ConnectMiddleware | ((request: IncomingMessage, response: ServerResponse) => unknown) {
  const boundary = createRequestBoundary(options);
  if (listener !== undefined) {
    return function routeRequest(
      this: unknown,
      request: IncomingMessage,
      response: ServerResponse,
    ) {
      return runExchange(boundary, request, request, response, () =>
        listener.call(this, request, response),
      );
    };
  }
  return (request, response, next) => {
    runExchange(boundary, request, request, response, next);
  };
}

/**
 * Gives each upgrade of a Node server, such as that to a WebSocket, a boundary: upgrades come as an event of
 * their own, and pass no middleware.
 *
 *     server.on('upgrade', routeUpgrades({ route }, (request, socket, head) => {
 *       sockets.handleUpgrade(request, socket, head, (webSocket) => ...);
 *     }));
 *
 * The boundary is held until the socket closes. What listens to the socket runs inside it, and so what listens
 * to the WebSocket that `ws` makes of the socket.
 *
 * @param listener - What it returns and throws is passed on.
 * @throws TypeError where the options are none.
 */
export function routeUpgrades<Result>(
  options: RouteRequestsOptions<IncomingMessage>,
  listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => Result,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Result {
  const boundary = createRequestBoundary(options);
  return function routeUpgrade(this: unknown, request, socket, head) {
    return runExchange(boundary, request, request, socket, () => {
      // The connection is this request's alone from now on.
      context.bind(context.active(), socket);
      return listener.call(this, request, socket, head);
    });
  };
}
