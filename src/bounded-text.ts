/** Most of an answer that is read, in bytes: `stats()` of 10,000 backends is about 4 MB. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Reads a body as text; `undefined` for one of more than {@link MAX_ANSWER_BYTES}, of which the rest is not read: who is
 * asked may be anything, and may never end.
 *
 * Rejects as the body does.
 */
export async function readBoundedText(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop cancels the rest.
    if (size > MAX_ANSWER_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
