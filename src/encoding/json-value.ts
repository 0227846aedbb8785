import { Buffer } from 'node:buffer';
import { isInt64, MAX_DEPTH } from './any-value.js';
import type { Chunk } from './chunks.js';
import {
  closeList,
  createLiteral,
  writeJson,
  writeLiteral,
  writeString,
  writeUint32,
} from './json-writer.js';

const STRING = createLiteral('{"stringValue":');
const INTEGER = createLiteral('{"intValue":"');
const DOUBLE = createLiteral('{"doubleValue":');
const TRUE = createLiteral('{"boolValue":true}');
const FALSE = createLiteral('{"boolValue":false}');
const BYTES = createLiteral('{"bytesValue":"');
const ARRAY = createLiteral('{"arrayValue":{"values":');
const MAP = createLiteral('{"kvlistValue":{"values":');
const ENTRY = createLiteral(',{"key":');
const VALUE = createLiteral(',"value":');
const EMPTY = createLiteral('{}');
const END = createLiteral('}');
const END_QUOTED = createLiteral('"}');
const END_NESTED = createLiteral('}}');

/**
 * Writes an `AnyValue`.
 *
 * Integers are strings, as ProtoJSON wants 64 bits (the official serializer has numbers), and so are NaN and
 * the infinities (of which it makes `null`).
 *
 * @throws RangeError where arrays and maps nest deeper than {@link MAX_DEPTH}, or in a circle.
 */
export function writeJsonValue(chunk: Chunk, position: number, value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string': {
      const end = writeString(chunk, writeLiteral(chunk, position, STRING), value);
      return writeLiteral(chunk, end, END);
    }
    case 'number':
      return isInt64(value)
        ? writeInteger(chunk, position, value)
        : writeDouble(chunk, position, value);
    case 'boolean':
      return writeLiteral(chunk, position, value ? TRUE : FALSE);
    case 'object':
      return value === null
        ? writeLiteral(chunk, position, EMPTY)
        : writeObject(chunk, position, value, depth + 1);
    default:
      return writeLiteral(chunk, position, EMPTY);
  }
}

function writeInteger(chunk: Chunk, position: number, value: number): number {
  const start = writeLiteral(chunk, position, INTEGER);
  let end: number;
  if (value === value >>> 0) end = writeUint32(chunk, start, value);
  // A number's own text is rounded beyond 2^53.
  else if (Number.isSafeInteger(value)) end = writeJson(chunk, start, `${value}`);
  else end = writeJson(chunk, start, `${BigInt(value)}`);
  return writeLiteral(chunk, end, END_QUOTED);
}

function writeDouble(chunk: Chunk, position: number, value: number): number {
  const start = writeLiteral(chunk, position, DOUBLE);
  const end = writeJson(chunk, start, Number.isFinite(value) ? `${value}` : `"${value}"`);
  return writeLiteral(chunk, end, END);
}

function writeObject(chunk: Chunk, position: number, value: object, depth: number): number {
  if (value instanceof Uint8Array) {
    // A copy, as for protobuf.
    const base64 = Buffer.from(new Uint8Array(value).buffer).toString('base64');
    const end = writeJson(chunk, writeLiteral(chunk, position, BYTES), base64);
    return writeLiteral(chunk, end, END_QUOTED);
  }
  if (depth > MAX_DEPTH) throw new RangeError('an attribute nests too deep');
  const isArray = Array.isArray(value);
  const start = writeLiteral(chunk, position, isArray ? ARRAY : MAP);
  const end = isArray
    ? writeElements(chunk, start, value, depth)
    : writeEntries(chunk, start, value, depth);
  return writeLiteral(chunk, closeList(chunk, start, end), END_NESTED);
}

function writeElements(
  chunk: Chunk,
  position: number,
  elements: readonly unknown[],
  depth: number,
): number {
  const { bytes } = chunk;
  let end = position;
  for (let index = 0; index < elements.length; index += 1) {
    bytes[end] = 0x2c;
    end = writeJsonValue(chunk, end + 1, elements[index], depth);
  }
  return end;
}

function writeEntries(chunk: Chunk, position: number, map: object, depth: number): number {
  let end = position;
  for (const [name, value] of Object.entries(map)) {
    end = writeJsonValue(chunk, writeJsonKey(chunk, end, name), value, depth);
    end = writeLiteral(chunk, end, END);
  }
  return end;
}

/** Writes the beginning of a `KeyValue` in a list, up to its value. */
export function writeJsonKey(chunk: Chunk, position: number, name: string): number {
  const end = writeString(chunk, writeLiteral(chunk, position, ENTRY), name);
  return writeLiteral(chunk, end, VALUE);
}
