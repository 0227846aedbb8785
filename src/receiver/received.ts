import type { IncomingHttpHeaders } from 'node:http';

/**
 * One request that a receiver has read and decoded: the same shape for JSON and protobuf, so that what two
 * senders sent can be compared whatever they spoke.
 */
export interface ReceivedRequest {
  /** First segment of the path, or `undefined` where the path names no backend. */
  readonly backend: string | undefined;
  /** The path, without a query. */
  readonly path: string;
  /** Names in lower case, as Node gives them. */
  readonly headers: IncomingHttpHeaders;
  /** Size of the body on the wire. */
  readonly wireBytes: number;
  /** The body, inflated. */
  readonly body: Uint8Array;
  /** In the order in which the body has them. */
  readonly spans: readonly ReceivedSpan[];
}

/** A `Span` of OTLP, with the resource and the scope under which it came. */
export interface ReceivedSpan {
  readonly resource: ReceivedResource;
  readonly scope: ReceivedScope;
  /** Lower-case hex, 32 digits. */
  readonly traceId: string;
  /** Lower-case hex, 16 digits. */
  readonly spanId: string;
  readonly traceState: string;
  /** Lower-case hex, 16 digits; empty for a root span. */
  readonly parentSpanId: string;
  /** W3C trace flags in the low 8 bits, `is_remote` and whether it is known above. */
  readonly flags: number;
  readonly name: string;
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly events: readonly ReceivedEvent[];
  readonly droppedEventsCount: number;
  readonly links: readonly ReceivedLink[];
  readonly droppedLinksCount: number;
  readonly status: ReceivedStatus;
}

/** A `Resource`, with the schema URL of its `ResourceSpans`. */
export interface ReceivedResource {
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
}

/** An `InstrumentationScope`, with the schema URL of its `ScopeSpans`. */
export interface ReceivedScope {
  readonly name: string;
  readonly version: string;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
}

/** A `Span.Event`. */
export interface ReceivedEvent {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
}

/** A `Span.Link`. */
export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly flags: number;
}

/** A `Status`. */
export interface ReceivedStatus {
  readonly message: string;
  /** 0 unset, 1 ok, 2 error. */
  readonly code: number;
}

/** One attribute. A list of them keeps order and duplicates, as the wire does. */
export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** A value with its type on the wire, so that the integer 1, the double 1 and the string `'1'` differ. */
export type AnyValue =
  | { readonly type: 'empty'; readonly value: undefined }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'array'; readonly value: readonly AnyValue[] }
  | { readonly type: 'kvlist'; readonly value: readonly KeyValue[] }
  | { readonly type: 'bytes'; readonly value: Uint8Array };
