import { describe, expect, it } from 'vitest';
import { createSpanView } from '../../src/encoding/span-view.js';
import { createExporter } from '../../src/exporter/exporter.js';
import { createMemory } from '../../src/exporter/memory.js';
import { createStock } from '../../src/exporter/stock.js';
import type { ExportResult, ReadableSpan, SpanExporter } from '../../src/sdk.js';
import { never, now } from '../helpers/deadline.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import {
  backendDefaults,
  createCheckingLedger,
  createRecordingLog,
  makeRouted,
} from './fixtures.js';

/** An exporter made elsewhere, which answers as the test says. */
function createBench(over: Partial<SpanExporter> = {}) {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const accounting = createCheckingLedger();
  const memory = createMemory(1024 * 1024);
  const calls: string[] = [];
  const exported: ReadableSpan[][] = [];
  const callbacks: ((result: ExportResult) => void)[] = [];
  const exporter: SpanExporter = {
    export(spans, callback) {
      calls.push('export');
      exported.push(spans);
      callbacks.push(callback);
    },
    async forceFlush() {
      calls.push('forceFlush');
    },
    async shutdown() {
      calls.push('shutdown');
    },
    ...over,
  };
  const backend = {
    ...backendDefaults,
    maxExportBatchSize: 2,
    delivery: { kind: 'exporter', exporter } as const,
  };
  const courier = createStock({
    backend,
    exporter,
    estimateBytes: () => 100,
    view: createSpanView({ routeAttribute: 'signalbox.route' }),
    log,
    clock,
  });
  const { ledger } = accounting;
  const parts = { backend, courier, memory, ledger, log, clock, random: () => 1 };
  return {
    ...accounting,
    clock,
    lines,
    memory,
    calls,
    exported,
    exporter: createExporter(parts),
    async answer(index: number, result: ExportResult): Promise<void> {
      callbacks[index]?.(result);
      await clock.advance(0);
    },
  };
}

function accept({ exporter }: ReturnType<typeof createBench>, count: number): void {
  for (let id = 1; id <= count; id += 1) {
    exporter.accept({ ...makeRouted(id), routeKey: 'acme' });
  }
}

describe('an exporter made elsewhere', () => {
  it('is given spans that carry the route key', async () => {
    const bench = createBench();
    accept(bench, 2);
    await bench.clock.advance(0);
    expect(bench.exported[0]?.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      { name: 'span 1', attributes: { 'signalbox.route': 'acme' } },
      { name: 'span 2', attributes: { 'signalbox.route': 'acme' } },
    ]);
  });

  it('is called one batch at a time', async () => {
    const bench = createBench();
    accept(bench, 6);
    await bench.clock.advance(0);
    expect(bench.exported).toHaveLength(1);
    await bench.answer(0, { code: 0 });
    expect(bench.exported).toHaveLength(2);
    expect(bench.counts.delivered).toBe(2);
  });

  it.each<{ what: string; over: Partial<SpanExporter>; line: string }>([
    {
      what: 'says so',
      over: {
        export: (_spans, callback) =>
          callback({ code: 1, error: Object.assign(new Error('secret'), { code: 401 }) }),
      },
      line: '401',
    },
    {
      what: 'throws',
      over: {
        export() {
          throw new TypeError('secret');
        },
      },
      line: 'TypeError',
    },
    {
      what: 'rejects',
      over: {
        export: async () => {
          throw new RangeError('secret');
        },
      },
      line: 'RangeError',
    },
  ])('has failed for good when it $what', async ({ over, line }) => {
    const bench = createBench(over);
    accept(bench, 2);
    await bench.clock.advance(0);
    expect(bench.dropped).toEqual({ refused: 2 });
    expect(bench.operations.map(({ errorType }) => errorType)).toEqual([line]);
    expect(bench.lines.join()).not.toContain('secret');
    expect(bench.memory.usedBytes).toBe(0);
  });

  it('is not called again before it calls back, and is warned of', async () => {
    const bench = createBench();
    accept(bench, 6);
    await bench.clock.advance(60_000);
    expect(bench.exported).toHaveLength(1);
    expect(bench.lines).toHaveLength(1);
  });

  it('is not counted twice when it calls back twice', async () => {
    const bench = createBench({
      export(_spans, callback) {
        callback({ code: 0 });
        callback({ code: 1 });
      },
    });
    accept(bench, 2);
    await bench.clock.advance(0);
    expect(bench.counts.delivered).toBe(2);
    expect(bench.dropped).toEqual({});
  });

  it('is flushed after the queue', async () => {
    const bench = createBench();
    accept(bench, 2);
    const flushed = bench.exporter.flush();
    await bench.clock.advance(0);
    expect(bench.calls).toEqual(['export']);
    await bench.answer(0, { code: 0 });
    await flushed;
    expect(bench.calls).toEqual(['export', 'forceFlush']);
  });

  it('may have no forceFlush, and may fail to flush and to shut down', async () => {
    const fail = async () => {
      throw new Error('secret');
    };
    const bench = createBench({ forceFlush: fail, shutdown: fail });
    const stopped = bench.exporter.shutdown(never());
    await bench.clock.advance(0);
    await stopped;
    expect(bench.lines).toHaveLength(2);
    expect(bench.lines.join()).not.toContain('secret');
  });

  it('is shut down after its last batch, and not called afterwards', async () => {
    const bench = createBench();
    accept(bench, 2);
    const stopped = bench.exporter.shutdown(never());
    await bench.clock.advance(0);
    await bench.answer(0, { code: 0 });
    await bench.clock.advance(0);
    await stopped;
    accept(bench, 2);
    await bench.clock.advance(60_000);
    expect(bench.calls).toEqual(['export', 'forceFlush', 'shutdown']);
  });

  it('is shut down at the deadline also when it never calls back', async () => {
    const bench = createBench();
    accept(bench, 4);
    await bench.clock.advance(0);
    const stopped = bench.exporter.shutdown(now());
    await bench.clock.advance(0);
    await stopped;
    expect(bench.calls).toEqual(['export', 'shutdown']);
    expect(bench.dropped).toEqual({ shutdown_timeout: 4 });
    await bench.answer(0, { code: 0 });
    expect(bench.counts.delivered).toBe(0);
    expect(bench.memory.usedBytes).toBe(0);
  });
});
