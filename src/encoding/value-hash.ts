import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { writeAnyValue } from './any-value.js';
import { createChunks, startOf } from './chunks.js';

/**
 * Creates the function that puts a keyed hash in the place of an attribute's value: HMAC-SHA256, in hex.
 *
 * Of a text's UTF-8, of a number or boolean as JavaScript writes it, and of bytes, so that anyone with the key can
 * compute it; of each element of an array. A map, and what is nested in an array, is hashed by its OTLP encoding, which
 * shows neither its names nor its shape. What has no value in OTLP stays as it is.
 *
 * @throws from the function, RangeError where maps nest too deep, and `MessageTooLarge`.
 */
export function createValueHash(key: string): (value: unknown) => unknown {
  // Made once: from a text it would be made anew for each value.
  const secret = createSecretKey(key, 'utf8');
  return (value) => {
    if (!Array.isArray(value)) return hashOne(secret, value);
    const hashes: unknown[] = [];
    // By index, as it would be encoded: an iterator may be the application's own.
    for (let index = 0; index < value.length; index += 1) {
      hashes.push(hashOne(secret, value[index]));
    }
    return hashes;
  };
}

function hashOne(secret: KeyObject, value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return digest(secret, value);
    case 'number':
    case 'boolean':
      return digest(secret, `${value}`);
    case 'object':
      if (value === null) return value;
      return digest(secret, value instanceof Uint8Array ? new Uint8Array(value) : encode(value));
    default:
      return undefined;
  }
}

function digest(secret: KeyObject, data: string | Uint8Array): string {
  return createHmac('sha256', secret).update(data).digest('hex');
}

/** In memory of its own, which is let go of at once. */
function encode(value: object): Uint8Array {
  const { chunk, index } = createChunks().write(writeAnyValue, value);
  return chunk.bytes.subarray(startOf(chunk, index), startOf(chunk, index + 1));
}
