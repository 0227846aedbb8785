import {
  type Attributes,
  createNoopMeter,
  type MeterProvider,
  metrics as metricsApi,
  type ObservableResult,
} from '@opentelemetry/api';
import {
  type BackendCounts,
  BackendMetrics,
  type MetricsComponent,
  type QueueSize,
} from './backend-metrics.js';
import { createInstruments, type Instruments } from './instruments.js';
import type { KeyTallies } from './key-tallies.js';
import type { RoutingDropReason } from './reasons.js';
import { warnOnce } from './warn-once.js';

/** The metrics of one processor. Nothing here throws, whatever the provider does. */
export interface Metrics {
  /**
   * One exporter's part of them; its ledger reports there, and tells what it holds through `counts`. Those of
   * the same name are one component.
   */
  backend(backend: MetricsComponent, counts: BackendCounts): BackendMetrics;
  /** Spans were dropped before the backends. */
  drop(reason: RoutingDropReason, spans: number): void;
  /** Observes the queues no more. */
  close(): void;
}

/**
 * Creates the metrics of one processor, after the "Semantic conventions for OpenTelemetry SDK metrics"
 * (https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics, in development).
 *
 * A backend is two components of its name: a `batching_span_processor`, whose spans are `processed` when
 * they are first sent or are dropped before, and an exporter, whose spans are `inflight` from then until
 * they are settled, back-off included, and then `exported`, once. A queue has a `capacity` only where it is
 * bounded in spans. What is dropped before the backends is `processed`, with an error, by the component
 * `RoutingSpanProcessor`; what that hands over is counted by the backends' components alone.
 *
 * Two processors with backends of the same name should not share a provider: counts would add up, but of
 * their queues' sizes only one would be seen.
 *
 * Beside these there is one of signalbox's own, `signalbox.route.spans`, for routes that are counted by key.
 *
 * @param provider - Where they go. `undefined` is the global one, which may be registered later: it is
 *   looked for when a batch starts or ends and when spans are dropped, since the API has no proxy for
 *   meters. What was counted before that is in `stats()` alone; what is queued and in flight then, is stated.
 * @param tallies - What is counted by route key; nothing by default.
 */
export function createMetrics(
  provider: MeterProvider | undefined,
  tallies: Pick<KeyTallies, 'entries'> = { entries: () => [] },
): Metrics {
  const backends = new Set<BackendMetrics>();
  const dropped = new Map<RoutingDropReason, Attributes>();
  let instruments: Instruments | undefined;
  let isOver = false;

  function connect(): Instruments | undefined {
    if (instruments !== undefined || isOver) return instruments;
    try {
      const meter = (provider ?? metricsApi.getMeterProvider()).getMeter('signalbox');
      if (meter !== createNoopMeter()) {
        instruments = createInstruments(meter, observeQueues, observeRoutes, reportThrow);
      }
    } catch (error) {
      isOver = true;
      reportThrow(error);
    }
    return instruments;
  }

  function observeQueues(result: ObservableResult): void {
    // Of several observations with the same attributes the last one would count alone.
    const sizes = new Map<string, QueueSize>();
    for (const backend of backends) backend.addQueued(sizes);
    for (const { spans, attributes } of sizes.values()) result.observe(spans, attributes);
  }

  function observeRoutes(result: ObservableResult): void {
    for (const [key, backend, tally] of tallies.entries()) {
      for (const outcome of OUTCOMES) {
        result.observe(tally[outcome], {
          'signalbox.route': key,
          'otel.component.name': backend,
          'signalbox.outcome': outcome.replace('moved', 'moved_').toLowerCase(),
        });
      }
    }
  }

  // With a provider given or registered by now the queues are seen from their first span on.
  connect();

  return {
    backend(backend, counts) {
      const backendMetrics = new BackendMetrics(backend, counts, connect, (closed) =>
        backends.delete(closed),
      );
      backends.add(backendMetrics);
      return backendMetrics;
    },
    drop(reason, spans) {
      let attributes = dropped.get(reason);
      if (attributes === undefined) {
        attributes = {
          'otel.component.name': 'signalbox',
          'otel.component.type': 'RoutingSpanProcessor',
          'error.type': reason,
        };
        dropped.set(reason, attributes);
      }
      connect()?.processed(spans, attributes);
    },
    close() {
      isOver = true;
      instruments?.close();
    },
  };
}

const OUTCOMES = ['accepted', 'delivered', 'dropped', 'movedIn', 'movedOut'] as const;

function reportThrow(error: unknown): void {
  warnOnce('metrics', `the MeterProvider threw, so there are no more metrics: ${String(error)}`);
}
