import { Buffer } from 'node:buffer';

/** Memory into which messages are written, one after the other, and in which they stay until they are sent. */
export interface Chunk {
  readonly bytes: ChunkBytes;
  /** The same memory. */
  readonly view: DataView;
  /** How many messages have been written. They lie side by side, from the beginning on. */
  count: number;
  /** Where each message ends, up to `count`. */
  ends: Int32Array;
  /** How many of the messages have not been released. */
  held: number;
  /** How many readers hold its bytes back from being written over; see {@link Chunks.retain}. */
  readers: number;
}

/**
 * A buffer, with methods that Node's buffers have and its types do not mention: `write` takes 20 ns to find
 * them, for each text of each span.
 */
export type ChunkBytes = Buffer & {
  readonly latin1Write?: (text: string, offset: number, length: number) => number;
  readonly utf8Write?: (text: string, offset: number, length: number) => number;
};

/** A message. */
export interface Message {
  readonly chunk: Chunk;
  /** Its number in the chunk, from 0. */
  readonly index: number;
  /** In bytes. */
  readonly size: number;
}

/** Where a message of a chunk begins; for the next message that is written, where the free part does. */
export function startOf({ ends }: Chunk, index: number): number {
  return index === 0 ? 0 : (ends[index - 1] ?? 0);
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
  write<T>(write: Write<T>, subject: T, maxSize?: number): Message;
  /** Writes a message again, which may be in another queue's chunks. */
  copy(message: Message): Message;
  /** Takes back the message that was written last, which nobody has read, or will. */
  undo(message: Message): void;
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
  /**
   * Says that there is nothing to write for now, though there may soon be: keeps what has been written to since it was said
   * last, where that was more than one chunk.
   */
  rest(): void;
  /** Lets go of all memory that waits to be written to. */
  trim(): void;
}

/** Size of a chunk. The first ones are smaller, since of many backends most have little to send. */
const CHUNK_SIZE = 64 * 2 ** 10;
const FIRST_CHUNK_SIZE = 4 * 2 ** 10;

/** What a chunk has room for the ends of, at first. */
const TYPICAL_MESSAGE_SIZE = 512;

/** Largest message: as large as the default budget of all queues together. */
const MAX_MESSAGE_SIZE = 64 * 2 ** 20;

/** What {@link requireRoom} keeps free for the tags, lengths and numbers that are written without asking. */
const SLACK_SIZE = 128;

/** How many released chunks wait to be written to: what the batches of one backend hold while they are on their way. */
const MAX_SPARE_CHUNKS = 32;

/**
 * What all released chunks of the process take together, at the most: of many backends, each that has just sent something
 * keeps its own. They never change hands.
 */
const MAX_ALL_SPARE_BYTES = 32 * 2 ** 20;

