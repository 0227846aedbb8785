export type { BackendStats, DecisionStats, RoutingStats } from './accounting/stats.js';
export {
  getRoute,
  type RouteOutcome,
  setRoute,
  withBoundary,
  withRoute,
} from './boundary/route.js';
export { loadConfig } from './config/env.js';
export { ConfigError, type ConfigProblem } from './config/error.js';
export type { BackendConfig, SignalboxConfig } from './config/schema.js';
export { RoutingSpanProcessor, type StartedSpan } from './routing/processor.js';
export type { ExportResult, ReadableSpan, SpanExporter } from './sdk.js';
