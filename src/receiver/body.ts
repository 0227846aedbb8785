import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const gunzipAsync = promisify(gunzip);

/** Why a request is refused: the HTTP status, and a sentence for its sender. */
export interface Refusal {
  readonly httpStatus: number;
  readonly message: string;
}

/**
 * Reads a request's body as it is on the wire.
 *
 * One of more than `maxBytes` is refused; its rest is read and thrown away, since a sender that is still writing would
 * see its connection break instead of the answer.
 *
 * Rejects when the sender goes away in mid-body.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Buffer | Refusal> {
  const chunks: Buffer[] = [];
  let wireBytes = 0;
  for await (const chunk of request) {
    wireBytes += chunk.length;
    if (wireBytes <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return wireBytes > maxBytes ? tooLarge(maxBytes) : Buffer.concat(chunks);
}

/**
 * Inflates a body where its `Content-Encoding`, which is `gzip` or `identity`, says so. One of more than `maxBytes` is
 * refused. Never rejects.
 */
export async function inflateBody(
  wire: Buffer,
  contentEncoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array | Refusal> {
  switch (contentEncoding ?? 'identity') {
    case 'identity':
      return wire;
    case 'gzip':
      return inflate(wire, maxBytes);
    default:
      return { httpStatus: 415, message: 'Content-Encoding must be gzip or identity' };
  }
}

async function inflate(wire: Buffer, maxBytes: number): Promise<Uint8Array | Refusal> {
  try {
    return await gunzipAsync(wire, { maxOutputLength: maxBytes });
  } catch (error) {
    // The one failure that is not the data's own: a small body may inflate to any size.
    const isTooLarge =
      error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLarge
      ? tooLarge(maxBytes)
      : { httpStatus: 400, message: 'the body is not gzip, as Content-Encoding says' };
  }
}

function tooLarge(maxBytes: number): Refusal {
  return { httpStatus: 413, message: `the body is larger than ${maxBytes} bytes` };
}
