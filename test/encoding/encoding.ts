import { createChunks, type Message } from '../../src/encoding/chunks.js';
import type { EncodedRun } from '../../src/encoding/envelope.js';
import type { RoutedSpan } from '../../src/encoding/routed-span.js';
import { createSpanEncoder, type SpanEncoderOptions } from '../../src/encoding/span-encoder.js';
import { decodeRequest } from '../../src/receiver/decode.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import type { InstrumentationScope, ReadableSpan, Resource } from '../../src/sdk.js';
import type { RequestBody } from '../../src/transport/body.js';

/** The content types, by protocol. */
export const mediaTypes = {
  'http/protobuf': 'application/x-protobuf',
  'http/json': 'application/json',
} as const;

/** The body of one request with these spans. */
export function encodeBody(options: SpanEncoderOptions, spans: readonly RoutedSpan[]): RequestBody {
  const encoder = createSpanEncoder(options);
  const chunks = createChunks();
  const runs: EncodedRun[] = [];
  for (const routed of spans) {
    const { resource, instrumentationScope: scope } = routed.span;
    const run = toRun({ message: notError(encoder.encode(routed, chunks)), resource, scope });
    const last = runs.at(-1);
    if (last?.chunk !== run.chunk || last.resource !== resource || last.scope !== scope) {
      runs.push(run);
    } else {
      runs[runs.length - 1] = { ...last, to: run.to };
    }
  }
  return notError(encoder.createBody(runs));
}

/** A run of one span. */
export function toRun({
  message: { chunk, index },
  resource,
  scope,
}: {
  readonly message: Message;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}): EncodedRun {
  return { chunk, from: index, to: index + 1, resource, scope };
}

/** The bytes of a body. */
export function bytesOf({ parts }: RequestBody): Buffer {
  return Buffer.concat(parts);
}

/** The spans that a receiver reads from what is encoded. */
export function decodeSpans(
  options: SpanEncoderOptions,
  spans: readonly RoutedSpan[],
): ReceivedSpan[] {
  const body = bytesOf(encodeBody(options, spans));
  return notError(decodeRequest(mediaTypes[options.protocol], body));
}

/** Spans that carry no route key. */
export function unrouted(spans: readonly ReadableSpan[]): RoutedSpan[] {
  return spans.map((span) => ({ span, routeKey: undefined }));
}

/** The value, or the test fails with the error. */
export function notError<T>(result: T | Error): T {
  if (result instanceof Error) throw result;
  return result;
}
