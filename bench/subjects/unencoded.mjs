// @ts-check
// signalbox's router and queues, put together as its processor does, before a courier that keeps nothing of a span:
// what is left is what a span costs beside its encoding. Batches never fill.

import { withRoute } from 'signalbox';
import { createLedger } from '../../dist/accounting/ledger.js';
import { createLog } from '../../dist/accounting/log.js';
import { createMetrics } from '../../dist/accounting/metrics.js';
import { createRecent } from '../../dist/accounting/recent.js';
import { resolveConfig } from '../../dist/config/resolve.js';
import { createChunks } from '../../dist/encoding/chunks.js';
import { createExporter } from '../../dist/exporter/exporter.js';
import { createLazyExporter } from '../../dist/exporter/lazy.js';
import { createMemory } from '../../dist/exporter/memory.js';
import { createRouter } from '../../dist/routing/router.js';
import { createTable } from '../../dist/routing/table.js';
import { createSystemClock } from '../../dist/system-clock.js';
import { backendName } from './subject.mjs';

const AMPLE_BYTES = 4 * 1024 ** 3;
const AMPLE_SPANS = 2_000_000;
const SPAN_BYTES = 1_000;

/**
 * @param {import('./subject.mjs').Setup} setup
 * @returns {import('./subject.mjs').Subject}
 */
export function createSubject({ backends }) {
  /** @type {import('signalbox').SignalboxConfig['backends']} */
  const configured = {};
  for (let index = 0; index < backends; index += 1) {
    const endpoint = 'http://127.0.0.1:1';
    configured[backendName(index)] = {
      endpoint,
      maxExportBatchSize: AMPLE_SPANS,
      maxExportBatchBytes: AMPLE_BYTES,
    };
  }
  const config = resolveConfig({ backends: configured, maxBufferedBytes: AMPLE_BYTES });
  const clock = createSystemClock();
  const log = createLog(clock);
  const ledger = createLedger({ clock, log, metrics: createMetrics(undefined) });
  const memory = createMemory(config.maxBufferedBytes);
  const { chunk } = createChunks().write((_, position) => position, undefined);

  /** @type {Map<string, import('../../dist/exporter/exporter.js').Exporter>} */
  const exporters = new Map();
  for (const backend of config.backends.values()) {
    const parts = { backend, memory, ledger: ledger.backend(backend), log, clock };
    const create = () => {
      const courier = createIdleCourier(chunk);
      return createExporter({ ...parts, courier, random: Math.random });
    };
    exporters.set(backend.name, createLazyExporter(backend.name, 'primary', create));
  }
  const router = createRouter({
    ...config,
    table: createTable(config, (name) => {
      const exporter = exporters.get(name);
      if (exporter === undefined) throw new Error(`no exporter for ${name}`);
      return exporter;
    }),
    estimateBytes: () => SPAN_BYTES,
    memory,
    ledger: ledger.routing,
    log,
    recent: createRecent(clock),
    mayLink: () => true,
    clock,
  });
  const flush = async () => {
    await Promise.all(Array.from(exporters.values(), (exporter) => exporter.flush()));
  };
  const processor = {
    /** @param {import('@opentelemetry/sdk-trace-base').Span} span @param {import('@opentelemetry/api').Context} context */
    onStart: (span, context) => router.start(span.spanContext(), context),
    /** @param {import('@opentelemetry/sdk-trace-base').ReadableSpan} span */
    onEnd: (span) => router.end(span),
    forceFlush: flush,
    shutdown: flush,
  };
  return { spanProcessors: [processor], inRoute: withRoute };
}

/**
 * @param {import('../../dist/encoding/chunks.js').Chunk} chunk
 * @returns {import('../../dist/exporter/courier.js').Courier<{ bytes: number }>}
 */
function createIdleCourier(chunk) {
  let index = 0;
  return {
    maxConcurrent: 1,
    spanOverheadBytes: 96,
    take() {
      index += 1;
      return { chunk, index, size: SPAN_BYTES };
    },
    copy: () => new Error('it has no standby'),
    undo() {},
    release() {},
    rest() {},
    trim() {},
    pack: (runs) => ({ parcel: { bytes: 0 }, runs }),
    compress: async (parcel) => parcel,
    send: async () => ({ status: 'success', rejectedSpans: 0 }),
    async flush() {},
    async close() {},
  };
}
