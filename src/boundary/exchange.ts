import { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import { context } from '@opentelemetry/api';
import type { RequestBoundary } from './request.js';

/**
 * For a response, and not its own method: HTTP instrumentation has replaced that by one that binds each listener to a context,
 * which this one needs not, and which takes 5 us.
 */
const onClose = EventEmitter.prototype.on;

/** A request as `node:http`, or the compatible interface of `node:http2`, gives it. */
export interface Incoming {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly httpVersionMajor: number;
}

/** What says when a request is over: its response, or the socket of an upgraded connection. */
export interface Closing {
  readonly closed?: boolean;
  readonly stream?: { readonly closed?: boolean } | undefined;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * Runs `next`, the rest of an HTTP exchange, inside the request's boundary, which is held until `closing` has
 * closed.
 *
 * @param request - The framework's own, for the resolver.
 */
export function runExchange<Request, T>(
  boundary: RequestBoundary<Request>,
  request: Request,
  incoming: Incoming,
  closing: Closing,
  next: () => T,
): T {
  return boundary.run(
    request,
    incoming,
    (closed) => {
      // A response of HTTP/2 says of its stream alone that it has closed.
      if (closing.closed ?? closing.stream?.closed) closed();
      else if (closing instanceof ServerResponse) onClose.call(closing, 'close', closed);
      else closing.once('close', closed);
    },
    () => {
      // A body arrives in the context of its connection: what reads it by events would leave the boundary.
      if (mayHaveBody(incoming)) context.bind(context.active(), incoming);
      return next();
    },
  );
}

/** Not for every request, since to bind one takes some microseconds. */
function mayHaveBody({ headers, httpVersionMajor }: Incoming): boolean {
  return (
    httpVersionMajor > 1 ||
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] ?? '0') !== '0'
  );
}
