import { type Chunk, requireRoom } from './chunks.js';
import {
  closeMessage,
  int64Size,
  varintSize,
  writeBytes,
  writeDouble,
  writeInt64,
  writeText,
  writeVarint,
} from './writer.js';

/**
 * Deepest nesting of arrays and maps in an attribute, in both protocols. Decoders of protobuf refuse a
 * request, and with it the other spans in it, that nests more than 100 messages; a map takes three of them,
 * and up to seven are around it.
 */
export const MAX_DEPTH = 31;

/**
 * Whether a number is sent as an integer: where it is whole and fits 64 bits.
 *
 * Protobuf's official serializer decides so. The official one of JSON sends larger whole numbers as an
 * `intValue` of `1e+21`, which no receiver can take for one.
 */
export function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** How many bytes {@link writeScalar} takes. */
export function scalarSize(value: unknown): number {
  if (typeof value === 'number') return isInt64(value) ? 1 + int64Size(value) : 9;
  return typeof value === 'boolean' ? 2 : 0;
}

/**
 * Writes the contents of an `AnyValue` that is a number or a boolean. What has no value in OTLP (`null`,
 * `undefined`, a function, a symbol, a bigint) becomes an empty one.
 */
export function writeScalar(chunk: Chunk, position: number, value: unknown): number {
  const { bytes } = chunk;
  if (typeof value === 'number') {
    if (isInt64(value)) {
      bytes[position] = 0x18; // int_value = 3
      return writeInt64(chunk, position + 1, value);
    }
    bytes[position] = 0x21; // double_value = 4
    return writeDouble(chunk, position + 1, value);
  }
  if (typeof value !== 'boolean') return position;
  bytes[position] = 0x10; // bool_value = 2
  bytes[position + 1] = value ? 1 : 0;
  return position + 2;
}

/**
 * Writes an `AnyValue`, with its length before it.
 *
 * @throws RangeError where arrays and maps nest deeper than {@link MAX_DEPTH}, or in a circle.
 */
export function writeAnyValue(chunk: Chunk, position: number, value: unknown, depth = 0): number {
  const { bytes } = chunk;
  requireRoom(chunk, position, 0);
  if (typeof value === 'string') {
    const { length } = value;
    const reserved = varintSize(1 + varintSize(length) + length);
    const start = position + reserved;
    bytes[start] = 0x0a; // string_value = 1
    return closeMessage(chunk, reserved, start, writeText(chunk, start + 1, value));
  }
  if (typeof value !== 'object' || value === null) {
    return writeScalar(chunk, writeVarint(chunk, position, scalarSize(value)), value);
  }
  const start = position + 1;
  return closeMessage(chunk, 1, start, writeObject(chunk, start, value, depth + 1));
}

/** Writes the contents of an `AnyValue` that is bytes, an array or a map. */
function writeObject(chunk: Chunk, position: number, value: object, depth: number): number {
  const { bytes } = chunk;
  if (value instanceof Uint8Array) {
    bytes[position] = 0x3a; // bytes_value = 7
    return writeBytes(chunk, position + 1, value);
  }
  if (depth > MAX_DEPTH) throw new RangeError('an attribute nests too deep');
  const start = position + 2;
  let end = start;
  if (Array.isArray(value)) {
    bytes[position] = 0x2a; // array_value = 5
    for (let index = 0; index < value.length; index += 1) {
      bytes[end] = 0x0a; // values = 1
      end = writeAnyValue(chunk, end + 1, value[index], depth);
    }
  } else {
    bytes[position] = 0x32; // kvlist_value = 6
    for (const [name, entry] of Object.entries(value)) {
      end = writeEntry(chunk, end, name, entry, depth);
    }
  }
  return closeMessage(chunk, 1, start, end);
}

/** The names in a map come from data more often than those of attributes, and are not kept encoded. */
function writeEntry(
  chunk: Chunk,
  position: number,
  name: string,
  value: unknown,
  depth: number,
): number {
  const { bytes } = chunk;
  bytes[position] = 0x0a; // values = 1
  const start = position + 2;
  bytes[start] = 0x0a; // key = 1
  const nameEnd = writeText(chunk, start + 1, name);
  bytes[nameEnd] = 0x12; // value = 2
  return closeMessage(chunk, 1, start, writeAnyValue(chunk, nameEnd + 1, value, depth));
}