let allSpareBytes = 0;

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
  /** How many chunks have been begun since there was nothing to write. */
  #taken = 0;

  write<T>(write: Write<T>, subject: T, maxSize = MAX_MESSAGE_SIZE): Message {
    let chunk = this.#takeOpen();
    for (;;) {
      // Counted from here on, so that it is not taken for an empty one meanwhile.
      chunk.held += 1;
      const index = chunk.count;
      const start = startOf(chunk, index);
      try {
        const end = write(chunk, start, subject);
        const size = end - start;
        if (index === chunk.ends.length) chunk.ends = enlarge(chunk.ends);
        chunk.ends[index] = end;
        chunk.count += 1;
        this.#lastMessageSize = size;
        this.#open = chunk;
        return { chunk, index, size };
      } catch (error) {
        chunk.held -= 1;
        if (!(error instanceof OutOfRoom)) {
          this.#open = chunk;
          throw error;
        }
        const size = error.size - start;
        if (size - SLACK_SIZE > maxSize) {
          this.#open = chunk;
          throw new MessageTooLarge();
        }
        this.#put(chunk);
        // Half as much again as is known to be needed: more may follow, and what is left over is not lost.
        chunk = this.#take(Math.ceil(size * 1.5));
      }
    }
  }

  copy(message: Message): Message {
    return this.write(writeAgain, message);
  }

  undo({ chunk, index }: Message): void {
    chunk.held -= 1;
    if (index === chunk.count - 1 && chunk.readers === 0) chunk.count = index;
    this.#put(chunk);
  }

  release(chunk: Chunk, messages: number): void {
    chunk.held -= messages;
    this.#put(chunk);
  }

  retain(chunk: Chunk): () => void {
    chunk.readers += 1;
    return () => {
      chunk.readers -= 1;
      this.#put(chunk);
    };
  }

  rest(): void {
    if (this.#taken === 0) return;
    const chunk = this.#open;
    this.#open = undefined;
    if (chunk !== undefined) this.#put(chunk);
    this.#keep(this.#taken > 1 ? this.#taken : 0);
    this.#taken = 0;
  }

  trim(): void {
    this.#open = undefined;
    this.#keep(0);
  }

  #keep(count: number): void {
    const dropped = this.#spare.splice(count);
    allSpareBytes -= dropped.length * CHUNK_SIZE;
    if (this.#spare.length === 0) this.#nextSize = FIRST_CHUNK_SIZE;
  }

  /** The chunk to begin a message in: not what is left of one, where that is likely to be too little. */
  #takeOpen(): Chunk {
    const chunk = this.#open;
    this.#open = undefined;
    if (chunk === undefined) return this.#take(0);
    const used = startOf(chunk, chunk.count);
    if (used + 2 * this.#lastMessageSize + SLACK_SIZE <= chunk.bytes.length) return chunk;
    this.#put(chunk);
    return this.#take(0);
  }

  /** An empty chunk. */
  #take(needed: number): Chunk {
    this.#taken += 1;
    // A message that is much of a chunk would leave the rest of it unused: it gets one of its own size.
    const isLarge = this.#lastMessageSize > CHUNK_SIZE / 4;
    const size = Math.max(needed, isLarge ? Math.ceil(this.#lastMessageSize * 1.25) : 0);
    const chunk = size === 0 || size <= CHUNK_SIZE / 4 ? this.#spare.pop() : undefined;
    if (chunk !== undefined) {
      allSpareBytes -= CHUNK_SIZE;
      return chunk;
    }
    // Not zeroed: no byte is sent that was not written.
    const bytes = Buffer.allocUnsafeSlow(isLarge ? size : Math.max(size, this.#nextSize));
    if (!isLarge) this.#nextSize = Math.min(this.#nextSize * 2, CHUNK_SIZE);
    const view = new DataView(bytes.buffer);
    const ends = new Int32Array(Math.ceil(bytes.length / TYPICAL_MESSAGE_SIZE));
    return { bytes, view, count: 0, ends, held: 0, readers: 0 };
  }

  /** To be called when a chunk loses a message, a reader, or its turn. */
  #put(chunk: Chunk): void {
    if (chunk.held > 0 || chunk.readers > 0) return;
    chunk.count = 0;
    if (chunk === this.#open) return;
    if (chunk.bytes.length !== CHUNK_SIZE || this.#spare.length >= MAX_SPARE_CHUNKS) return;
    if (allSpareBytes + CHUNK_SIZE > MAX_ALL_SPARE_BYTES) return;
    allSpareBytes += CHUNK_SIZE;
    this.#spare.push(chunk);
  }
}

function enlarge(ends: Int32Array): Int32Array {
  const enlarged = new Int32Array(ends.length * 2);
  enlarged.set(ends);
  return enlarged;
}

function writeAgain(chunk: Chunk, position: number, message: Message): number {
  const { chunk: source, index, size } = message;
  const start = startOf(source, index);
  requireRoom(chunk, position, size);
  source.bytes.copy(chunk.bytes, position, start, start + size);
  return position + size;
}

const apart = createChunks();

/** Writes a message that belongs to no queue into memory of its own. */
export function writeApart<T>(write: Write<T>, subject: T): Buffer {
  const message = apart.write(write, subject);
  const { chunk, index, size } = message;
  const start = startOf(chunk, index);
  const bytes = Buffer.from(chunk.bytes.subarray(start, start + size));
  apart.undo(message);
  return bytes;
}
