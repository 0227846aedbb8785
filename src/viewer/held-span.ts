import type { ReceivedRequest, ReceivedSpan } from '../receiver/received.js';
import { type MaskedHeader, maskHeaders } from './masked-headers.js';

/**
 * A request whose spans are held. Its body is kept as bytes, and decoded again for the one span that somebody
 * looks at: decoded spans would take ten times the memory.
 */
export interface HeldRequest {
  readonly url: string;
  readonly contentType: string;
  readonly headers: readonly MaskedHeader[];
  readonly wireBytes: number;
  readonly body: Uint8Array;
  readonly spans: number;
  readonly httpStatus: number;
  readonly receivedAt: number;
  /** How many of its spans are still held. */
  heldSpans: number;
}

/** One arrival of a span: what lists and filters need of it. */
export interface HeldSpan {
  /** Counts arrivals, from 0. */
  readonly number: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  readonly key: string;
  readonly backend: string;
  readonly kind: number;
  readonly isError: boolean;
  readonly startMs: number;
  readonly durationMs: number;
  /** In lower case: the name, the status message and the attributes, up to a limit. */
  readonly text: string;
  readonly request: HeldRequest;
  /** Its place in the request. */
  readonly index: number;
}

/** What is kept of a request, without its credentials. */
export function holdRequest(
  request: ReceivedRequest,
  httpStatus: number,
  receivedAt: number,
): HeldRequest {
  const { headers, path, wireBytes, body, spans } = request;
  return {
    url: `http://${headers.host ?? ''}${path}`,
    contentType: headers['content-type'] ?? '',
    headers: maskHeaders(headers),
    wireBytes,
    body,
    spans: spans.length,
    httpStatus,
    receivedAt,
    heldSpans: spans.length,
  };
}

/** The attribute's value where it is a string; else the empty string. */
export function stringAttribute(attributes: ReceivedSpan['attributes'], key: string): string {
  const value = attributes.find((attribute) => attribute.key === key)?.value;
  return value?.type === 'string' ? value.value : '';
}

/** Milliseconds with their fraction, exact to a quarter of a microsecond in this century. */
export function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n) + Number(nanoseconds % 1_000_000n) / 1e6;
}

/** As much of each span as a search by text looks at: enough for names, paths and ids, not for prompts. */
const MAX_TEXT_LENGTH = 1_000;
const MAX_VALUE_LENGTH = 200;

/** What a search by text looks at. */
export function searchText({ name, status, attributes }: ReceivedSpan): string {
  const parts = [name.slice(0, MAX_VALUE_LENGTH), status.message.slice(0, MAX_VALUE_LENGTH)];
  let length = 0;
  for (const { key, value } of attributes) {
    if (length >= MAX_TEXT_LENGTH) break;
    const isPlain = value.type === 'string' || value.type === 'int' || value.type === 'bool';
    const part = `${key}=${isPlain ? String(value.value).slice(0, MAX_VALUE_LENGTH) : ''}`;
    parts.push(part);
    length += part.length;
  }
  // Joined, so that no slice keeps the whole of a long value alive.
  return parts.join('\n').toLowerCase();
}
