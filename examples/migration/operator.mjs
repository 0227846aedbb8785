// @ts-check
// What whoever runs the service may ask of it, on a port of its own that only they can reach:
//
//   POST /-/reload   takes what the configuration file says now; 400 with every problem where that is not valid
//   POST /-/flush    has everything delivered that has ended
//   GET  /-/stats    what has become of every span

import http from 'node:http';
import { ConfigError, loadConfig, statsHandler } from 'signalbox';

/** @param {import('signalbox').RoutingSpanProcessor} processor */
export function serveOperator(processor) {
  const stats = statsHandler(processor);
  return http.createServer(async (request, response) => {
    try {
      if (request.method !== 'POST') {
        stats(request, response);
        return;
      }
      if (request.url === '/-/reload') processor.update(loadConfig());
      else if (request.url === '/-/flush') await processor.forceFlush();
      else response.statusCode = 404;
      response.end();
    } catch (error) {
      // A configuration that is not valid has changed nothing, and its error quotes no secret.
      const isConfigError = error instanceof ConfigError;
      response.writeHead(isConfigError ? 400 : 500);
      response.end(isConfigError ? error.message : 'not everything was delivered\n');
    }
  });
}
