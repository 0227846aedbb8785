/** What a field holds: a scalar by protobuf's name of it, or a message. */
export type FieldType =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'fixed32'
  | 'fixed64'
  | 'double'
  | Message;

/** One field of a message. */
export interface Field {
  /** As OTLP's JSON has it. */
  readonly name: string;
  readonly type: FieldType;
  readonly isRepeated?: boolean;
}

/** The fields of a message by their number. Mutable while it is made, since messages hold each other. */
export interface Message {
  readonly fields: Record<number, Field>;
  /** Of whose fields the last one on the wire counts alone. */
  readonly isOneof?: boolean;
}

/** Deeper messages are refused; the limit that protobuf's own implementations have. */
const MAX_DEPTH = 100;

/** The wire types of protobuf that are in use. */
const VARINT = 0;
const FIXED64 = 1;
const BLOCK = 2;
const FIXED32 = 5;

const WIRE_TYPES = {
  string: BLOCK,
  bytes: BLOCK,
  bool: VARINT,
  int32: VARINT,
  int64: VARINT,
  uint32: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  double: FIXED64,
} as const;

// A byte order mark is a character of the string, and no mark.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a message into a plain object: absent fields absent, 64-bit integers as `bigint`, bytes as views of
 * `bytes`. Fields that `message` does not know, or has with another wire type, are skipped.
 *
 * @param maxFields bounds the memory that a small body can take: an empty message is two bytes on the wire and
 *   an object here
 * @throws RangeError or TypeError for what is no such message, is deeper than 100 messages, or passes `maxFields`
 */
export function readMessage(bytes: Uint8Array, message: Message, maxFields: number): object {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let left = maxFields;

  function skip(size: number, end: number): number {
    if (size > end - at) throw new RangeError('a field is cut off');
    const start = at;
    at += size;
    return start;
  }

  function readVarint(end: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[skip(1, end)] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a number has too many bytes');
  }

  /** Tags and lengths, of which nearly all are one byte. */
  function readSize(end: number): number {
    const byte = bytes[at] ?? 0;
    if (byte < 0x80 && at < end) {
      at += 1;
      return byte;
    }
    return Number(readVarint(end));
  }

  function skipField(wireType: number, end: number): void {
    if (wireType === VARINT) readVarint(end);
    else if (wireType === FIXED64) skip(8, end);
    else if (wireType === FIXED32) skip(4, end);
    else if (wireType === BLOCK) skip(readSize(end), end);
    else throw new RangeError('a field has no wire type of OTLP');
  }

  function readScalar(type: Exclude<FieldType, Message>, end: number): unknown {
    switch (type) {
      case 'string': {
        const start = skip(readSize(end), end);
        return utf8.decode(bytes.subarray(start, at));
      }
      case 'bytes': {
        const start = skip(readSize(end), end);
        return bytes.subarray(start, at);
      }
      case 'bool':
        return readVarint(end) !== 0n;
      case 'int32':
        return Number(BigInt.asIntN(32, readVarint(end)));
      case 'int64':
        return BigInt.asIntN(64, readVarint(end));
      case 'uint32':
        return Number(BigInt.asUintN(32, readVarint(end)));
      case 'fixed32':
        return view.getUint32(skip(4, end), true);
      case 'fixed64':
        return view.getBigUint64(skip(8, end), true);
      case 'double':
        return view.getFloat64(skip(8, end), true);
    }
  }

  function readInto(
    target: Record<string, unknown>,
    { fields, isOneof = false }: Message,
    end: number,
    depth: number,
  ): void {
    if (depth > MAX_DEPTH) throw new RangeError('nested too deep');
    while (at < end) {
      const tag = readSize(end);
      const wireType = tag & 7;
      const number = Math.floor(tag / 8);
      if (number === 0) throw new RangeError('a field has the number 0');
      left -= 1;
      if (left < 0) throw new RangeError(`more than ${maxFields} fields`);
      const field = fields[number];
      const known =
        field !== undefined &&
        wireType === (typeof field.type === 'string' ? WIRE_TYPES[field.type] : BLOCK);
      if (!known) {
        skipField(wireType, end);
        continue;
      }
      const { name, type, isRepeated = false } = field;
      // Of one message that comes in pieces, protobuf says that they are merged.
      const before = target[name];
      if (isOneof) for (const other of Object.keys(target)) delete target[other];
      if (typeof type === 'string') {
        target[name] = readScalar(type, end);
        continue;
      }
      const size = readSize(end);
      const inner = skip(size, end);
      at = inner;
      const value = !isRepeated && isRecord(before) ? before : {};
      readInto(value, type, inner + size, depth + 1);
      if (!isRepeated) target[name] = value;
      else if (Array.isArray(before)) before.push(value);
      else target[name] = [value];
    }
  }

  const whole = {};
  readInto(whole, message, bytes.length, 0);
  return whole;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
