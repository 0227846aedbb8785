import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RecentDecision, RecentFailure } from './accounting/recent.js';
import type { RoutingStats } from './accounting/stats.js';
import type { RoutingSpanProcessor } from './routing/processor.js';

/** What {@link statsHandler} answers with: `stats()`, and what happened lately. */
export interface StatsReport extends RoutingStats {
  /** The last 100 since the handler was made, the newest first. */
  readonly recentDecisions: readonly RecentDecision[];
  /** Requests to backends that failed: the last 100 since the handler was made, the newest first. */
  readonly recentFailures: readonly RecentFailure[];
}

/**
 * A request handler that shows what becomes of a processor's spans, as a {@link StatsReport} in JSON: for
 * `signalbox explain --stats`, for `signalbox sink --stats`, and for people.
 *
 * It shows route keys, trace ids and the names of backends; no span contents, no URLs and no credentials. Who may
 * ask is not its own business: mount it on a path, or a port, that only those who may know the route keys can reach.
 *
 * Decisions and failures are remembered from here on, a hundred of each.
 *
 * @returns a listener for `node:http`, which Express and Connect take as well.
 */
export function statsHandler(
  processor: RoutingSpanProcessor,
): (request: IncomingMessage, response: ServerResponse) => void {
  const recent = processor.watch();
  return (request, response) => {
    const { method = 'GET' } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end();
      return;
    }
    const report: StatsReport = {
      ...processor.stats(),
      recentDecisions: recent.decisions(),
      recentFailures: recent.failures(),
    };
    const body = JSON.stringify(report);
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(method === 'HEAD' ? undefined : body);
  };
}
