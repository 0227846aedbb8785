import { decodeRequest } from '../receiver/decode.js';
import { mediaTypeOf } from '../receiver/media-type.js';
import type { AnyValue, KeyValue, ReceivedSpan } from '../receiver/received.js';
import { type HeldSpan, milliseconds } from './held-span.js';
import type { AttributeText, SpanDetail } from './messages.js';

/** Longer values are cut: the page says by how much. */
const MAX_VALUE_LENGTH = 256 * 1024;

/** Attributes, events and links that are shown in all: some thousands are more than anybody reads, and than a page holds. */
const MAX_ENTRIES = 2_000;

/** Everything about one arrival of a span, read again from the body that carried it. */
export function detailOf(held: HeldSpan): SpanDetail | undefined {
  const { request, index, number, backend } = held;
  const mediaType = mediaTypeOf(request.contentType);
  const spans = mediaType === undefined ? undefined : decodeRequest(mediaType, request.body);
  const span = Array.isArray(spans) ? spans[index] : undefined;
  if (span === undefined) return undefined;
  const listing = createListing(MAX_ENTRIES);
  const toTexts = (attributes: readonly KeyValue[]) => listing.take(attributes).map(toAttribute);
  const detail = {
    number,
    backend,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    traceState: span.traceState,
    flags: span.flags,
    name: cut(span.name).text,
    kind: span.kind,
    status: { code: span.status.code, message: cut(span.status.message).text },
    startUnixNano: String(span.startTimeUnixNano),
    endUnixNano: String(span.endTimeUnixNano),
    attributes: toTexts(span.attributes),
    droppedAttributes: span.droppedAttributesCount,
    ...eventsAndLinks(span, listing),
    scope: { name: cut(span.scope.name).text, version: cut(span.scope.version).text },
    scopeAttributes: toTexts(span.scope.attributes),
    resource: toTexts(span.resource.attributes),
    request: {
      url: request.url,
      receivedAt: request.receivedAt,
      httpStatus: request.httpStatus,
      wireBytes: request.wireBytes,
      bodyBytes: request.body.length,
      spans: request.spans,
      headers: request.headers,
    },
  };
  return { ...detail, omittedEntries: listing.omitted };
}

/** Takes from lists, one after the other, as much as there is room for. */
interface Listing {
  take<T>(entries: readonly T[]): readonly T[];
  /** How many entries were left out. */
  readonly omitted: number;
}

function createListing(maxEntries: number): Listing {
  let room = maxEntries;
  let omitted = 0;
  return {
    take(entries) {
      const taken = entries.slice(0, room);
      room -= taken.length;
      omitted += entries.length - taken.length;
      return taken;
    },
    get omitted() {
      return omitted;
    },
  };
}

type EventsAndLinks = 'events' | 'droppedEvents' | 'links' | 'droppedLinks';

function eventsAndLinks(span: ReceivedSpan, { take }: Listing): Pick<SpanDetail, EventsAndLinks> {
  const toTexts = (attributes: readonly KeyValue[]) => take(attributes).map(toAttribute);
  const start = milliseconds(span.startTimeUnixNano);
  return {
    events: take(span.events).map(({ name, timeUnixNano, attributes }) => ({
      name: cut(name).text,
      offsetMs: milliseconds(timeUnixNano) - start,
      attributes: toTexts(attributes),
    })),
    droppedEvents: span.droppedEventsCount,
    links: take(span.links).map(({ traceId, spanId, attributes }) => ({
      traceId,
      spanId,
      attributes: toTexts(attributes),
    })),
    droppedLinks: span.droppedLinksCount,
  };
}

function toAttribute({ key, value }: KeyValue): AttributeText {
  return { key: cut(key).text, type: value.type, ...cut(toText(value)) };
}

function cut(text: string): { text: string; omitted: number } {
  return {
    text: text.slice(0, MAX_VALUE_LENGTH),
    omitted: Math.max(0, text.length - MAX_VALUE_LENGTH),
  };
}

function toText(value: AnyValue): string {
  switch (value.type) {
    case 'string':
      return value.value;
    case 'empty':
      return '';
    case 'bytes':
      return Buffer.from(value.value).toString('base64');
    case 'array':
    case 'kvlist':
      return JSON.stringify(toPlain(value), undefined, 2);
    default:
      return String(value.value);
  }
}

/** The value for reading: an integer beyond 2^53 becomes a string, and bytes their base64. */
function toPlain(value: AnyValue): unknown {
  switch (value.type) {
    case 'array':
      return value.value.map(toPlain);
    case 'kvlist':
      return Object.fromEntries(value.value.map((each) => [each.key, toPlain(each.value)]));
    case 'string':
    case 'bool':
      return value.value;
    case 'double':
      return Number.isFinite(value.value) ? value.value : String(value.value);
    case 'int':
      return Number.isSafeInteger(Number(value.value)) ? Number(value.value) : String(value.value);
    default:
      return toText(value);
  }
}
