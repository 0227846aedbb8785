import { randomBytes } from 'node:crypto';
import { type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import type { InstrumentationScope, ReadableSpan, Resource } from '../sdk.js';
import type { Diagnostic } from './diagnostics.js';
import type { SentRequest } from './sent-requests.js';

/** Who sends, as every record says. */
export interface Sender {
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
}

/** A log record as the SDK hands it to an exporter (its `ReadableLogRecord`), reduced to what is used. */
export interface LogRecord extends Sender {
  readonly hrTime: HrTime;
  readonly hrTimeObserved: HrTime;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly droppedAttributesCount: number;
}

// "SeverityNumber" of the logs data model.
const INFO = 9;
const WARN = 13;

/** A diagnostic as a log record: an event, a backend, a reason and a count. */
export function toLogRecord(
  { event, backend, reason, count }: Diagnostic,
  sender: Sender,
  epochMs: number,
): LogRecord {
  return {
    ...createRecord(sender, epochMs),
    severityNumber: WARN,
    severityText: 'WARN',
    eventName: `signalbox.${event}`,
    body: event,
    attributes: {
      ...(backend !== undefined && { 'signalbox.backend': backend }),
      ...(reason !== undefined && { 'signalbox.reason': reason }),
      'signalbox.count': count,
    },
  };
}

/** A heap profile, in the form that the developer tools of Chrome and Node read. */
export function toProfileRecord(
  profile: string,
  durationMs: number,
  sender: Sender,
  epochMs: number,
): LogRecord {
  return {
    ...createRecord(sender, epochMs),
    severityNumber: INFO,
    severityText: 'INFO',
    eventName: 'signalbox.heap_profile',
    body: profile,
    attributes: { 'signalbox.profile.format': 'heapprofile', 'signalbox.profile.ms': durationMs },
  };
}

function createRecord(sender: Sender, epochMs: number) {
  const hrTime = millisToHrTime(epochMs);
  return { ...sender, hrTime, hrTimeObserved: hrTime, droppedAttributesCount: 0 };
}

/** A request as a span, the only one of its trace. */
export function toSpan(request: SentRequest, sender: Sender): ReadableSpan {
  const { backend, status, spans, rejectedSpans, bytes, httpStatus, errorType } = request;
  const context = {
    traceId: randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    traceFlags: TraceFlags.SAMPLED,
  };
  return {
    ...sender,
    name: 'export',
    kind: SpanKind.CLIENT,
    spanContext: () => context,
    startTime: millisToHrTime(request.endedAtMs - request.durationMs),
    endTime: millisToHrTime(request.endedAtMs),
    duration: millisToHrTime(request.durationMs),
    status: { code: errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
    attributes: {
      'signalbox.backend': backend,
      'signalbox.status': status,
      'signalbox.spans': spans,
      'signalbox.bytes': bytes,
      ...(rejectedSpans > 0 && { 'signalbox.rejected_spans': rejectedSpans }),
      ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
      ...(errorType !== undefined && { 'error.type': errorType }),
    },
    events: [],
    links: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
