/**
 * What the viewer's server says to its page, as JSON. Types alone, which both sides share.
 *
 * Names of backends, keys and services are as they came; the empty string stands for none.
 */

/** `GET api/overview`: all that the page shows at a glance. */
export interface Overview {
  /** Grows with all that changes what the API says; equal while nothing has. */
  readonly revision: number;
  /** When the server wrote this, in milliseconds since the epoch. */
  readonly at: number;
  /** Spans that arrived since the start. */
  readonly received: number;
  /** Spans held now, and how many can be. */
  readonly held: number;
  readonly capacity: number;
  /** Bytes that the held spans take, about. */
  readonly heldBytes: number;
  /** Traces of the held spans. */
  readonly traces: number;
  /** Mean of the last ten seconds. */
  readonly spansPerSecond: number;
  readonly backends: readonly BackendRow[];
  readonly flow: readonly FlowLink[];
  /** How many keys had spans in the last minute; `flow` names the largest alone. */
  readonly flowKeys: number;
  /** What filters can offer, the most frequent first; of thousands, the first hundreds. */
  readonly keys: readonly Named[];
  readonly services: readonly Named[];
  /** Absent without `--stats`. */
  readonly service?: ServiceReport;
}

/** A value and how many held spans have it. */
export interface Named {
  readonly name: string;
  readonly spans: number;
}

/** What one backend received since the start. */
export interface BackendRow {
  readonly name: string;
  readonly spans: number;
  /** Of bodies, as they came over the wire. */
  readonly bytes: number;
  readonly requests: number;
  /** Requests that were answered with other than success, or not at all. */
  readonly refused: number;
  /** `0` where the last request got no answer. */
  readonly lastStatus: number;
  readonly lastAt: number;
  /** Spans in each of the last 60 full seconds, oldest first. */
  readonly perSecond: readonly number[];
  readonly spansPerSecond: number;
  /** What it was told to suffer from, such as `503 for 30s`. */
  readonly fault?: string;
}

/** Spans of one key that one backend received in the last minute. */
export interface FlowLink {
  /** `null` stands for all keys that are not named, together. */
  readonly key: string | null;
  readonly backend: string;
  readonly spans: number;
}

/** What the service says of itself, or why it can not be asked. */
export type ServiceReport =
  | { readonly status: 'asking' }
  | { readonly status: 'unreachable'; readonly problem: string }
  | { readonly status: 'answered'; readonly stats: ServiceStats };

/** The part of a service's `stats()` that the page shows. */
export interface ServiceStats {
  readonly ended: number;
  readonly routed: number;
  readonly parked: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly backends: Readonly<Record<string, ServiceBackendStats>>;
}

/** One backend of a service, seen from the service. */
export interface ServiceBackendStats {
  readonly state: 'up' | 'degraded' | 'down';
  readonly accepted: number;
  readonly delivered: number;
  readonly queued: number;
  readonly inFlight: number;
  readonly spooled: number;
  /** Of the service's last hundred failures, those of this backend that were to be sent again. */
  readonly recentRetries: number;
  readonly lastFailure: { readonly at: number; readonly message: string } | undefined;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Why a trace deserves a look. */
export type TraceFlag =
  /** Its spans are not all at the same backends. */
  | 'split'
  /** A span arrived more than once at one backend. */
  | 'repeated';

/** `GET api/traces`: a window of the traces that match, newest first. */
export interface TracePage {
  readonly revision: number;
  /** How many match, from `upTo` down. */
  readonly total: number;
  /** The newest of all that match: what `upTo` may become. */
  readonly newest: number;
  /** How many match that are newer than `upTo`. */
  readonly newer: number;
  readonly offset: number;
  readonly rows: readonly TraceRow[];
}

/** One trace in the list. */
export interface TraceRow {
  /** Grows in the order in which the traces' first spans arrived. */
  readonly number: number;
  readonly traceId: string;
  /** Of the root span; of the earliest where the root is not here. */
  readonly name: string;
  readonly service: string;
  readonly isRootMissing: boolean;
  readonly keys: readonly string[];
  readonly backends: readonly string[];
  /** Distinct spans. */
  readonly spans: number;
  readonly errors: number;
  /** When its first span arrived, in milliseconds since the epoch: lists are in this order. */
  readonly arrivedAt: number;
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly flags: readonly TraceFlag[];
}

/** `GET api/traces/<id>`: one trace, for its waterfall. */
export interface TraceDetail {
  readonly revision: number;
  readonly trace: TraceRow;
  /** Parents before their children, siblings by their start. */
  readonly spans: readonly WaterfallSpan[];
}

/** One distinct span of a trace. */
export interface WaterfallSpan {
  readonly spanId: string;
  readonly depth: number;
  /** How many rows below this one are its descendants. */
  readonly descendants: number;
  /** It names a parent that is not here. */
  readonly isOrphan: boolean;
  readonly name: string;
  readonly service: string;
  readonly key: string;
  readonly kind: number;
  readonly isError: boolean;
  /** After the trace's start. */
  readonly offsetMs: number;
  readonly durationMs: number;
  readonly copies: readonly SpanCopy[];
}

/** One arrival of a span. */
export interface SpanCopy {
  /** By which `api/spans/<number>` knows it. */
  readonly number: number;
  readonly backend: string;
}

/** `GET api/spans?trace=<id>`: what is held of a trace, one entry per arrival. */
export interface HeldSpans {
  readonly spans: readonly {
    readonly number: number;
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId: string;
    readonly name: string;
    readonly service: string;
    readonly key: string;
    readonly backend: string;
  }[];
}

/** `GET api/spans/<number>`: everything about one arrival of a span. */
export interface SpanDetail {
  readonly number: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code: number; readonly message: string };
  readonly startUnixNano: string;
  readonly endUnixNano: string;
  readonly backend: string;
  readonly attributes: readonly AttributeText[];
  readonly droppedAttributes: number;
  readonly events: readonly EventText[];
  readonly droppedEvents: number;
  readonly links: readonly LinkText[];
  readonly droppedLinks: number;
  readonly scope: { readonly name: string; readonly version: string };
  readonly scopeAttributes: readonly AttributeText[];
  readonly resource: readonly AttributeText[];
  /** How many attributes, events and links of a very large span were left out. */
  readonly omittedEntries: number;
  readonly request: RequestText;
}

/** An attribute, as text; the page never makes anything else of it. */
export interface AttributeText {
  readonly key: string;
  readonly type: string;
  readonly text: string;
  /** How many characters of a very long value were left out. */
  readonly omitted: number;
}

/** An event of a span. */
export interface EventText {
  readonly name: string;
  /** After the span's start. */
  readonly offsetMs: number;
  readonly attributes: readonly AttributeText[];
}

/** A link of a span. */
export interface LinkText {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: readonly AttributeText[];
}

/** The request that carried a span. */
export interface RequestText {
  readonly url: string;
  readonly receivedAt: number;
  readonly httpStatus: number;
  readonly wireBytes: number;
  readonly bodyBytes: number;
  readonly spans: number;
  /** Those that may hold a credential are masked. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}
