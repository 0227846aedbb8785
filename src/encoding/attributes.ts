import { Buffer } from 'node:buffer';
import { scalarSize, writeAnyValue, writeScalar } from './any-value.js';
import { type Chunk, requireRoom } from './chunks.js';
import type { EncodedKey, Keys } from './keys.js';
import { withOwnOnly } from './own-properties.js';
import { type Words, writeWords } from './words.js';
import {
  closeMessage,
  MAX_SHORT_TEXT,
  MAX_TRIED_TEXT,
  tryText,
  varintSize,
  writeText,
  writeUtf8,
  writeVarint,
} from './writer.js';

/**
 * Writes an object's own properties as repeated `KeyValue`, in their order, each field with this tag.
 *
 * Half of a span's encoding is spent here. So what most attributes are, a short text under a name that was
 * seen before, is written in this one loop: the compiler does not reliably put together what is spread over
 * functions, which costs a third more.
 */
export function writeAttributes(
  chunk: Chunk,
  position: number,
  tag: number,
  attributes: Readonly<Record<string, unknown>>,
  keys: Keys,
): number {
  const { bytes, view } = chunk;
  const own = withOwnOnly(attributes);
  let start = position;
  let key = keys.last;
  for (const name in own) {
    const previous = key;
    key = previous.next;
    if (key.name !== name) {
      key = keys.find(name);
      if (key.isKept) previous.next = key;
    }
    let value = own[name];
    const { rule } = key;
    if (rule !== undefined) {
      if (rule === 'omit') continue;
      value = rule(value);
    }
    // All sizes are known beforehand: of the KeyValue, its key, its AnyValue, and what is in that.
    let valueSize = 0;
    if (typeof value === 'string') {
      // Taken for ASCII.
      if (value.length <= MAX_SHORT_TEXT) valueSize = value.length + 2;
    } else if (typeof value === 'number') {
      if (value >= 0 && value < 0x4000 && value === (value | 0)) valueSize = value < 0x80 ? 2 : 3;
    } else if (typeof value === 'boolean') {
      valueSize = 2;
    }
    const { words, size: keySize } = key;
    const size = keySize + 1 + valueSize;
    if (valueSize > 0 && size < 0x80) {
      requireRoom(chunk, start, size);
      bytes[start] = tag;
      bytes[start + 1] = size;
      let at = start + 2;
      for (let index = 0; index < words.length; index += 1) {
        view.setInt32(at, words[index] ?? 0, true);
        at += 4;
      }
      at = start + 2 + keySize;
      bytes[at++] = valueSize;
      if (typeof value === 'string') {
        const { length } = value;
        bytes[at++] = 0x0a; // string_value = 1
        bytes[at++] = length;
        // Two at a time, as the loop's own cost is much of it.
        let index = length & 1;
        let units = index === 0 ? 0 : value.charCodeAt(0);
        bytes[at] = units;
        for (; index < length; index += 2) {
          const unit = value.charCodeAt(index);
          const next = value.charCodeAt(index + 1);
          bytes[at + index] = unit;
          bytes[at + index + 1] = next;
          units |= unit | next;
        }
        if (units < 0x80) {
          start = at + length;
          continue;
        }
      } else if (typeof value === 'number') {
        bytes[at++] = 0x18; // int_value = 3
        if (value > 0x7f) bytes[at++] = (value & 0x7f) | 0x80;
        bytes[at] = value > 0x7f ? value >>> 7 : value;
        start = at + 1;
        continue;
      } else {
        bytes[at] = 0x10; // bool_value = 2
        bytes[at + 1] = value ? 1 : 0;
        start = at + 2;
        continue;
      }
    }
    start = writeAttribute(chunk, start, tag, key, value);
  }
  keys.last = key;
  return start;
}

/** Writes the field `KeyValue.key`, and the tag of the value that follows it. */
export function writeKey(chunk: Chunk, position: number, name: string): number {
  const { bytes } = chunk;
  bytes[position] = 0x0a; // key = 1
  const end = writeText(chunk, position + 1, name);
  bytes[end] = 0x12; // value = 2
  return end + 1;
}

/** Writes one `KeyValue`, as a field with this tag. */
export function writeAttribute(
  chunk: Chunk,
  position: number,
  tag: number,
  key: EncodedKey,
  value: unknown,
): number {
  const { bytes } = chunk;
  if (typeof value === 'string') {
    const { length } = value;
    if (key.isAscii && length <= MAX_TRIED_TEXT) {
      requireRoom(chunk, position, key.size + 3 * length);
      const start = writeHead(chunk, position, tag, key, 1 + varintSize(length) + length);
      bytes[start] = 0x0a; // string_value = 1
      const textStart = writeVarint(chunk, start + 1, length);
      if (tryText(chunk, textStart, value) === length) return textStart + length;
    }
    const size = Buffer.byteLength(value);
    key.isAscii = size === length;
    requireRoom(chunk, position, key.size + size);
    const start = writeHead(chunk, position, tag, key, 1 + varintSize(size) + size);
    bytes[start] = 0x0a; // string_value = 1
    return writeUtf8(chunk, writeVarint(chunk, start + 1, size), value, size);
  }
  requireRoom(chunk, position, key.size);
  if (typeof value === 'object' && value !== null) {
    bytes[position] = tag;
    const start = position + 2;
    return closeMessage(
      chunk,
      1,
      start,
      writeAnyValue(chunk, writeWords(chunk, start, key), value),
    );
  }
  const size = scalarSize(value);
  return writeScalar(chunk, writeHead(chunk, position, tag, key, size), value);
}

/** Writes all of a `KeyValue` that comes before its value. */
function writeHead(
  chunk: Chunk,
  position: number,
  tag: number,
  key: Words,
  valueSize: number,
): number {
  chunk.bytes[position] = tag;
  const size = key.size + varintSize(valueSize) + valueSize;
  const start = writeVarint(chunk, position + 1, size);
  return writeVarint(chunk, writeWords(chunk, start, key), valueSize);
}
