import { Buffer } from 'node:buffer';

/** Memory into which messages are written, one after the other, and in which they stay until they are sent. */
export interface Chunk {
  readonly bytes: ChunkBytes;
  /** The same memory. */
  readonly view: DataView;
  /** Where the free part begins. */
  used: number;
  /** How many messages in it have not been released. */
  messages: number;
  /** How many readers hold its bytes back from being written over; see {@link Chunks.retain}. */
  readers: number;
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
}

/** Writes a subject so that it begins at `start`, and returns where it ends. */
export type Write<T> = (chunk: Chunk, start: number, subject: T) => number;

/** The chunks of one queue, which shares them with no other. */
export interface Chunks {
  /**
   * Writes one message, right behind the last one where it fits there. What `write` throws, this throws,
   * and then nothing has been written.
   *
   * @param maxSize - Largest message, in bytes, that memory of its own is made for. At most, and by default, 64 MiB.
   * @throws MessageTooLarge for one that would need more.
   */
  write<T>(write: Write<T>, subject: T, maxSize?: number): Slice;
  /** Writes a message again, which may be in another queue's chunks. */
  copy(slice: Slice): Slice;
  /** Takes back the message that was written last, which nobody has read, or will. */
  undo(slice: Slice): void;
  /**
   * Says that nobody will read so many messages of a chunk again: once that is true of all of them, its
   * memory is written to anew.
   *
   * Only for messages that have never been on their way, or whose one request was answered by a 2xx **and** had
   * its body written to the socket, whole: a receiver may answer before it has read, and whatever is in the
   * memory then goes out to it. Where that is not known, leave it: memory that is not released is collected
   * as any other.
   */
  release(chunk: Chunk, messages: number): void;
  /** Keeps the bytes of a chunk as they are, whatever is released, until the function that is returned is called. */
  retain(chunk: Chunk): () => void;
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

/** How many released chunks wait to be written to: what the batches of one backend hold while they are on their way. */
const MAX_SPARE_CHUNKS = 32;

/** A message takes more than it may. */
export class MessageTooLarge extends Error {
  override readonly name = 'MessageTooLarge';
}

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
  return new OwnChunks();
}

/** A class, so that 10,000 backends share its methods, where as many closures would take megabytes. */
class OwnChunks implements Chunks {
  // The chunk whose free part is written to next. It is not here while it is written to, since reading a
  // span may run code of the application, which may end another span.
  #open: Chunk | undefined;
  #nextSize = FIRST_CHUNK_SIZE;
  #lastMessageSize = 0;
  #spare: Chunk[] = [];

  write<T>(write: Write<T>, subject: T, maxSize = MAX_MESSAGE_SIZE): Slice {
    let chunk = this.#takeOpen();
    for (;;) {
      // Counted from here on, so that it is not taken for an empty one meanwhile.
      chunk.messages += 1;
      const start = chunk.used;
      try {
        const end = write(chunk, start, subject);
        chunk.used = end;
        this.#lastMessageSize = end - start;
        this.#open = chunk;
        return { chunk, start, end };
      } catch (error) {
        chunk.messages -= 1;
        if (!(error instanceof OutOfRoom)) {
          this.#open = chunk;
          throw error;
        }
        this.#put(chunk);
        const size = error.size - start;
        if (size - SLACK_SIZE > maxSize) throw new MessageTooLarge();
        // Half as much again as is known to be needed: more may follow, and what is left over is not lost.
        chunk = this.#take(Math.ceil(size * 1.5));
      }
    }
  }

  copy(slice: Slice): Slice {
    return this.write(writeSlice, slice);
  }

  undo({ chunk, start, end }: Slice): void {
    chunk.messages -= 1;
    if (chunk.used === end && chunk.readers === 0) chunk.used = start;
    this.#put(chunk);
  }

  release(chunk: Chunk, messages: number): void {
    chunk.messages -= messages;
    this.#put(chunk);
  }

  retain(chunk: Chunk): () => void {
    chunk.readers += 1;
    return () => {
      chunk.readers -= 1;
      this.#put(chunk);
    };
  }

  trim(): void {
    this.#open = undefined;
    this.#spare = [];
    this.#nextSize = FIRST_CHUNK_SIZE;
  }

  /** The chunk to begin a message in: not what is left of one, where that is likely to be too little. */
  #takeOpen(): Chunk {
    const chunk = this.#open;
    this.#open = undefined;
    if (chunk === undefined) return this.#take(0);
    if (chunk.used + 2 * this.#lastMessageSize + SLACK_SIZE <= chunk.bytes.length) return chunk;
    this.#put(chunk);
    return this.#take(0);
  }

  /** An empty chunk. */
  #take(size: number): Chunk {
    const chunk = size <= CHUNK_SIZE ? this.#spare.pop() : undefined;
    if (chunk !== undefined) return chunk;
    // Not zeroed: no byte is sent that was not written.
    const bytes = Buffer.allocUnsafeSlow(Math.max(size, this.#nextSize));
    this.#nextSize = Math.min(this.#nextSize * 2, CHUNK_SIZE);
    return { bytes, view: new DataView(bytes.buffer), used: 0, messages: 0, readers: 0 };
  }

  /** To be called when a chunk loses a message, a reader, or its turn. */
  #put(chunk: Chunk): void {
    if (chunk.messages > 0 || chunk.readers > 0) return;
    chunk.used = 0;
    if (chunk === this.#open) return;
    if (chunk.bytes.length === CHUNK_SIZE && this.#spare.length < MAX_SPARE_CHUNKS) {
      this.#spare.push(chunk);
    }
  }
}

function writeSlice(chunk: Chunk, position: number, { chunk: source, start, end }: Slice): number {
  const size = end - start;
  requireRoom(chunk, position, size);
  source.bytes.copy(chunk.bytes, position, start, end);
  return position + size;
}

const apart = createChunks();

/** Writes a message that belongs to no queue into memory of its own. */
export function writeApart<T>(write: Write<T>, subject: T): Buffer {
  const slice = apart.write(write, subject);
  const { chunk, start, end } = slice;
  const bytes = Buffer.from(chunk.bytes.subarray(start, end));
  apart.undo(slice);
  return bytes;
}
