import { Buffer } from 'node:buffer';
/** Memory into which messages are written, one after the other, and in which they stay until they are sent. */
export interface Chunk {
  readonly bytes: ChunkBytes;
  /** The same memory. */
  readonly view: DataView;
  /** Where the free part begins. */
  used: number;
  /** How many slices have not been released. */
  slices: number;
  readonly owner: Chunks;
}

/**
 * A buffer, with a method that Node's buffers have and its types do not mention: `write` takes 20 ns to find
 * it, for each text of each span.
 */
export type ChunkBytes = Buffer & {
  readonly latin1Write?: (text: string, offset: number, length: number) => number;
};

/** Where a message is. */
export interface Slice {
  readonly chunk: Chunk;
  readonly start: number;
  readonly end: number;
  isReleased: boolean;
}

/** Writes a subject so that it begins at `start`, and returns where it ends. */
export type Write<T> = (chunk: Chunk, start: number, subject: T) => number;

/** The chunks of one queue, which shares them with no other. */
export interface Chunks {
  /**
   * Writes one message, right behind the last one where it fits there. What `write` throws, this throws,
   * and then nothing has been written.
   *
   * @throws RangeError for a message of more than 64 MiB.
   */
  write<T>(write: Write<T>, subject: T): Slice;
  /** Writes a message again, which may be in another queue's chunks. */
  copy(slice: Slice): Slice;
  /**
   * Says that nobody will read the slice again: its memory may be written to from then on.
   *
   * Only after the request with it was answered by a 2xx **and** its body was written to the socket, whole:
   * a receiver may answer before it has read, and whatever is in the memory then goes out to it. Where that
   * is not known, leave it: memory that is not released is collected as any other.
   */
  release(slice: Slice): void;
  /** Lets go of memory that waits to be written to: there is nothing to write for now. */
  trim(): void;
}

/** Size of a chunk. The first ones are smaller, since of many backends most have little to send. */
const CHUNK_SIZE = 64 * 2 ** 10;
const FIRST_CHUNK_SIZE = 4 * 2 ** 10;

/** Largest message: as large as the default budget of all queues together. */
const MAX_MESSAGE_SIZE = 64 * 2 ** 20;

/** What {@link requireRoom} keeps free for the tags, lengths and numbers that are written without asking. */
const SLACK_SIZE = 128;

/** How many released chunks wait to be written to. */
const MAX_SPARE_CHUNKS = 16;

/** Thrown where a chunk is too small for a message, which is begun anew in a larger one. */
class OutOfRoom {
  /** What the chunk would have needed. */
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }
}

/** Makes sure that `size` bytes fit at a position. To be called for whatever has no fixed size. */
export function requireRoom({ bytes }: Chunk, position: number, size: number): void {
  const needed = position + size + SLACK_SIZE;
  if (needed > bytes.length) throw new OutOfRoom(needed);
}

/** Creates chunks, with no memory yet. */
export function createChunks(): Chunks {
  // The chunk whose free part is written to next. It is not here while it is written to, since reading a
  // span may run code of the application, which may end another span.
  let open: Chunk | undefined;
  let nextSize = FIRST_CHUNK_SIZE;
  let lastMessageSize = 0;
  const spare: Chunk[] = [];

  /** An empty chunk. */
  function take(size: number): Chunk {
    const chunk = size <= CHUNK_SIZE ? spare.pop() : undefined;
    if (chunk !== undefined) return chunk;
    // Not zeroed: no byte is sent that was not written.
    const bytes = Buffer.allocUnsafeSlow(Math.max(size, nextSize));
    nextSize = Math.min(nextSize * 2, CHUNK_SIZE);
    return { bytes, view: new DataView(bytes.buffer), used: 0, slices: 0, owner: chunks };
  }

  /** To be called when a chunk loses a slice, or its turn. */
  function put(chunk: Chunk): void {
    if (chunk.slices > 0) return;
    chunk.used = 0;
    if (chunk === open) return;
    if (chunk.bytes.length === CHUNK_SIZE && spare.length < MAX_SPARE_CHUNKS) spare.push(chunk);
  }

  /** The chunk to begin a message in: not what is left of one, where that is likely to be too little. */
  function takeOpen(): Chunk {
    const chunk = open;
    open = undefined;
    if (chunk === undefined) return take(0);
    if (chunk.used + 2 * lastMessageSize + SLACK_SIZE <= chunk.bytes.length) return chunk;
    put(chunk);
    return take(0);
  }

  const chunks: Chunks = {
    write(write, subject) {
      let chunk = takeOpen();
      for (;;) {
        // Counted from here on, so that it is not taken for an empty one meanwhile.
        chunk.slices += 1;
        const start = chunk.used;
        try {
          const end = write(chunk, start, subject);
          chunk.used = end;
          lastMessageSize = end - start;
          open = chunk;
          return { chunk, start, end, isReleased: false };
        } catch (error) {
          chunk.slices -= 1;
          if (!(error instanceof OutOfRoom)) {
            open = chunk;
            throw error;
          }
          put(chunk);
          chunk = take(largerSize(error.size - start));
        }
      }
    },
    copy(slice) {
      return chunks.write(writeSlice, slice);
    },
    release(slice) {
      const { chunk } = slice;
      if (slice.isReleased || chunk.owner !== chunks) return;
      slice.isReleased = true;
      chunk.slices -= 1;
      put(chunk);
    },
    trim() {
      open = undefined;
      spare.length = 0;
      nextSize = FIRST_CHUNK_SIZE;
    },
  };
  return chunks;
}

function writeSlice(chunk: Chunk, position: number, { chunk: source, start, end }: Slice): number {
  const size = end - start;
  requireRoom(chunk, position, size);
  source.bytes.copy(chunk.bytes, position, start, end);
  return position + size;
}

/** Half as much again as is known to be needed: more may follow, and what is left over is not lost. */
function largerSize(size: number): number {
  if (size > MAX_MESSAGE_SIZE) throw new RangeError('the message is too large');
  return Math.ceil(size * 1.5);
}

const apart = createChunks();

/** Writes a message that belongs to no queue into memory of its own. */
export function writeApart<T>(write: Write<T>, subject: T): Buffer {
  const slice = apart.write(write, subject);
  const { chunk, start, end } = slice;
  const bytes = Buffer.from(chunk.bytes.subarray(start, end));
  apart.release(slice);
  return bytes;
}
