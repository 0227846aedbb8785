import { promisify } from 'node:util';
import { gzip, type ZlibOptions } from 'node:zlib';
import type { Backend } from '../config/resolved.js';
import { type Chunks, createChunks, type Message, MessageTooLarge } from '../encoding/chunks.js';
import { SPAN_OBJECT_BYTES } from '../encoding/estimate.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import { takeSnapshot } from '../encoding/snapshot.js';
import { asError, type SpanEncoder } from '../encoding/span-encoder.js';
import type { Transport } from '../transport/transport.js';
import type { Courier, Packed, Parcel } from './courier.js';
import { countSpans, type Kept, type MessageRun, type Run } from './run.js';

/** A request's body. */
export interface Body extends Parcel {
  readonly bytes: number;
  readonly parts: readonly Uint8Array[];
  readonly isCompressed: boolean;
  readonly spans: number;
  readonly parent?: string | undefined;
  /** Where it is not the encoder's: it was written by an earlier process. */
  readonly contentType?: string;
}

/**
 * Spans beyond this size, in bytes, are encoded when their batch is made, and not when they end: 64 KiB take less than
 * 0.1 ms as protobuf and 0.3 ms as JSON, 1 MiB takes up to 6 ms, which no request should have to wait for.
 */
const MAX_EAGER_BYTES = 64 * 1024;

/** What a span takes beside its bytes where its scope is not that of the one before it: a run of its own. */
const RUN_BYTES = 128;

/**
 * Of spans, level 3 takes less than half of the time of zlib's own choice, 6, for bodies that are 7 % larger. What it
 * writes at a time, each a turn of the thread pool, is larger than zlib's 16 KiB.
 */
const GZIP = { level: 3, chunkSize: 64 * 1024 };

/** In Node's thread pool, and so beside the event loop. */
const gzipAsync = promisify<Uint8Array, ZlibOptions, Buffer>(gzip);

/** What a wire is made of. */
export interface WireOptions {
  readonly backend: Pick<Backend, 'compression' | 'maxConcurrentExports'>;
  /** Shared by the backends of one protocol and view. */
  readonly encoder: SpanEncoder;
  /** How many bytes a span that is encoded later will take. */
  readonly estimateBytes: (span: RoutedSpan) => number;
  readonly openTransport: () => Transport;
}

/**
 * Creates signalbox's own courier: OTLP bodies, through a transport that is opened with the first of them.
 *
 * Spans are encoded as they are taken, into chunks of this backend's own, and these are what is sent. Bodies
 * are compressed one at a time, since Node's thread pool has four threads by default, and the application's
 * files and names are read by them too.
 */
export function createWire(options: WireOptions): Courier<Body> {
  const { backend, encoder, estimateBytes, openTransport } = options;
  const own = createChunks();
  const ofParents = new Map<string, Chunks>();
  let transport: Transport | undefined;
  let lastCompression: Promise<unknown> | undefined;

  /** Memory of the backend's own, and of this parent's. */
  function chunksOf(parent: string | undefined): Chunks {
    return parent === undefined ? own : (ofParents.get(parent) ?? openChunks(parent));
  }

  function openChunks(parent: string): Chunks {
    const chunks = createChunks();
    ofParents.set(parent, chunks);
    return chunks;
  }

  function take(routed: RoutedSpan, parent: string | undefined): Kept | Error {
    const { encodings } = routed;
    const chunks = chunksOf(parent);
    const encoding = encodings?.find((each) => each.encoder === encoder);
    if (encoding !== undefined) return copy(encoding.message, chunks);
    const message = encoder.encode(routed, chunks, MAX_EAGER_BYTES);
    if (message instanceof MessageTooLarge) return keepForLater(routed);
    if (encodings !== undefined && !(message instanceof Error)) {
      encodings.push({ encoder, message, release: chunks.retain(message.chunk) });
    }
    return message;
  }

  function copy(message: Message, chunks: Chunks): Kept | Error {
    try {
      return chunks.copy(message);
    } catch (error) {
      // Out of memory: another span's chance may be better.
      return asError(error);
    }
  }

  function keepForLater({ span, routeKey }: RoutedSpan): Kept | Error {
    try {
      const routed = { span: takeSnapshot(span, encoder.omits), routeKey };
      const size = SPAN_OBJECT_BYTES + estimateBytes(routed);
      return { chunk: undefined, index: 0, size, routed };
    } catch (error) {
      return asError(error);
    }
  }

  function pack(runs: readonly Run[], parent: string | undefined): Packed<Body> | Error {
    const encoded = encodeRuns(runs, encoder, chunksOf(parent));
    if (encoded instanceof Error) return encoded;
    const body = encoder.createBody(encoded);
    if (body instanceof Error) return body;
    const { parts, size } = body;
    const spans = countSpans(encoded);
    return { parcel: { parts, bytes: size, isCompressed: false, spans, parent }, runs: encoded };
  }

  async function compressNow(body: Body): Promise<Body> {
    try {
      const content = await gzipAsync(Buffer.concat(body.parts, body.bytes), GZIP);
      return { ...body, parts: [content], bytes: content.byteLength, isCompressed: true };
    } catch {
      // Out of memory, most likely. The body travels as it is, which every receiver takes.
      return body;
    }
  }

  return {
    maxConcurrent: backend.maxConcurrentExports,
    spanOverheadBytes: RUN_BYTES,
    take,
    copy: (message, parent) => copy(message, chunksOf(parent)),
    undo(kept, parent) {
      if (kept.chunk !== undefined) chunksOf(parent).undo(kept);
    },
    release(runs, parent) {
      // Where nothing is left of a parent, its memory is collected as any other.
      const chunks = parent === undefined ? own : ofParents.get(parent);
      if (chunks === undefined) return;
      for (const { chunk, from, to } of runs) {
        if (chunk !== undefined) chunks.release(chunk, to - from);
      }
    },
    rest(parent) {
      if (parent === undefined) {
        own.rest();
        return;
      }
      // Of any number of parents, which may come once each, nothing is kept.
      ofParents.get(parent)?.trim();
      ofParents.delete(parent);
    },
    trim: () => own.trim(),
    pack,
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
    async send(body, signal) {
      const { parts, bytes, isCompressed, spans, parent } = body;
      const { contentType = encoder.contentType } = body;
      transport ??= openTransport();
      return transport.send({
        body: { parts, size: bytes },
        contentType,
        spans,
        ...(parent !== undefined && { parent }),
        ...(isCompressed && { contentEncoding: 'gzip' }),
        signal,
      });
    },
    async flush() {
      // An answer is final: nothing is held here.
    },
    async close() {
      for (const chunks of [own, ...ofParents.values()]) chunks.trim();
      await transport?.close();
    },
  };
}

/** The runs with every span of theirs as bytes. */
function encodeRuns(
  runs: readonly Run[],
  encoder: SpanEncoder,
  chunks: Chunks,
): readonly MessageRun[] | Error {
  if (runs.every(isBytes)) return runs;
  const encoded: MessageRun[] = [];
  for (const run of runs) {
    if (run.chunk !== undefined) {
      encoded.push(run);
      continue;
    }
    const message = encoder.encode(run.kept.routed, chunks);
    if (message instanceof Error) return message;
    const { chunk, index } = message;
    encoded.push({ ...run, chunk, from: index, to: index + 1, kept: undefined });
  }
  return encoded;
}

function isBytes(run: Run): run is MessageRun {
  return run.chunk !== undefined;
}
