import type { Write } from './chunks.js';
import { type Words, writeWords } from './words.js';

/**
 * Creates the function that writes ids of one kind by `write`, but one that comes again at once as it was
 * written before: the spans of a trace end together, and many have the same parent.
 *
 * @param size - What `write` writes, in bytes; a multiple of four.
 */
export function createIdWriter(size: number, write: Write<string>): Write<string> {
  let last: string | undefined;
  const encoded: Words = { words: new Int32Array(size / 4), size };

  return (chunk, position, id) => {
    if (id === last) return writeWords(chunk, position, encoded);
    // A write that throws leaves nothing behind that could pass for this id.
    last = undefined;
    const end = write(chunk, position, id);
    const { words } = encoded;
    for (let index = 0; index < words.length; index += 1) {
      words[index] = chunk.view.getInt32(position + 4 * index, true);
    }
    last = id;
    return end;
  };
}
