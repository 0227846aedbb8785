import type { Link, SpanContext, SpanStatus } from '@opentelemetry/api';
import type { SpanEvent } from '../sdk.js';
import { type FindRule, NO_RULE, omitting } from './attribute-rules.js';
import { createBoundedCache } from './bounded-cache.js';
import { type Chunk, type Write, writeApart } from './chunks.js';
import { createIdWriter } from './ids.js';
import { writeJsonAttribute, writeJsonAttributes } from './json-attributes.js';
import { writeJsonKey } from './json-value.js';
import {
  closeList,
  createLiteral,
  writeHexId,
  writeLiteral,
  writeString,
  writeTime,
  writeUint32,
} from './json-writer.js';
import { createKeys, EncodedKey, type Keys } from './keys.js';
import type { RoutedSpan } from './routed-span.js';
import { asText, countOf, flagsOf, kindOf } from './span-fields.js';
import { ownedAttributes, type SpanViewOptions } from './span-view.js';
import { createWords, type Words } from './words.js';

/** How many route keys are kept encoded. */
const MAX_ROUTE_KEYS = 4096;

const TRACE_ID_SIZE = 32;
const SPAN_ID_SIZE = 16;

/** The fields of the official serializer, in its order, each with what ends the one before it. */
const fields = {
  span: createLiteral(',{"traceId":"'),
  spanId: createLiteral('","spanId":"'),
  parentSpanId: createLiteral('","parentSpanId":"'),
  endOfIds: createLiteral('"'),
  traceState: createLiteral(',"traceState":'),
  name: createLiteral(',"name":'),
  kind: createLiteral(',"kind":'),
  startTime: createLiteral(',"startTimeUnixNano":"'),
  endTime: createLiteral('","endTimeUnixNano":"'),
  attributes: createLiteral('","attributes":'),
  droppedAttributesCount: createLiteral(',"droppedAttributesCount":'),
  events: createLiteral(',"events":'),
  droppedEventsCount: createLiteral(',"droppedEventsCount":'),
  status: createLiteral(',"status":{"code":'),
  message: createLiteral(',"message":'),
  links: createLiteral('},"links":'),
  droppedLinksCount: createLiteral(',"droppedLinksCount":'),
  flags: createLiteral(',"flags":'),
  end: createLiteral('}'),
  event: createLiteral(',{"attributes":'),
  time: createLiteral(',"timeUnixNano":"'),
  eventDropped: createLiteral('","droppedAttributesCount":'),
  link: createLiteral(',{"attributes":'),
  linkTraceId: createLiteral(',"traceId":"'),
} as const;

/**
 * Creates the function that writes a span as JSON, with a comma before it.
 *
 * The fields are those of the official serializer, empty ones that it has included; the route attribute
 * comes last.
 */
