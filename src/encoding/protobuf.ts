import type { Link, SpanContext, SpanStatus } from '@opentelemetry/api';
import type { SpanEvent } from '../sdk.js';
import { type FindRule, NO_RULE, omitting } from './attribute-rules.js';
import { writeAttribute, writeAttributes, writeKey } from './attributes.js';
import { createBoundedCache } from './bounded-cache.js';
import { type Chunk, requireRoom, type Write, writeApart } from './chunks.js';
import { createIdWriter } from './ids.js';
import { createKeys, EncodedKey, type Keys } from './keys.js';
import type { RoutedSpan } from './routed-span.js';
import { asText, countOf, flagsOf, kindOf } from './span-fields.js';
import { ownedAttributes, type SpanViewOptions } from './span-view.js';
import { createWords, writeWords } from './words.js';
import {
  closeMessage,
  writeFixed32,
  writeId,
  writeText,
  writeTime,
  writeVarint,
} from './writer.js';

const TRACE_ID_SIZE = 16;
const SPAN_ID_SIZE = 8;

/** How many route keys are kept encoded. */
const MAX_ROUTE_KEYS = 4096;

/**
 * Creates the function that writes a span as the field `ScopeSpans.spans`, by the messages of
 * `opentelemetry/proto/trace/v1/trace.proto`.
 *
 * Byte for byte what the official serializer writes, empty fields that it writes included; the route
 * attribute comes last.
 */
export function createSpanWriter(
  options: SpanViewOptions,
  findRule: FindRule = NO_RULE,
): Write<RoutedSpan> {
  const { routeAttribute } = options;
  const spanKeys = createKeys(writeKey, omitting(ownedAttributes(options), findRule));
  const otherKeys = createKeys(writeKey, findRule);
  const routeName = new EncodedKey(writeKey, routeAttribute ?? '');
  const writeRoute: Write<string> = (chunk, position, routeKey) =>
    writeAttribute(chunk, position, 0x4a, routeName, routeKey);
  const encodeRoute = createBoundedCache(MAX_ROUTE_KEYS, (routeKey) =>
    createWords(writeApart(writeRoute, routeKey)),
  );
  const writeTraceId = createIdWriter(TRACE_ID_SIZE, writeTraceIdBytes);
  const writeParentId = createIdWriter(SPAN_ID_SIZE, writeSpanIdBytes);

  return (chunk, position, { span, routeKey }) => {
    const { bytes } = chunk;
    const context = span.spanContext();
    const { parentSpanContext } = span;
    requireRoom(chunk, position, 0);
    bytes[position] = 0x12; // spans = 2
    // Most spans take between 128 bytes and 16 kB, the length of which takes two.
    const start = position + 3;
    let at = start;
    bytes[at++] = 0x0a; // trace_id = 1
    bytes[at++] = TRACE_ID_SIZE;
    at = writeTraceId(chunk, at, context.traceId);
    bytes[at++] = 0x12; // span_id = 2
    bytes[at++] = SPAN_ID_SIZE;
    at = writeSpanIdBytes(chunk, at, context.spanId);
    at = writeTraceState(chunk, at, context);
    if (parentSpanContext?.spanId) {
      bytes[at++] = 0x22; // parent_span_id = 4
      bytes[at++] = SPAN_ID_SIZE;
      at = writeParentId(chunk, at, parentSpanContext.spanId);
    }
    bytes[at++] = 0x2a; // name = 5
    at = writeText(chunk, at, asText(span.name));
    const kind = kindOf(span.kind);
    if (kind !== 0) {
      bytes[at++] = 0x30; // kind = 6
      at = writeVarint(chunk, at, kind);
    }
    bytes[at++] = 0x39; // start_time_unix_nano = 7
    at = writeTime(chunk, at, span.startTime);
    bytes[at++] = 0x41; // end_time_unix_nano = 8
    at = writeTime(chunk, at, span.endTime);
    at = writeAttributes(chunk, at, 0x4a, span.attributes, spanKeys); // attributes = 9
    if (routeAttribute !== undefined && routeKey !== undefined) {
      const route = encodeRoute(routeKey);
      requireRoom(chunk, at, route.size);
      at = writeWords(chunk, at, route);
    }
    bytes[at++] = 0x50; // dropped_attributes_count = 10
    at = writeVarint(chunk, at, countOf(span.droppedAttributesCount));
    for (const event of span.events) at = writeEvent(chunk, at, event, otherKeys);
    bytes[at++] = 0x60; // dropped_events_count = 12
    at = writeVarint(chunk, at, countOf(span.droppedEventsCount));
    for (const link of span.links) at = writeLink(chunk, at, link, otherKeys);
    bytes[at++] = 0x70; // dropped_links_count = 14
    at = writeVarint(chunk, at, countOf(span.droppedLinksCount));
    at = writeStatus(chunk, at, span.status);
    bytes[at++] = 0x85;
    bytes[at++] = 0x01; // flags = 16
    at = writeFixed32(chunk, at, flagsOf(context, parentSpanContext?.isRemote));
    return closeMessage(chunk, 2, start, at);
  };
}

