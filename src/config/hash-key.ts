/** Shortest key, in bytes: as long as the output of SHA-256, as RFC 2104 asks of a key of HMAC. */
const MIN_KEY_BYTES = 32;

/** What would be right where a key is none. */
export const hashKeyHint = `${MIN_KEY_BYTES} bytes or more, such as openssl rand -base64 ${MIN_KEY_BYTES} prints`;

/** Whether a text is a key: long enough, and no bytes that were read as UTF-8 and lost by it what they were. */
export function isHashKey(text: string): boolean {
  return Buffer.byteLength(text) >= MIN_KEY_BYTES && !text.includes('\ufffd');
}
