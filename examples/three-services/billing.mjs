// @ts-check
// Knows whose each invoice is, and so decides for itself. Its own answer counts over what it was told.

import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { routeRequests } from 'signalbox/node';
import { listen } from './listen.mjs';

const tracer = trace.getTracer('billing');

/**
 * Stands for a database and its instrumentation.
 *
 * @param {http.IncomingMessage} request
 * @returns {Promise<string | undefined>}
 */
function findOwner(request) {
  return tracer.startActiveSpan('SELECT invoices', async (span) => {
    await wait(5);
    span.end();
    return /^\/invoices\/([a-z]+)/.exec(request.url ?? '')?.[1];
  });
}

listen(
  http.createServer(
    routeRequests({ route: findOwner }, (_request, response) => response.end('{"paid":true}')),
  ),
);
