import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChunks } from '../../src/encoding/chunks.js';
import { createSpanEncoder } from '../../src/encoding/span-encoder.js';
import { createMemory } from '../../src/exporter/memory.js';
import type { SendResult } from '../../src/transport/result.js';
import { now } from '../helpers/deadline.js';
import { createBench, delivered, makeRouted, refused, tooLarge, unavailable } from './fixtures.js';

/** What a span counts for beside its bytes. */
const OVERHEAD_BYTES = 128;

const encoder = createSpanEncoder({ protocol: 'http/json', routeAttribute: undefined });
const chunks = createChunks();

/** What a span counts for while it is held. */
function sizeOf(id: number, padding: number): number {
  const message = encoder.encode(makeRouted(id, padding), chunks);
  if (message instanceof Error) throw message;
  chunks.undo(message);
  return message.size + OVERHEAD_BYTES;
}

const step = fc.oneof(
  fc.record({
    do: fc.constant('accept' as const),
    count: fc.integer({ min: 1, max: 15 }),
    padding: fc.constantFrom(0, 300, 5_000),
  }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 700, 6_000) }),
  fc.record({
    do: fc.constant('answer' as const),
    which: fc.nat(3),
    result: fc.constantFrom<SendResult>(delivered, delivered, unavailable, refused, tooLarge),
  }),
);

describe('the budget in use', () => {
  it('is the bytes of every span that is held, or those of its batch’s body where these are more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const memory = createMemory(64 * 2 ** 20);
        const bench = createBench({
          memory,
          random: () => 0.5,
          backend: { maxExportBatchSize: 10, maxConcurrentExports: 3, retryMaxElapsedMs: 1e9 },
        });
        const sizes = new Map<number, number>();
        const answers = new Map<number, SendResult>();
        let nextId = 1;

        function expected(): number {
          const left = new Map(sizes);
          let bytes = 0;
          // The latest request that a span was in says what has become of it.
          for (let index = bench.sent.length - 1; index >= 0; index -= 1) {
            const { ids = [], request } = bench.sent[index] ?? {};
            const held = ids.filter((id) => left.has(id));
            if (held.length < ids.length) continue;
            const status = answers.get(index)?.status;
            // Its halves wait: as spans, without a body.
            if (status === 'too_large' && ids.length > 1) continue;
            const sum = ids.reduce((total, id) => total + (left.get(id) ?? 0), 0);
            for (const id of ids) left.delete(id);
            const isHeld = status === undefined || status === 'retryable';
            if (isHeld) bytes += Math.max(sum, request?.body.size ?? 0);
          }
          for (const size of left.values()) bytes += size;
          return bytes;
        }

        for (const each of steps) {
          if (each.do === 'accept') {
            bench.accept(nextId, each.count, each.padding);
            for (let id = nextId; id < nextId + each.count; id += 1) {
              sizes.set(id, sizeOf(id, each.padding));
            }
            nextId += each.count;
          } else if (each.do === 'advance') {
            await bench.clock.advance(each.ms);
          } else {
            const open = bench.sent.flatMap((_, index) => (answers.has(index) ? [] : [index]));
            const index = open[each.which % Math.max(1, open.length)];
            if (index !== undefined) {
              answers.set(index, each.result);
              await bench.answer(index, each.result);
            }
          }
          expect(memory.usedBytes).toBe(expected());
        }
        await bench.exporter.shutdown(now());
        expect(memory.usedBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
