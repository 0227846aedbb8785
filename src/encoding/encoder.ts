import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { Backend } from '../config/resolved.js';
import type { ReadableSpan } from '../sdk.js';
import { createSizeEstimate } from './estimate.js';
import type { RoutedSpan } from './routed-span.js';
import { createSpanView, type SpanViewOptions } from './span-view.js';

/**
 * Turns spans into one backend's request bodies.
 *
 * The seam between what a queue holds and what the wire carries: an exporter asks for sizes when it
 * accepts a span and for bytes when it makes a batch, and knows nothing of the protocol.
 */
export interface Encoder {
  /** The `Content-Type` of the bodies it makes. */
  readonly contentType: string;
  /** How many bytes the span will take in a body; see {@link createSizeEstimate} for the error bound. */
  estimateBytes(span: RoutedSpan): number;
  /**
   * One `ExportTraceServiceRequest` with these spans, in this order within a resource and scope.
   *
   * @throws what the serializer throws on a span that it can not encode.
   */
  encode(spans: readonly RoutedSpan[]): Uint8Array;
}

/** What of a backend's configuration decides how its spans are encoded. */
export interface EncoderOptions extends SpanViewOptions {
  readonly protocol: Backend['protocol'];
}

/** The part of an official serializer that is used, in terms of what signalbox knows of a span. */
interface Serializer {
  serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined;
}

const serializers: Record<Backend['protocol'], Serializer> = {
  'http/protobuf': ProtobufTraceSerializer,
  'http/json': JsonTraceSerializer,
};

const contentTypes: Record<Backend['protocol'], string> = {
  'http/protobuf': 'application/x-protobuf',
  'http/json': 'application/json',
};

/** Creates an encoder that leaves the bytes to OpenTelemetry's own serializers. */
export function createEncoder(options: EncoderOptions): Encoder {
  const { protocol, routeAttribute } = options;
  const serializer = serializers[protocol];
  const view = createSpanView(options);
  return {
    contentType: contentTypes[protocol],
    estimateBytes: createSizeEstimate(protocol, routeAttribute),
    encode(spans) {
      const body = serializer.serializeRequest(spans.map(view));
      if (body === undefined) throw new Error('the serializer returned nothing');
      return body;
    },
  };
}
