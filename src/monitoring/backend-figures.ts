import type { Health } from '../accounting/health.js';
import type { BackendState, BackendStats, RoutingStats } from '../accounting/stats.js';
import type { Metric, MetricMaker, Point } from './metric-data.js';
import type { RequestTally, Tallies } from './tallies.js';

/** Counts of backends, by the names that they may be told under. */
export type BackendCounts = ReadonlyMap<string, BackendStats>;

const STATES: readonly BackendState[] = ['up', 'degraded', 'down'];

/** `status`: how the pipeline and each of its backends are. */
export function statusMetrics(make: MetricMaker, { status, backends }: Health): Metric[] {
  const entries = Object.entries(backends);
  return [
    ...make.upDownCounter(
      {
        name: 'signalbox.status',
        unit: '{processor}',
        description: '1 for the state that the pipeline as a whole is in, 0 for the others.',
      },
      statePoints(status),
    ),
    ...make.upDownCounter(
      {
        name: 'signalbox.backend.status',
        unit: '{backend}',
        description: '1 for the state that the backend is in, 0 for the others.',
      },
      entries.flatMap(([name, { state }]) => statePoints(state, name)),
    ),
    ...make.gauge(
      {
        name: 'signalbox.backend.last_delivered',
        unit: 's',
        description: 'When the backend last acknowledged a span, in seconds since the epoch.',
      },
      entries.flatMap(([name, { lastDeliveredAt }]) =>
        lastDeliveredAt === undefined ? [] : [point(name, lastDeliveredAt / 1000)],
      ),
    ),
    ...make.gauge(
      {
        name: 'signalbox.backend.oldest_queued',
        unit: 's',
        description: 'How long the oldest span in memory has waited; 0 where there is none.',
      },
      entries.map(([name, { oldestQueuedMs = 0 }]) => point(name, oldestQueuedMs / 1000)),
    ),
  ];
}

/** `usage`: how much each backend was given, and took. */
export function usageMetrics(
  make: MetricMaker,
  backends: BackendCounts,
  bytes: ReturnType<Tallies['bytes']>,
): Metric[] {
  const counts = (countOf: (stats: BackendStats, name: string) => number) =>
    Array.from(backends, ([name, stats]) => point(name, countOf(stats, name)));
  return [
    ...make.counter(
      {
        name: 'signalbox.usage.spans.accepted',
        unit: '{span}',
        description: 'Spans that were handed to the exporter of the backend.',
      },
      counts(({ accepted }) => accepted),
    ),
    ...make.counter(
      {
        name: 'signalbox.usage.spans.delivered',
        unit: '{span}',
        description: 'Spans that the backend acknowledged.',
      },
      counts(({ delivered }) => delivered),
    ),
    ...make.counter(
      {
        name: 'signalbox.usage.bytes.accepted',
        unit: 'By',
        description: 'Bytes of spans that have left the queue of the backend, before compression.',
      },
      counts((_, name) => bytes.get(name)?.accepted ?? 0),
    ),
    ...make.counter(
      {
        name: 'signalbox.usage.bytes.sent',
        unit: 'By',
        description: 'Bytes of bodies that were sent, those of every attempt, as they were sent.',
      },
      counts((stats) => stats.bytes),
    ),
    ...make.counter(
      {
        name: 'signalbox.usage.bytes.delivered',
        unit: 'By',
        description: 'Bytes of bodies that the backend acknowledged, as they were sent.',
      },
      counts((_, name) => bytes.get(name)?.delivered ?? 0),
    ),
  ];
}

/** `metrics`, the part of it that is the pipeline's. */
export function pipelineMetrics(
  make: MetricMaker,
  stats: RoutingStats,
  backends: BackendCounts,
  requests: Iterable<RequestTally>,
): Metric[] {
  const { ended, routed, filtered, parked, dropped, decisions } = stats;
  const held = (countOf: (each: BackendStats) => number) =>
    Array.from(backends, ([name, each]) => point(name, countOf(each)));
  return [
    ...make.counter(
      { name: 'signalbox.spans.ended', unit: '{span}', description: 'Sampled spans that ended.' },
      [{ value: ended }],
    ),
    ...make.counter(
      {
        name: 'signalbox.spans.routed',
        unit: '{span}',
        description: 'Spans that were handed to at least one backend.',
      },
      [{ value: routed }],
    ),
    ...make.counter(
      {
        name: 'signalbox.spans.filtered',
        unit: '{span}',
        description: 'Copies of spans that were left out by what a backend may see.',
      },
      [{ value: filtered }],
    ),
    ...make.upDownCounter(
      {
        name: 'signalbox.spans.parked',
        unit: '{span}',
        description: 'Spans that wait for the route of their request.',
      },
      [{ value: parked }],
    ),
    ...make.counter(
      {
        name: 'signalbox.spans.dropped',
        unit: '{span}',
        description: 'Spans that reached no backend, by reason.',
      },
      Object.entries(dropped).map(([reason, value]) => ({
        value,
        attributes: { 'signalbox.reason': reason },
      })),
    ),
    ...make.counter(
      {
        name: 'signalbox.decisions',
        unit: '{decision}',
        description: 'How decisions were made, or were not.',
      },
      Object.entries(decisions).map(([outcome, value]) => ({
        value,
        attributes: { 'signalbox.outcome': outcome },
      })),
    ),
    ...make.upDownCounter(
      {
        name: 'signalbox.backend.queued',
        unit: '{span}',
        description: 'Spans in memory that are not on the wire.',
      },
      held(({ queued }) => queued),
    ),
    ...make.upDownCounter(
      {
        name: 'signalbox.backend.in_flight',
        unit: '{span}',
        description: 'Spans on the wire.',
      },
      held(({ inFlight }) => inFlight),
    ),
    ...make.upDownCounter(
      { name: 'signalbox.backend.spooled', unit: '{span}', description: 'Spans on disk.' },
      held(({ spooled }) => spooled),
    ),
    ...make.counter(
      {
        name: 'signalbox.backend.dropped',
        unit: '{span}',
        description: 'Spans of the backend that were lost, by reason.',
      },
      Array.from(backends).flatMap(([name, each]) =>
        Object.entries(each.dropped).map(([reason, value]) => ({
          value,
          attributes: { 'signalbox.backend': name, 'signalbox.reason': reason },
        })),
      ),
    ),
    ...make.durations(
      {
        name: 'signalbox.backend.request.duration',
        description: 'Requests to the backend, from each to its answer.',
      },
      Array.from(requests, ({ backend, status, requests: count, durationMs }) => ({
        count,
        sumMs: durationMs,
        attributes: { 'signalbox.backend': backend, 'signalbox.status': status },
      })),
    ),
  ];
}

function point(backend: string, value: number): Point {
  return { value, attributes: { 'signalbox.backend': backend } };
}

function statePoints(current: BackendState, backend?: string): Point[] {
  return STATES.map((state) => ({
    value: state === current ? 1 : 0,
    attributes: {
      ...(backend !== undefined && { 'signalbox.backend': backend }),
      'signalbox.state': state,
    },
  }));
}