function writeTraceIdBytes(chunk: Chunk, position: number, id: string): number {
  return writeId(chunk, position, id, TRACE_ID_SIZE);
}

function writeSpanIdBytes(chunk: Chunk, position: number, id: string): number {
  return writeId(chunk, position, id, SPAN_ID_SIZE);
}

function writeStatus(chunk: Chunk, position: number, { code, message }: SpanStatus): number {
  const { bytes } = chunk;
  bytes[position] = 0x7a; // status = 15
  const start = position + 2;
  let at = start;
  if (message) {
    bytes[at++] = 0x12; // message = 2
    at = writeText(chunk, at, asText(message));
  }
  bytes[at++] = 0x18; // code = 3
  at = writeVarint(chunk, at, countOf(code));
  return closeMessage(chunk, 1, start, at);
}

function writeEvent(chunk: Chunk, position: number, event: SpanEvent, keys: Keys): number {
  const { bytes } = chunk;
  requireRoom(chunk, position, 0);
  bytes[position] = 0x5a; // events = 11
  const start = position + 2;
  let at = start;
  bytes[at++] = 0x09; // time_unix_nano = 1
  at = writeTime(chunk, at, event.time);
  bytes[at++] = 0x12; // name = 2
  at = writeText(chunk, at, asText(event.name));
  if (event.attributes) at = writeAttributes(chunk, at, 0x1a, event.attributes, keys); // attributes = 3
  bytes[at++] = 0x20; // dropped_attributes_count = 4
  at = writeVarint(chunk, at, countOf(event.droppedAttributesCount));
  return closeMessage(chunk, 1, start, at);
}

function writeLink(chunk: Chunk, position: number, link: Link, keys: Keys): number {
  const { bytes } = chunk;
  const { context } = link;
  requireRoom(chunk, position, 0);
  bytes[position] = 0x6a; // links = 13
  const start = position + 2;
  let at = start;
  bytes[at++] = 0x0a; // trace_id = 1
  bytes[at++] = TRACE_ID_SIZE;
  at = writeTraceIdBytes(chunk, at, context.traceId);
  bytes[at++] = 0x12; // span_id = 2
  bytes[at++] = SPAN_ID_SIZE;
  at = writeSpanIdBytes(chunk, at, context.spanId);
  at = writeTraceState(chunk, at, context);
  if (link.attributes) at = writeAttributes(chunk, at, 0x22, link.attributes, keys); // attributes = 4
  bytes[at++] = 0x28; // dropped_attributes_count = 5
  at = writeVarint(chunk, at, countOf(link.droppedAttributesCount));
  bytes[at++] = 0x35; // flags = 6
  at = writeFixed32(chunk, at, flagsOf(context, context.isRemote));
  return closeMessage(chunk, 1, start, at);
}

function writeTraceState(chunk: Chunk, position: number, { traceState }: SpanContext): number {
  const text = traceState?.serialize();
  if (!text) return position;
  chunk.bytes[position] = 0x1a; // trace_state = 3, in a span and in a link
  return writeText(chunk, position + 1, asText(text));
}
