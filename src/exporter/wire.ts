import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Backend } from '../config/resolved.js';
import type { Encoder } from '../encoding/encoder.js';
import { SPAN_OBJECT_BYTES } from '../encoding/estimate.js';
import type { Transport } from '../transport/transport.js';
import type { Courier, Parcel } from './courier.js';

/** A request's body. */
export interface Body extends Parcel {
  readonly bytes: number;
  readonly content: Uint8Array;
  readonly isCompressed: boolean;
}

/** In Node's thread pool, and so beside the event loop. */
const gzipAsync = promisify(gzip);

/**
 * Creates signalbox's own courier: OTLP bodies, through a transport that is opened with the first of them.
 *
 * Bodies are compressed one at a time, since Node's thread pool has four threads by default, and the
 * application's files and names are read by them too. The level is zlib's default, 6.
 */
export function createWire(
  backend: Pick<Backend, 'compression' | 'maxConcurrentExports'>,
  encoder: Encoder,
  openTransport: () => Transport,
): Courier<Body> {
  let transport: Transport | undefined;
  let lastCompression: Promise<unknown> | undefined;

  async function compressNow(body: Body): Promise<Body> {
    try {
      const content = await gzipAsync(body.content);
      return { content, bytes: content.byteLength, isCompressed: true };
    } catch {
      // Out of memory, most likely. The body travels as it is, which every receiver takes.
      return body;
    }
  }

  return {
    maxConcurrent: backend.maxConcurrentExports,
    spanOverheadBytes: SPAN_OBJECT_BYTES,
    estimateBytes: encoder.estimateBytes,
    encode(spans) {
      const content = encoder.encode(spans);
      return { content, bytes: content.byteLength, isCompressed: false };
    },
    async compress(body) {
      if (backend.compression === 'none') return body;
      const compressed =
        lastCompression === undefined
          ? compressNow(body)
          : lastCompression.then(() => compressNow(body));
      // Only its end is waited for: its body must not be kept until the next one.
      lastCompression = compressed.then(() => undefined);
      return compressed;
    },
    async send({ content, isCompressed }, signal) {
      transport ??= openTransport();
      return transport.send({
        body: content,
        contentType: encoder.contentType,
        ...(isCompressed && { contentEncoding: 'gzip' }),
        signal,
      });
    },
    async flush() {
      // An answer is final: nothing is held here.
    },
    async close() {
      await transport?.close();
    },
  };
}
