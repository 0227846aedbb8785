import { randomBytes } from 'node:crypto';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan } from '../sdk.js';
import { VERSION } from '../version.js';

/**
 * Makes a span that says of itself that it is a probe: by its name, its service `signalbox-probe` and the attribute
 * `signalbox.probe`. It is the root of a trace of its own.
 *
 * @param epochMs - When it started and ended.
 */
export function createProbeSpan(epochMs: number): ReadableSpan {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  const time: [number, number] = [Math.floor(epochMs / 1000), (epochMs % 1000) * 1_000_000];
  return {
    name: 'signalbox probe',
    kind: SpanKind.INTERNAL,
    spanContext: () => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED }),
    startTime: time,
    endTime: time,
    duration: [0, 0],
    ended: true,
    status: { code: SpanStatusCode.UNSET },
    attributes: { 'signalbox.probe': true },
    links: [],
    events: [],
    resource: { attributes: { 'service.name': 'signalbox-probe' } },
    instrumentationScope: { name: 'signalbox', version: VERSION },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
