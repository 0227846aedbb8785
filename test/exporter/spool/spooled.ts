import type { WrittenBatch } from '../../../src/config/may-replay.js';
import type { Backend } from '../../../src/config/resolved.js';
import { createMemory } from '../../../src/exporter/memory.js';
import { createSpool } from '../../../src/exporter/spool/spool.js';
import { decodeSpoolFile, type SpoolFile } from '../../../src/exporter/spool/spool-file.js';
import type { SendResult } from '../../../src/transport/result.js';
import type { createFakeClock } from '../../helpers/fake-clock.js';
import { backendDefaults, createBench } from '../fixtures.js';
import type { MemoryDisk } from './memory-disk.js';

/** What an exporter with a spool is made of; the rest is as its tests mostly want it. */
export interface SpooledOptions {
  readonly disk: MemoryDisk;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly backend?: Partial<Backend>;
  /** Of the spool. */
  readonly maxBytes?: number;
  readonly maxBufferedBytes?: number;
  readonly mayReplay?: (batch: WrittenBatch) => boolean;
  readonly answer?: (ids: readonly number[]) => SendResult | undefined;
}

/** An exporter with a spool, on a fake clock, a fake transport and a fake disk. */
export function createSpooled(options: SpooledOptions) {
  const { disk, clock, maxBytes = 2 ** 30, mayReplay } = options;
  const memory = createMemory(options.maxBufferedBytes ?? 2 ** 26);
  const limits = { dir: '/spool', maxBytes, maxAgeMs: 86_400_000 };
  const backend = {
    retryMaxElapsedMs: 2_000,
    maxExportBatchSize: 5,
    ...options.backend,
    spool: limits,
  };
  return createBench({
    clock,
    memory,
    backend,
    random: () => 0.5,
    ...(options.answer && { answer: options.answer }),
    openSpool: (inside, { ledger, log }) =>
      createSpool({
        backend: { ...backendDefaults, ...backend },
        limits,
        inside,
        ledger,
        log,
        clock,
        disk,
        mayReplay,
      }),
  });
}

/** What is whole on disk, in the order of writing. */
export function filesOnDisk(disk: MemoryDisk): SpoolFile[] {
  return [...disk.files].flatMap(([name, content]) =>
    name.endsWith('.spool') ? (decodeSpoolFile(content) ?? []) : [],
  );
}

/** The ids of the spans that are in it, where its bodies are JSON. */
export function idsOnDisk(disk: MemoryDisk): number[] {
  return filesOnDisk(disk).flatMap(({ body }) =>
    Array.from(
      Buffer.from(body)
        .toString()
        .matchAll(/"spanId":"(\w+)"/g),
      ([, id = '']) => Number.parseInt(id, 16),
    ),
  );
}
