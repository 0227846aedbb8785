import type { RoutedSpan } from './routed-span.js';

/**
 * Turns spans into one backend's request bodies.
 *
 * The seam between what a queue holds and what the wire carries: an exporter asks for sizes when it
 * accepts a span and for bytes when it makes a batch, and knows nothing of the protocol.
 */
export interface Encoder {
  /** The `Content-Type` of the bodies it makes. */
  readonly contentType: string;
  /** How many bytes the span will take in a body, estimated; `docs/limits.md` has the error bound. */
  estimateBytes(span: RoutedSpan): number;
  /**
   * One `ExportTraceServiceRequest` with these spans, in this order within a resource and scope.
   *
   * @throws what the serializer throws on a span that it can not encode.
   */
  encode(spans: readonly RoutedSpan[]): Uint8Array;
}
