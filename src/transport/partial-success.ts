import { unzipSync } from 'node:zlib';
import type { Answer } from './exchange.js';
import { toPrintable } from './printable.js';
import { readFields } from './protobuf-fields.js';

/** Decoding holds up the event loop: 4 MiB of tiny fields would do so for 200 ms. */
const MAX_DECODED_BYTES = 64 * 1024;

/** What a successful answer says of the batch. */
export interface PartialSuccess {
  /** A whole number from 0 to the largest safe one; the batch may have been smaller. */
  readonly rejectedSpans: number;
  /** The backend's words, or why its answer could not be read. */
  readonly message?: string;
}

/**
 * Reads `partial_success` from the answer of a backend that has taken the batch.
 *
 * An answer that can not be read rejects nothing: the status has acknowledged the batch, and sending it
 * again could only make it arrive twice.
 *
 * @param protocol What the request was in, for an answer whose `Content-Type` is neither.
 * @param redact Takes secrets out of the backend's own words.
 */
export function readPartialSuccess(
  { httpStatus, headers, body }: Answer,
  protocol: 'http/protobuf' | 'http/json',
  redact: (text: string) => string,
): PartialSuccess {
  const unreadable = (reason: string): PartialSuccess => ({
    rejectedSpans: 0,
    message: toPrintable(redact(`HTTP ${httpStatus}, but the answer ${reason}`)),
  });

  if (body === undefined || body.length > MAX_DECODED_BYTES)
    return unreadable('is too long to be read');
  // A full success in protobuf has no bytes; others, too, answer with none.
  if (body.length === 0) return { rejectedSpans: 0 };
  const plain = inflate(body, headers['content-encoding']);
  if (typeof plain === 'string') return unreadable(plain);

  const contentType = readMediaType(headers['content-type']);
  const isJson =
    contentType === 'application/json' ||
    (contentType !== 'application/x-protobuf' && protocol === 'http/json');
  try {
    const partialSuccess = isJson ? decodeJson(plain) : decodeProtobuf(plain);
    const rejectedSpans = toCount(partialSuccess.rejectedSpans);
    if (rejectedSpans === undefined) return unreadable('has no number of rejected spans');
    const message = toPrintable(redact(toText(partialSuccess.errorMessage)));
    return message === '' ? { rejectedSpans } : { rejectedSpans, message };
  } catch {
    // Both decoders throw on what they can not read, and their reasons are of no use to an operator.
    return unreadable(`is not OTLP (${contentType || 'no content type'})`);
  }
}

/**
 * The body without its content coding, or why there is none. No request asks for a coding, but some intermediaries
 * compress whatever passes; a few thousand bytes of zeros would be enough to fill the memory if they were let to.
 */
function inflate(body: Uint8Array, header: string | string[] | undefined): Uint8Array | string {
  const coding = String(header ?? 'identity')
    .trim()
    .toLowerCase();
  if (coding === 'identity') return body;
  if (!/^(x-)?gzip$|^deflate$/.test(coding)) return 'is compressed in a way that was not asked for';
  try {
    return unzipSync(body, { maxOutputLength: MAX_DECODED_BYTES });
  } catch (error) {
    const isTooLong = error instanceof Error && 'code' in error && error.code === TOO_LONG;
    return isTooLong ? 'is too long to be read' : 'is not compressed as it says';
  }
}

const TOO_LONG = 'ERR_BUFFER_TOO_LARGE';

function readMediaType(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : '';
  return text.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** `partial_success` as it was decoded: from JSON it may be anything. */
interface RawPartialSuccess {
  readonly rejectedSpans?: unknown;
  readonly errorMessage?: unknown;
}

/** `ExportTraceServiceResponse` of `trace_service.proto`. Of a field that comes again the last one counts. */
function decodeProtobuf(body: Uint8Array): RawPartialSuccess {
  let rejectedSpans: unknown;
  let errorMessage: unknown;
  for (const response of readFields(body)) {
    if (response.number !== 1 || !(response.value instanceof Uint8Array)) continue;
    for (const { number, value } of readFields(response.value)) {
      if (number === 1 && typeof value === 'bigint') {
        rejectedSpans = Number(BigInt.asIntN(64, value));
      } else if (number === 2 && value instanceof Uint8Array) {
        errorMessage = new TextDecoder().decode(value);
      }
    }
  }
  return { rejectedSpans, errorMessage };
}

// Not by the official JSON serializer: it takes what it can not parse for a success, and says so in the
// log once a request.
function decodeJson(body: Uint8Array): RawPartialSuccess {
  const response: unknown = JSON.parse(new TextDecoder().decode(body));
  if (!isRecord(response)) throw new TypeError('not an object');
  const partialSuccess = response.partialSuccess ?? {};
  if (!isRecord(partialSuccess)) throw new TypeError('not an object');
  return partialSuccess;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An int64 is a number in protobuf and in most JSON, and a decimal string in the JSON of the mapping. */
function toCount(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0;
  const isDecimal = typeof value === 'string' && /^-?\d+$/.test(value);
  if (typeof value !== 'number' && !isDecimal) return undefined;

  const count = Math.trunc(Number(value));
  if (Number.isNaN(count) || count < 0) return 0;
  return Math.min(count, Number.MAX_SAFE_INTEGER);
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
