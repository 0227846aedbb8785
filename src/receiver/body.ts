import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const gunzipAsync = promisify(gunzip);

/** A body as it was meant, and its size on the wire. */
export interface Body {
  readonly wireBytes: number;
  readonly bytes: Uint8Array;
}

/** Why a request is refused: the HTTP status, and a sentence for its sender. */
export interface Refusal {
  readonly httpStatus: number;
  readonly message: string;
}

/**
 * Reads a request's body, and inflates it where `Content-Encoding` is `gzip`.
 *
 * What passes `maxBytes`, on the wire or inflated, is refused; the rest of such a body is read and thrown
 * away, since a sender that is still writing would see its connection break instead of the answer.
 *
 * Rejects when the sender goes away in mid-body.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Body | Refusal> {
  const chunks: Buffer[] = [];
  let wireBytes = 0;
  for await (const chunk of request) {
    wireBytes += chunk.length;
    if (wireBytes <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (wireBytes > maxBytes) return tooLarge(maxBytes);
  const wire = Buffer.concat(chunks);
  switch (request.headers['content-encoding'] ?? 'identity') {
    case 'identity':
      return { wireBytes, bytes: wire };
    case 'gzip':
      return inflate(wire, maxBytes);
    default:
      return { httpStatus: 415, message: 'Content-Encoding must be gzip or identity' };
  }
}

async function inflate(wire: Buffer, maxBytes: number): Promise<Body | Refusal> {
  try {
    const bytes = await gunzipAsync(wire, { maxOutputLength: maxBytes });
    return { wireBytes: wire.length, bytes };
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
