import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Chunks,
  createChunks,
  type Message,
  MessageTooLarge,
  requireRoom,
  startOf,
  type Write,
} from '../../src/encoding/chunks.js';

/** Writes a text of ASCII. */
const writeText: Write<string> = (chunk, position, text) => {
  requireRoom(chunk, position, text.length);
  return position + chunk.bytes.write(text, position, 'latin1');
};

function startOfMessage({ chunk, index }: Message): number {
  return startOf(chunk, index);
}

function read(message: Message): string {
  const start = startOfMessage(message);
  return message.chunk.bytes.toString('latin1', start, start + message.size);
}

/** Writes until a new chunk is begun; what that one holds comes last. */
function fill(chunks: Chunks): Message[] {
  const messages: Message[] = [];
  do messages.push(chunks.write(writeText, 'x'.repeat(1000)));
  while (messages.at(-1)?.chunk === messages[0]?.chunk);
  return messages;
}

/** Chunks that have grown to their full size. */
function createGrown(): Chunks {
  const chunks = createChunks();
  while (chunks.write(writeText, 'x'.repeat(1000)).chunk.bytes.length < 65_536);
  return chunks;
}

describe('chunks', () => {
  it('hold messages side by side', () => {
    const chunks = createChunks();
    const [a, b] = [chunks.write(writeText, 'first'), chunks.write(writeText, 'second')];
    expect(b.chunk).toBe(a.chunk);
    expect(startOfMessage(b)).toBe(startOfMessage(a) + a.size);
    expect([read(a), read(b)]).toEqual(['first', 'second']);
  });

  it('take little memory for little to hold, and 64 KiB at a time for more', () => {
    expect(createChunks().write(writeText, 'x').chunk.bytes.length).toBe(4096);
    const sizes = new Set<number>();
    const chunks = createChunks();
    for (let n = 0; n < 500; n += 1) {
      sizes.add(chunks.write(writeText, 'x'.repeat(1000)).chunk.bytes.length);
    }
    expect([...sizes]).toEqual([4096, 8192, 16_384, 32_768, 65_536]);
  });

  it.each([4000, 65_408, 65_409, 65_536, 100_000, 5_000_000])('hold a message of %i', (size) => {
    const chunks = createChunks();
    const before = chunks.write(writeText, 'before');
    const text = 'y'.repeat(size);
    const message = chunks.write(writeText, text);
    const after = chunks.write(writeText, 'after');
    expect(read(message) === text).toBe(true);
    expect([read(before), read(after)]).toEqual(['before', 'after']);
  });

  it('hold no message of more than 64 MiB', () => {
    const chunks = createChunks();
    const write: Write<number> = (chunk, position, size) => {
      requireRoom(chunk, position, size);
      return position + size;
    };
    expect(() => chunks.write(write, 2 ** 26 + 1)).toThrow(MessageTooLarge);
    expect(read(chunks.write(writeText, 'next'))).toBe('next');
  });

  it('are as they were after a message that could not be written', () => {
    const chunks = createChunks();
    const before = chunks.write(writeText, 'before');
    const write: Write<string> = (chunk, position, text) => {
      writeText(chunk, position, text);
      throw new Error('broken');
    };
    expect(() => chunks.write(write, 'gone')).toThrow('broken');
    const after = chunks.write(writeText, 'after');
    expect(startOfMessage(after)).toBe(startOfMessage(before) + before.size);
    expect([read(before), read(after)]).toEqual(['before', 'after']);
  });

  it('take a message that is written while another one is', () => {
    const chunks = createChunks();
    let inner: Message | undefined;
    const write: Write<string> = (chunk, position, text) => {
      const middle = writeText(chunk, position, text);
      inner = chunks.write(writeText, 'inner');
      chunks.release(inner.chunk, 1);
      return writeText(chunk, middle, text);
    };
    const before = chunks.write(writeText, 'before');
    const outer = chunks.write(write, 'outer');
    const after = chunks.write(writeText, 'after');
    expect([before, outer, after].map(read)).toEqual(['before', 'outerouter', 'after']);
  });

  it('copy a message of another queue', () => {
    const message = createChunks().write(writeText, 'shared');
    const chunks = createChunks();
    const copy = chunks.copy(message);
    expect(copy.chunk).not.toBe(message.chunk);
    expect(read(copy)).toBe('shared');
  });

  it('use no memory again that was not released', () => {
    const chunks = createGrown();
    const all = Array.from({ length: 10 }, () => fill(chunks)).flat();
    const places = all.map(({ chunk, index }) => [chunk, index]);
    expect(new Set(places).size).toBe(places.length);
    expect(all.every((message) => read(message) === 'x'.repeat(1000))).toBe(true);
  });

  it('use the memory of a chunk again once its last message is released', () => {
    const chunks = createGrown();
    const [first] = fill(chunks).slice(-1);
    const others = fill(chunks).slice(0, -1);
    const isUsed = () => fill(chunks).some(({ chunk }) => chunk === first?.chunk);
    for (const message of others) chunks.release(message.chunk, 1);
    expect(others[0]?.chunk).toBe(first?.chunk);
    expect(isUsed()).toBe(false);
    if (first !== undefined) chunks.release(first.chunk, 1);
    expect(isUsed()).toBe(true);
  });

  it('use no memory again that somebody reads, whatever is released', () => {
    const chunks = createChunks();
    const message = chunks.write(writeText, 'read');
    const release = chunks.retain(message.chunk);
    chunks.undo(message);
    chunks.write(writeText, 'next');
    expect(read(message)).toBe('read');
    release();
  });

  it('use the memory of a chunk again once nobody reads it', () => {
    const chunks = createGrown();
    const all = fill(chunks).slice(0, -1);
    const [first] = all;
    if (first === undefined) throw new Error('nothing was written');
    const release = chunks.retain(first.chunk);
    chunks.release(first.chunk, first.chunk.held);
    const isUsed = () => fill(chunks).some(({ chunk }) => chunk === first.chunk);
    expect(isUsed()).toBe(false);
    release();
    expect(isUsed()).toBe(true);
  });

  it('take back the message that was written last', () => {
    const chunks = createChunks();
    const before = chunks.write(writeText, 'before');
    chunks.undo(chunks.write(writeText, 'gone'));
    const after = chunks.write(writeText, 'after');
    expect(startOfMessage(after)).toBe(startOfMessage(before) + before.size);
    expect([before, after].map(read)).toEqual(['before', 'after']);
  });

  it('make no memory for a message of more than they are asked for', () => {
    const chunks = createChunks();
    const before = chunks.write(writeText, 'before');
    expect(() => chunks.write(writeText, 'x'.repeat(10_001), 10_000)).toThrow(MessageTooLarge);
    const after = chunks.write(writeText, 'x'.repeat(10_000), 10_000);
    expect([before, after].map(read)).toEqual(['before', 'x'.repeat(10_000)]);
  });

  it('let go of what is unused, and of no message', () => {
    const chunks = createGrown();
    const message = chunks.write(writeText, 'kept');
    chunks.trim();
    const next = chunks.write(writeText, 'next');
    expect(next.chunk).not.toBe(message.chunk);
    expect(next.chunk.bytes.length).toBe(4096);
    expect(read(message)).toBe('kept');
  });

  it('keep what a batch took while they rest, until they are trimmed', () => {
    const chunks = createGrown();
    const grown = fill(chunks).at(-1)?.chunk;
    if (grown === undefined) throw new Error('nothing was written');
    chunks.release(grown, grown.held);
    chunks.rest();
    const after = chunks.write(writeText, 'after');
    expect(after.chunk.bytes.length).toBe(grown.bytes.length);
    chunks.release(after.chunk, 1);
    chunks.trim();
    expect(chunks.write(writeText, 'anew').chunk.bytes.length).toBe(4096);
  });

  it('keep a bounded number of bytes for all of them together', () => {
    const many = Array.from({ length: 40 }, createChunks);
    const written = many.map((chunks) => Array.from({ length: 4 }, () => fill(chunks)).flat());
    for (const [index, chunks] of many.entries()) {
      for (const { chunk } of written[index] ?? []) chunks.release(chunk, 1);
      chunks.rest();
    }
    const known = new Set(written.flat().map(({ chunk }) => chunk));
    const again = many.flatMap((chunks) => Array.from({ length: 4 }, () => fill(chunks)).flat());
    const kept = new Set(again.map(({ chunk }) => chunk).filter((chunk) => known.has(chunk)));
    const bytes = Array.from(kept, (chunk) => chunk.bytes.length).reduce((sum, each) => sum + each);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(32 * 2 ** 20);
    for (const chunks of many) chunks.trim();
  });

  it('keep every message until it is released, whatever the order', () => {
    const operation = fc.oneof(
      fc.record({ write: fc.constantFrom(0, 1, 700, 3000, 20_000, 70_000) }),
      fc.record({ release: fc.nat() }),
      fc.record({ trim: fc.constant(true) }),
      fc.record({ rest: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150 }), (operations) => {
        const chunks = createChunks();
        const held: { message: Message; text: string }[] = [];
        operations.forEach((each, n) => {
          if ('write' in each) {
            const text = String.fromCharCode(0x21 + (n % 90)).repeat(each.write);
            held.push({ message: chunks.write(writeText, text), text });
          } else if ('release' in each) {
            const [released] = held.splice(each.release % Math.max(1, held.length), 1);
            if (released !== undefined) chunks.release(released.message.chunk, 1);
          } else if ('rest' in each) {
            chunks.rest();
          } else {
            chunks.trim();
          }
          for (const { message, text } of held) {
            if (read(message) !== text) throw new Error('a message was overwritten');
          }
        });
      }),
      { numRuns: 50 },
    );
  });
});
