import { MAX_DEPTH } from './any-value.js';

/**
 * An attribute's value with no text in it that is longer than this: the value itself where it is short enough, and
 * else a copy. Numbers and booleans stay as they are.
 *
 * @param maxCharacters - In Unicode code points; of binary data, in bytes.
 * @throws RangeError where arrays and maps nest deeper than what is encoded, or in a circle.
 */
export function truncateValue(value: unknown, maxCharacters: number): unknown {
  if (typeof value === 'string') return truncateText(value, maxCharacters);
  if (typeof value !== 'object' || value === null) return value;
  return truncateObject(value, maxCharacters, 1, new Map());
}

/** The beginning of a text, no character of which is cut in two. */
function truncateText(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  let end = 0;
  for (let count = 0; count < maxCharacters && end < text.length; count += 1) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

/** @param copies - By what it is a copy of: an object that is reached by many paths is copied once. */
function truncateObject(
  object: object,
  maxCharacters: number,
  depth: number,
  copies: Map<object, object>,
): object {
  if (object instanceof Uint8Array) return new Uint8Array(object).subarray(0, maxCharacters);
  if (depth > MAX_DEPTH) throw new RangeError('an attribute nests too deep');
  const known = copies.get(object);
  if (known !== undefined) return known;

  const truncate = (value: unknown): unknown => {
    if (typeof value === 'string') return truncateText(value, maxCharacters);
    if (typeof value !== 'object' || value === null) return value;
    return truncateObject(value, maxCharacters, depth + 1, copies);
  };
  const copy: object = Array.isArray(object)
    ? Array.from({ length: object.length }, (_, index) => truncate(object[index]))
    : Object.fromEntries(Object.entries(object).map(([name, value]) => [name, truncate(value)]));
  copies.set(object, copy);
  return copy;
}
