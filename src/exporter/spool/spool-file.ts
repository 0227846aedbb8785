import { createHash } from 'node:crypto';
import { parseJson } from '../../parse-json.js';

/** What a file says of the request that it holds. */
export interface SpoolHeader {
  /** Of the backend that the file may be sent to; see `fingerprintOf`. */
  readonly fingerprint: string;
  /** Of its spans, each once: a rule that is made later may have to hold the file back. */
  readonly routeKeys: readonly string[];
  readonly spans: number;
  /** When its spans were first written to disk, in milliseconds since the epoch. */
  readonly createdAt: number;
  readonly contentType: 'application/x-protobuf' | 'application/json';
  readonly contentEncoding?: 'gzip';
  /** What counts in place of the backend's own parent; absent for that one. */
  readonly parent?: string | undefined;
}

/** A file as it was read. */
export interface SpoolFile extends SpoolHeader {
  /** The request's body, compressed as `contentEncoding` says. */
  readonly body: Uint8Array;
}

/** What every file begins with: these letters, and the version of what follows, as 4 bytes. */
const MAGIC = Buffer.from('signalbox-spool\n\0\0\0\x01', 'latin1');
/** The magic, and the length of the header. */
const PREFIX_SIZE = MAGIC.length + 4;
const CHECKSUM_SIZE = 32;

/**
 * Lays out a file: a magic word with a version, the length of the header and the header as JSON, so that
 * `head` shows what it is; the body; and the SHA-256 of all that.
 *
 * The body is not copied.
 */
export function encodeSpoolFile(
  header: SpoolHeader,
  body: readonly Uint8Array[],
): readonly Uint8Array[] {
  const bodyLength = body.reduce((sum, { length }) => sum + length, 0);
  const text = Buffer.from(JSON.stringify({ ...header, bodyLength }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const parts = [MAGIC, length, text, ...body];
  return [...parts, checksum(parts)];
}

/** Reads a file; `undefined` for one that is torn, damaged, or of another version. */
export function decodeSpoolFile(file: Buffer): SpoolFile | undefined {
  const end = file.length - CHECKSUM_SIZE;
  if (end < PREFIX_SIZE || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (!checksum([file.subarray(0, end)]).equals(file.subarray(end))) return undefined;
  const start = PREFIX_SIZE + file.readUInt32BE(MAGIC.length);
  if (start > end) return undefined;
  const header = parseHeader(file.toString('utf8', PREFIX_SIZE, start));
  const body = file.subarray(start, end);
  return header?.bodyLength === body.length ? { ...header.header, body } : undefined;
}

function checksum(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function parseHeader(text: string): { header: SpoolHeader; bodyLength: unknown } | undefined {
  const parsed = parseJson(text);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const {
    fingerprint,
    routeKeys,
    spans,
    createdAt,
    contentType,
    contentEncoding,
    parent,
    bodyLength,
  } = parsed as Readonly<Record<string, unknown>>;
  if (typeof fingerprint !== 'string') return undefined;
  if (!Array.isArray(routeKeys) || !routeKeys.every((key) => typeof key === 'string')) {
    return undefined;
  }
  if (!isCount(spans) || spans === 0 || !isCount(createdAt)) return undefined;
  if (contentType !== 'application/x-protobuf' && contentType !== 'application/json') {
    return undefined;
  }
  if (contentEncoding !== undefined && contentEncoding !== 'gzip') return undefined;
  if (parent !== undefined && typeof parent !== 'string') return undefined;
  const header: SpoolHeader = {
    fingerprint,
    routeKeys,
    spans,
    createdAt,
    contentType,
    ...(contentEncoding && { contentEncoding }),
    ...(parent !== undefined && { parent }),
  };
  return { header, bodyLength };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
