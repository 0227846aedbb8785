export type { BackendHealth, Health } from './accounting/health.js';
export type { BackendDropReason, RoutingDropReason } from './accounting/reasons.js';
export type { DecidedBy, RecentDecision, RecentFailure } from './accounting/recent.js';
export type {
  BackendState,
  BackendStats,
  DecisionStats,
  RouteStats,
  RoutingStats,
} from './accounting/stats.js';
export { type FlushRequestOptions, flushRequest } from './boundary/flush.js';
export { RoutePropagator, type RoutePropagatorOptions } from './boundary/propagator.js';
export {
  getRoute,
  type RouteOutcome,
  setRoute,
  withBoundary,
  withRoute,
} from './boundary/route.js';
export type { AuditEvent, AuditResource } from './config/audit-event.js';
export { loadConfig } from './config/env.js';
export { ConfigError, type ConfigProblem } from './config/error.js';
export type { MonitoringConfig, MonitoringType } from './config/monitoring-settings.js';
export type {
  CredentialsCallback,
  CredentialsRequest,
  RouteBackend,
  SpanView,
} from './config/options.js';
export type { BackendConfig, ResolveBackend, SignalboxConfig } from './config/schema.js';
export type { HeapProfileOptions } from './monitoring/watch.js';
export { RoutingSpanProcessor, type StartedSpan } from './routing/processor.js';
export type {
  ExportResult,
  InstrumentationScope,
  ReadableSpan,
  Resource,
  SpanEvent,
  SpanExporter,
} from './sdk.js';
export { type StatsReport, statsHandler } from './stats-handler.js';
export { parseAuditResources } from './transport/audit-resources.js';
