import type { RequestListener } from 'node:http';

/** The part of `@hono/node-server` that the tests use. */
export function getRequestListener(
  fetch: (request: Request, env?: object) => Response | Promise<Response>,
): RequestListener;
