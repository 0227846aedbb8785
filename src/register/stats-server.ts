import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { runDetached } from '../detached.js';
import type { RoutingSpanProcessor } from '../routing/processor.js';
import { statsHandler } from '../stats-handler.js';

/** How a server tells of itself. */
export interface StatsServerLog {
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
}

/**
 * Serves a processor's stats on a port of 127.0.0.1, and keeps no process alive for it. A port that can not be had is
 * warned of, and nothing is served.
 */
export function serveStats(
  processor: RoutingSpanProcessor,
  port: number,
  { info, warn }: StatsServerLog,
): void {
  const show = statsHandler(processor);
  const server = createServer((request, response) => {
    // A page that a browser has loaded may have its own name resolve to 127.0.0.1, and would read the answer.
    if (isLoopback(request)) show(request, response);
    else response.writeHead(403, { 'content-length': 0 }).end();
  });
  // Boundaries and instrumentations stand in the servers' own `emit`: these requests are none of the application's.
  server.emit = EventEmitter.prototype.emit;
  server.on('connection', (socket) => socket.unref());
  server.on('error', (error) => {
    warn(`SIGNALBOX_STATS_PORT: no stats are served on port ${port} (${error.message})`);
  });
  runDetached(() => {
    // Exclusive: workers of a cluster would share the port, and each answer would be of another process.
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) {
        info(`stats are served on http://127.0.0.1:${address.port}/`);
      }
    });
  });
  server.unref();
}

function isLoopback({ headers: { host = '' } }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(host);
}
