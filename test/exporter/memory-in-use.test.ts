import { describe, expect, it } from 'vitest';
import { createChunks } from '../../src/encoding/chunks.js';
import { createSpanEncoder } from '../../src/encoding/span-encoder.js';
import { createMemory } from '../../src/exporter/memory.js';
import { memoryInUse } from '../helpers/memory-in-use.js';
import { createBench, delivered, makeRouted, range } from './fixtures.js';

const MIB = 2 ** 20;

/** What `fill` adds to the buffers in use, in bytes. */
async function buffersTaken(fill: () => Promise<void> | void): Promise<number> {
  const before = await memoryInUse();
  await fill();
  return (await memoryInUse()).buffers - before.buffers;
}

describe('the memory in use', () => {
  it.each([300, 5_000, 22_000, 33_000, 60_000])(
    'is little more than what is counted for spans of %i bytes',
    async (size) => {
      const memory = createMemory(32 * MIB);
      const bench = createBench({ memory });
      const taken = await buffersTaken(() => bench.accept(1, Math.ceil((24 * MIB) / size), size));
      expect(taken).toBeLessThan(1.5 * memory.usedBytes);
    },
  );

  it('is little more than what is counted for small spans between large ones', async () => {
    const memory = createMemory(256 * MIB);
    const bench = createBench({ memory });
    // The large ones wait as spans that share one text, which is no buffer.
    const taken = await buffersTaken(() => {
      const attributes = { text: 'x'.repeat(66_000) };
      for (let id = 1; id < 1_000; id += 2) {
        bench.accept(id);
        bench.exporter.accept(makeRouted(id + 1, 0, { attributes }));
      }
    });
    expect(taken).toBeLessThan(2 * MIB);
  });

  it('is given back after a burst, also where a span now and then follows it', async () => {
    const memory = createMemory(64 * MIB);
    const benches = range(0, 50).map(() => createBench({ memory, answer: () => delivered }));
    const taken = await buffersTaken(async () => {
      for (const bench of benches) {
        bench.accept(1, 210, 10_000);
        const flushed = bench.exporter.flush();
        await bench.clock.advance(0);
        await flushed;
        for (let id = 1_000; id < 1_010; id += 1) {
          bench.accept(id);
          await bench.clock.advance(6_000);
        }
        bench.sent.length = 0;
      }
    });
    expect(taken).toBeLessThan(MIB);
    expect(memory.usedBytes).toBe(0);
  });

  it('is given back when nothing has come for a while', async () => {
    const memory = createMemory(64 * MIB);
    const benches = range(0, 50).map(() => createBench({ memory, answer: () => delivered }));
    const taken = await buffersTaken(async () => {
      for (const bench of benches) {
        bench.accept(1, 210, 10_000);
        const flushed = bench.exporter.flush();
        await bench.clock.advance(0);
        await flushed;
        bench.sent.length = 0;
        await bench.clock.advance(6_000);
      }
    });
    expect(taken).toBeLessThan(MIB);
  });

  it('does not grow with attribute names that never come again', async () => {
    const encoder = createSpanEncoder({ protocol: 'http/protobuf', routeAttribute: undefined });
    const chunks = createChunks();
    const encode = (attributes: Record<string, string>) => {
      const message = encoder.encode(makeRouted(1, 0, { attributes }), chunks);
      if (message instanceof Error) throw message;
      chunks.undo(message);
    };
    encode({ short: 'a' });
    const before = await memoryInUse();
    for (let each = 0; each < 50_000; each += 1) encode({ [`${'k'.repeat(140)}${each}`]: 'v' });
    encode({ short: 'a' });
    expect((await memoryInUse()).heap - before.heap).toBeLessThan(5 * MIB);
  });
});
