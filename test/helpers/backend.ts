import type { Backend } from '../../src/config/resolved.js';

const hosts = { allowed: undefined, refusePrivate: false };

/** A complete backend at `url`, with what a test says otherwise. */
export function createBackend(url: string, overrides: Partial<Backend> = {}): Backend {
  return {
    name: 'test',
    url,
    class: undefined,
    headers: {},
    parent: undefined,
    parentHeader: undefined,
    isCollector: false,
    protocol: 'http/protobuf',
    compression: 'none',
    timeoutMs: 10_000,
    tls: undefined,
    credentials: undefined,
    authGraceMs: 300_000,
    proxy: undefined,
    hosts,
    delivery: { kind: 'signalbox', dispatcher: undefined },
    maxConcurrentExports: 4,
    maxQueueSize: undefined,
    maxQueueBytes: undefined,
    maxExportBatchSize: 512,
    maxExportBatchBytes: 4 * 1024 * 1024,
    scheduleDelayMs: 5_000,
    retryMaxElapsedMs: 300_000,
    spool: undefined,
    auditHeaders: false,
    reroot: false,
    rateLimit: undefined,
    view: undefined,
    standby: undefined,
    ...overrides,
  };
}
