import type { Chunk } from './chunks.js';
import { writeJsonValue } from './json-value.js';
import { closeList, createLiteral, writeLiteral, writeString } from './json-writer.js';
import type { Keys } from './keys.js';
import { withOwnOnly } from './own-properties.js';
import { type Words, writeWords } from './words.js';

const STRING = createLiteral('{"stringValue":');
const END = createLiteral('}');
const BRACE = 0x7d;

/** Writes an object's own properties as a list of `KeyValue`, in their order. */
export function writeJsonAttributes(
  chunk: Chunk,
  position: number,
  attributes: Readonly<Record<string, unknown>> | undefined,
  keys: Keys,
  last?: Words,
): number {
  const own = attributes === undefined ? {} : withOwnOnly(attributes);
  const { bytes } = chunk;
  let end = position;
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
    if (typeof value === 'string') {
      // What `writeJsonAttribute` does, in fewer steps: most attributes are texts.
      const start = writeWords(chunk, writeLiteral(chunk, end, key), STRING);
      end = writeString(chunk, start, value);
      bytes[end] = BRACE;
      bytes[end + 1] = BRACE;
      end += 2;
    } else {
      end = writeJsonAttribute(chunk, end, key, value);
    }
  }
  keys.last = key;
  if (last !== undefined) end = writeLiteral(chunk, end, last);
  return closeList(chunk, position, end);
}

/** Writes one `KeyValue`, with a comma before it. */
export function writeJsonAttribute(
  chunk: Chunk,
  position: number,
  key: Words,
  value: unknown,
): number {
  const start = writeLiteral(chunk, position, key);
  return writeLiteral(chunk, writeJsonValue(chunk, start, value), END);
}
