import { describe, expect, it } from 'vitest';
import { type Message, readMessage } from '../../src/receiver/wire.js';

const inner: Message = {
  fields: { 1: { name: 'a', type: 'uint32' }, 2: { name: 'b', type: 'uint32' } },
};
const choice: Message = {
  isOneof: true,
  fields: { 1: { name: 'text', type: 'string' }, 2: { name: 'flag', type: 'bool' } },
};
const message: Message = {
  fields: {
    1: { name: 'inner', type: inner },
    2: { name: 'choice', type: choice },
    3: { name: 'many', type: inner, isRepeated: true },
    4: { name: 'text', type: 'string' },
  },
};
const nested: Message = { fields: {} };
Object.assign(nested.fields, { 1: { name: 'inner', type: nested } });

const read = (bytes: number[], type = message) =>
  readMessage(Uint8Array.from(bytes), type, 1_000_000);

describe('readMessage', () => {
  it('merges the pieces of one message', () => {
    expect(read([0x0a, 2, 0x08, 1, 0x0a, 2, 0x10, 2])).toEqual({ inner: { a: 1, b: 2 } });
  });

  it('takes the last member of a oneof', () => {
    expect(read([0x12, 5, 0x0a, 1, 0x78, 0x10, 1])).toEqual({ choice: { flag: true } });
  });

  it('takes the last of a scalar, and all that are repeated', () => {
    expect(read([0x1a, 4, 0x08, 1, 0x08, 2, 0x1a, 0])).toEqual({ many: [{ a: 2 }, {}] });
  });

  it('skips a field of another wire type', () => {
    expect(read([0x20, 5, 0x0a, 0])).toEqual({ inner: {} });
  });

  it('keeps a byte order mark', () => {
    expect(read([0x22, 3, 0xef, 0xbb, 0xbf])).toEqual({ text: '\ufeff' });
  });

  it.each([
    ['a length beyond the end', [0x0a, 5, 0]],
    ['a length beyond the message that it stands in', [0x0a, 2, 0x12, 3, 0, 0, 0]],
    ['a length of 64 bits', [0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
    ['a number without end', [0x0a, 2, 0x08, 0x80]],
    ['a number of eleven bytes', [0x08, ...Array.from({ length: 10 }, () => 0x80), 1]],
    ['the field number 0', [0x02, 0]],
    ['a group', [0x0b, 0x0c]],
    ['a string that is not UTF-8', [0x22, 1, 0xff]],
  ])('throws for %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow();
  });

  it('bounds how deep messages are nested', () => {
    const nest = (depth: number): number[] => {
      let bytes: number[] = [];
      for (let level = 0; level < depth; level += 1) {
        const size =
          bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
        bytes = [0x0a, ...size, ...bytes];
      }
      return bytes;
    };
    expect(() => read(nest(100), nested)).not.toThrow();
    expect(() => read(nest(101), nested)).toThrow('nested too deep');
  });

  it('bounds the memory that a body of empty messages takes', () => {
    const bytes = Uint8Array.from({ length: 2_000 }, (_, index) => (index % 2 === 0 ? 0x1a : 0));
    expect(() => readMessage(bytes, message, 1_000)).not.toThrow();
    expect(() => readMessage(bytes, message, 999)).toThrow('more than 999 fields');
  });
});
