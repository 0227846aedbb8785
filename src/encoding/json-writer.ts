import { Buffer } from 'node:buffer';
import { toUSVString } from 'node:util';
import { type Chunk, requireRoom } from './chunks.js';
import { createWords, type Words, writeWords } from './words.js';
import { MAX_SHORT_TEXT, writeUtf8 } from './writer.js';

/*
 * The parts that JSON is made of. Each is written at `position`, and what is returned is the position behind
 * it. A list is written as elements with a comma before each; `closeList` puts the bracket over the first.
 */

/** What a JSON string can not hold as it is. Control characters that it can are among them, for brevity. */
const UNSAFE = /["\\\p{Cc}]/u;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Keeps a piece of JSON that is always the same. */
export function createLiteral(json: string): Words {
  return createWords(Buffer.from(json));
}

/** Writes a piece that is always the same. */
export function writeLiteral(chunk: Chunk, position: number, literal: Words): number {
  requireRoom(chunk, position, literal.size);
  return writeWords(chunk, position, literal);
}

/** Writes a piece of JSON, in ASCII. */
export function writeJson(chunk: Chunk, position: number, json: string): number {
  const { length } = json;
  requireRoom(chunk, position, length);
  return writeUtf8(chunk, position, json, length);
}

/** Writes a text as a JSON string, unpaired surrogates as U+FFFD. */
export function writeString(chunk: Chunk, position: number, text: string): number {
  const { bytes } = chunk;
  const { length } = text;
  if (length <= MAX_SHORT_TEXT) {
    requireRoom(chunk, position, length);
    const start = position + 1;
    let index = 0;
    for (; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) break;
      bytes[start + index] = unit;
    }
    if (index === length) {
      bytes[position] = QUOTE;
      bytes[start + length] = QUOTE;
      return start + length + 1;
    }
  }
  if (!UNSAFE.test(text)) {
    bytes[position] = QUOTE;
    const end = writeText(chunk, position + 1, text);
    bytes[end] = QUOTE;
    return end + 1;
  }
  // `JSON.stringify` spells unpaired surrogates out, for which a strict receiver refuses all of the request.
  return writeText(chunk, position, JSON.stringify(toUSVString(text)));
}

function writeText(chunk: Chunk, position: number, text: string): number {
  const size = Buffer.byteLength(text);
  requireRoom(chunk, position, size);
  return writeUtf8(chunk, position, text, size);
}

/** Writes an integer from 0 up to, and without, 2^32. */
export function writeUint32(chunk: Chunk, position: number, value: number): number {
  let width = 1;
  for (let limit = 10; value >= limit; limit *= 10) width += 1;
  return writeDigits(chunk, position, value, width);
}

/** Writes the last decimal digits, as many as `width` says, of an integer as above. */
function writeDigits({ bytes }: Chunk, position: number, value: number, width: number): number {
  let rest = value;
  for (let at = position + width - 1; at >= position; at -= 1) {
    const tenth = (rest / 10) >>> 0;
    bytes[at] = 0x30 + rest - tenth * 10;
    rest = tenth;
  }
  return position + width;
}

const NANOSECONDS = 1_000_000_000n;

/** Writes a time as the nanoseconds since the epoch, without quotes. */
export function writeTime(chunk: Chunk, position: number, time: readonly [number, number]): number {
  const seconds = time[0];
  const nanoseconds = time[1];
  if (seconds > 0 && seconds === seconds >>> 0 && nanoseconds === nanoseconds >>> 0) {
    if (nanoseconds < 1e9) {
      return writeDigits(chunk, writeUint32(chunk, position, seconds), nanoseconds, 9);
    }
  }
  // No time of the SDK's own: that of an application, which may be anything.
  const total = wholeOf(seconds) * NANOSECONDS + wholeOf(nanoseconds);
  return writeJson(chunk, position, `${BigInt.asUintN(64, total)}`);
}

function wholeOf(value: number): bigint {
  return BigInt(Number.isFinite(value) ? Math.trunc(value) : 0);
}

/**
 * Writes a trace or span id, without quotes.
 *
 * @throws TypeError for what is no id, for which a receiver would refuse every span beside it.
 */
export function writeHexId({ bytes }: Chunk, position: number, id: string, size: number): number {
  if (id.length !== size) throw new TypeError('an id is malformed');
  for (let index = 0; index < size; index += 1) {
    const unit = id.charCodeAt(index);
    if (!isHexDigit(unit)) throw new TypeError('an id is malformed');
    bytes[position + index] = unit;
  }
  return position + size;
}

function isHexDigit(unit: number): boolean {
  const letter = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

/** Ends a list, the elements of which have been written from `start` to `end`. */
export function closeList({ bytes }: Chunk, start: number, end: number): number {
  bytes[start] = 0x5b;
  const last = Math.max(end, start + 1);
  bytes[last] = 0x5d;
  return last + 1;
}
