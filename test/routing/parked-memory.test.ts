import type { Span } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { createSizeEstimate, SPAN_OBJECT_BYTES } from '../../src/encoding/estimate.js';
import type { ReadableSpan } from '../../src/sdk.js';
import { memoryInUse } from '../helpers/memory-in-use.js';

const tracer = new BasicTracerProvider().getTracer('test');
const estimateBytes = createSizeEstimate('http/protobuf', 'signalbox.route');

/** What a parked span counts for in the budget. */
function estimate(span: ReadableSpan): number {
  return SPAN_OBJECT_BYTES + estimateBytes({ span, routeKey: undefined });
}

/** A text of its own, which no other span shares. */
function text(length: number, character: string, seed: number): string {
  return Buffer.from(`${seed} `.padEnd(length, character)).toString();
}

const shapes: readonly {
  readonly shape: string;
  readonly count: number;
  readonly fill: (span: Span, seed: number) => void;
}[] = [
  { shape: 'nothing', count: 5_000, fill() {} },
  {
    shape: 'ten short attributes',
    count: 5_000,
    fill(span, seed) {
      for (let each = 0; each < 10; each += 1)
        span.setAttribute(`key.${each}`, text(12, 'x', seed));
    },
  },
  {
    shape: 'numbers and booleans',
    count: 5_000,
    fill(span, seed) {
      for (let each = 0; each < 10; each += 1) span.setAttribute(`key.${each}`, seed + each / 3);
      span.setAttribute('is', true);
    },
  },
  {
    shape: 'a prompt',
    count: 500,
    fill: (span, seed) => void span.setAttribute('prompt', text(20_000, 'x', seed)),
  },
  {
    shape: 'a prompt in Chinese',
    count: 500,
    fill: (span, seed) => void span.setAttribute('prompt', text(20_000, '中', seed)),
  },
  {
    shape: 'a prompt in French',
    count: 500,
    fill: (span, seed) => void span.setAttribute('prompt', text(20_000, 'é', seed)),
  },
  {
    shape: 'an embedding',
    count: 500,
    fill: (span, seed) =>
      void span.setAttribute(
        'vector',
        Array.from({ length: 1_536 }, (_, index) => seed / (index + 1.5)),
      ),
  },
  {
    shape: 'events',
    count: 2_000,
    fill(span, seed) {
      for (let each = 0; each < 5; each += 1)
        span.addEvent('log', { message: text(80, 'x', seed) });
    },
  },
  {
    shape: 'links',
    count: 2_000,
    fill(span, seed) {
      for (let each = 0; each < 5; each += 1) {
        const traceId = (seed * 5 + each + 1).toString(16).padStart(32, '0');
        span.addLink({ context: { traceId, spanId: traceId.slice(16), traceFlags: 1 } });
      }
    },
  },
];

describe('what a parked span counts for', () => {
  it.each(shapes)(
    'is from three quarters to two and a half times what it takes of the heap, with $shape',
    async ({ count, fill }) => {
      const spans: ReadableSpan[] = [];
      const before = await memoryInUse();
      for (let seed = 0; seed < count; seed += 1) {
        const span = tracer.startSpan('work', { root: true });
        fill(span, seed);
        span.end();
        spans.push(span as unknown as ReadableSpan);
      }
      const after = await memoryInUse();
      const taken = after.heap + after.buffers - before.heap - before.buffers;
      const counted = spans.reduce((sum, span) => sum + estimate(span), 0);
      expect(counted).toBeGreaterThan(0.75 * taken);
      expect(counted).toBeLessThan(2.5 * taken);
    },
  );
});
