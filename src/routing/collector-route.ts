import type { ResolvedConfig } from '../config/resolved.js';
import type { Exporter, ExporterRole } from '../exporter/exporter.js';
import type { RouteDestination } from './table.js';

/**
 * Creates what leads every key to the Collector that has the routes, each under its own name; `undefined` where the
 * routes are here.
 *
 * Nothing is remembered of a key: requests may make up any number of them.
 */
export function createCollectorRoute(
  config: ResolvedConfig,
  exporterOf: (backend: string, role: ExporterRole) => Exporter,
): ((key: string) => RouteDestination) | undefined {
  const { collector } = config;
  if (collector === undefined) return undefined;
  const backends = Object.freeze([collector]);
  const exporters = Object.freeze([exporterOf(collector, 'primary')]);
  const classes = Object.freeze([config.backends.get(collector)?.class]);
  const rest = { choose: undefined, lane: undefined, classes, rerooting: undefined };
  return (routeKey) => ({ routeKey, exporters, backends, ...rest });
}