export function createJsonSpanWriter(
  options: SpanViewOptions,
  findRule: FindRule = NO_RULE,
): Write<RoutedSpan> {
  const { routeAttribute } = options;
  const spanKeys = createKeys(writeJsonKey, omitting(ownedAttributes(options), findRule));
  const otherKeys = createKeys(writeJsonKey, findRule);
  const routeName = new EncodedKey(writeJsonKey, routeAttribute ?? '');
  const writeRoute: Write<string> = (chunk, position, routeKey) =>
    writeJsonAttribute(chunk, position, routeName, routeKey);
  const encodeRoute = createBoundedCache(MAX_ROUTE_KEYS, (routeKey) =>
    createWords(writeApart(writeRoute, routeKey)),
  );
  const writeTraceId = createIdWriter(TRACE_ID_SIZE, writeTraceIdText);
  const writeParentId = createIdWriter(SPAN_ID_SIZE, writeSpanIdText);

  return (chunk, position, { span, routeKey }) => {
    const context = span.spanContext();
    const { parentSpanContext } = span;
    const route =
      routeAttribute === undefined || routeKey === undefined ? undefined : encodeRoute(routeKey);
    let at = writeLiteral(chunk, position, fields.span);
    at = writeTraceId(chunk, at, context.traceId);
    at = writeLiteral(chunk, at, fields.spanId);
    at = writeSpanIdText(chunk, at, context.spanId);
    if (parentSpanContext?.spanId) {
      at = writeLiteral(chunk, at, fields.parentSpanId);
      at = writeParentId(chunk, at, parentSpanContext.spanId);
    }
    at = writeLiteral(chunk, at, fields.endOfIds);
    at = writeTraceState(chunk, at, context);
    at = writeString(chunk, writeLiteral(chunk, at, fields.name), asText(span.name));
    at = writeUint32(chunk, writeLiteral(chunk, at, fields.kind), kindOf(span.kind));
    at = writeTime(chunk, writeLiteral(chunk, at, fields.startTime), span.startTime);
    at = writeTime(chunk, writeLiteral(chunk, at, fields.endTime), span.endTime);
    at = writeLiteral(chunk, at, fields.attributes);
    at = writeJsonAttributes(chunk, at, span.attributes, spanKeys, route);
    at = writeCount(chunk, at, fields.droppedAttributesCount, span.droppedAttributesCount);
    at = writeLiteral(chunk, at, fields.events);
    const firstEvent = at;
    for (const event of span.events) at = writeEvent(chunk, at, event, otherKeys);
    at = closeList(chunk, firstEvent, at);
    at = writeCount(chunk, at, fields.droppedEventsCount, span.droppedEventsCount);
    at = writeStatus(chunk, at, span.status);
    at = writeLiteral(chunk, at, fields.links);
    const firstLink = at;
    for (const link of span.links) at = writeLink(chunk, at, link, otherKeys);
    at = closeList(chunk, firstLink, at);
    at = writeCount(chunk, at, fields.droppedLinksCount, span.droppedLinksCount);
    at = writeCount(chunk, at, fields.flags, flagsOf(context, parentSpanContext?.isRemote));
    return writeLiteral(chunk, at, fields.end);
  };
}

function writeStatus(chunk: Chunk, position: number, { code, message }: SpanStatus): number {
  const end = writeCount(chunk, position, fields.status, code);
  if (!message) return end;
  return writeString(chunk, writeLiteral(chunk, end, fields.message), asText(message));
}

function writeEvent(chunk: Chunk, position: number, event: SpanEvent, keys: Keys): number {
  let at = writeLiteral(chunk, position, fields.event);
  at = writeJsonAttributes(chunk, at, event.attributes, keys);
  at = writeString(chunk, writeLiteral(chunk, at, fields.name), asText(event.name));
  at = writeTime(chunk, writeLiteral(chunk, at, fields.time), event.time);
  at = writeCount(chunk, at, fields.eventDropped, event.droppedAttributesCount);
  return writeLiteral(chunk, at, fields.end);
}

function writeLink(chunk: Chunk, position: number, link: Link, keys: Keys): number {
  const { context } = link;
  let at = writeLiteral(chunk, position, fields.link);
  at = writeJsonAttributes(chunk, at, link.attributes, keys);
  at = writeTraceIdText(chunk, writeLiteral(chunk, at, fields.linkTraceId), context.traceId);
  at = writeSpanIdText(chunk, writeLiteral(chunk, at, fields.spanId), context.spanId);
  at = writeTraceState(chunk, writeLiteral(chunk, at, fields.endOfIds), context);
  at = writeCount(chunk, at, fields.droppedAttributesCount, link.droppedAttributesCount);
  at = writeCount(chunk, at, fields.flags, flagsOf(context, context.isRemote));
  return writeLiteral(chunk, at, fields.end);
}

function writeTraceState(chunk: Chunk, position: number, { traceState }: SpanContext): number {
  const text = traceState?.serialize();
  if (!text) return position;
  return writeString(chunk, writeLiteral(chunk, position, fields.traceState), asText(text));
}

function writeCount(
  chunk: Chunk,
  position: number,
  field: Words,
  count: number | undefined,
): number {
  return writeUint32(chunk, writeLiteral(chunk, position, field), countOf(count));
}

function writeTraceIdText(chunk: Chunk, position: number, id: string): number {
  return writeHexId(chunk, position, id, TRACE_ID_SIZE);
}

function writeSpanIdText(chunk: Chunk, position: number, id: string): number {
  return writeHexId(chunk, position, id, SPAN_ID_SIZE);
}
