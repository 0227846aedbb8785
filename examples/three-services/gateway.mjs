// @ts-check
// Knows who calls: it is where the route is decided.

import http from 'node:http';
import { routeRequests } from 'signalbox/node';
import { listen } from './listen.mjs';

const { ORDERS_URL } = process.env;

/** Who is logged in. @type {Record<string, string>} */
const sessions = {
  'session-1': 'acme',
  'session-2': 'globex',
  'session-3': 'initech',
  'session-4': 'umbrella',
};

/** @param {http.IncomingMessage} request */
function tenantOf(request) {
  return sessions[request.headers.authorization?.replace(/^Bearer /, '') ?? ''];
}

listen(
  http.createServer(
    routeRequests({ route: tenantOf }, async (request, response) => {
      const order = await fetch(`${ORDERS_URL}/orders${request.url}`);
      response.end(await order.text());
    }),
  ),
);
