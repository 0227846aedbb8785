import type { Dispatcher } from 'undici';
import { checkRelations } from './backend-relations.js';
import type { BackendSource, CachedSurroundings } from './backend-source.js';
import { noWire, resolveWire, type Wire } from './backend-wire.js';
import type { Findings } from './findings.js';
import { presets } from './presets.js';
import type { Backend } from './resolved.js';
import { type BackendConfig, backendSettings } from './schema.js';
import { resolveSpool } from './spool.js';
import { checkNoStandby } from './standby.js';
import {
  createConsoleExporter,
  createStockExporter,
  type StockExporter,
} from './stock-exporter.js';
import { resolveView } from './view.js';

/**
 * Checks one backend and completes it: defaults filled in, files read, URL and headers put together.
 *
 * @returns `undefined` where a problem leaves nothing that could deliver; it is among the findings.
 */
export function resolveBackend(
  name: string,
  options: BackendConfig,
  at: BackendSource['at'],
  findings: Findings,
  surroundings: CachedSurroundings,
): Backend | undefined {
  const preset = presets[options.preset ?? backendSettings.preset.default];
  const source: BackendSource = { surroundings, options, preset, findings, at };
  checkRelations(source);
  checkNoStandby(name, source);
  const { exporter = backendSettings.exporter.default } = options;
  const hasWire = exporter === 'signalbox' || exporter === 'otlp-http';
  const wire = hasWire ? resolveWire(source) : noWire(options);
  const delivery = resolveDelivery(source, wire);
  if (delivery === undefined) return undefined;

  const { maxQueueSize, maxQueueBytes } = options;
  const batchSize = options.maxExportBatchSize ?? backendSettings.maxExportBatchSize.default;
  return Object.freeze({
    name,
    class: options.class,
    url: wire.url,
    headers: wire.headers,
    compression: wire.compression,
    timeoutMs: wire.timeoutMs,
    tls: wire.tls,
    // A stock exporter is given its credentials once, when it is made.
    credentials: exporter === 'signalbox' ? wire.credentials : undefined,
    authGraceMs: options.authGraceMs ?? backendSettings.authGraceMs.default,
    proxy: wire.proxy,
    hosts: surroundings.hosts,
    parent: preset.parentHeader === undefined ? undefined : options.parent,
    parentHeader: preset.parentHeader,
    isCollector: preset.isCollector === true,
    // The stock exporter of this name knows nothing else.
    protocol:
      exporter === 'otlp-http'
        ? 'http/json'
        : (options.protocol ?? backendSettings.protocol.default),
    auditHeaders: options.auditHeaders ?? backendSettings.auditHeaders.default,
    reroot: options.reroot ?? backendSettings.reroot.default,
    delivery: Object.freeze(delivery),
    maxConcurrentExports:
      options.maxConcurrentExports ?? backendSettings.maxConcurrentExports.default,
    maxQueueSize,
    maxQueueBytes,
    // A size that was given has been checked against the queue; the default gives way to it.
    maxExportBatchSize: Math.min(batchSize, maxQueueSize ?? batchSize),
    maxExportBatchBytes: options.maxExportBatchBytes ?? backendSettings.maxExportBatchBytes.default,
    scheduleDelayMs: options.scheduleDelayMs ?? backendSettings.scheduleDelayMs.default,
    retryMaxElapsedMs: options.retryMaxElapsedMs ?? backendSettings.retryMaxElapsedMs.default,
    spool: resolveSpool(source),
    rateLimit: resolveRateLimit(options),
    view: resolveView(source),
    standby: options.standby,
  });
}

function resolveRateLimit(options: BackendConfig): Backend['rateLimit'] {
  const { rateLimitMaxRequests: maxRequests, rateLimitWindowMinutes: minutes } = options;
  if (!maxRequests) return undefined;
  const windowMs = (minutes ?? backendSettings.rateLimitWindowMinutes.default) * 60_000;
  return Object.freeze({ maxRequests, windowMs });
}

function resolveDelivery(source: BackendSource, wire: Wire): Backend['delivery'] | undefined {
  const { options, findings, at } = source;
  const { exporter = backendSettings.exporter.default } = options;
  if (exporter === 'signalbox') {
    // Of whichever undici: what is asked of it is the same in 7 and 8, and their types alone differ.
    return { kind: 'signalbox', dispatcher: options.dispatcher as Dispatcher | undefined };
  }
  if (typeof exporter === 'object') return { kind: 'exporter', exporter };
  const made = makeExporter(exporter, source, wire);
  if (made === undefined) return undefined;
  if ('exporter' in made) return { kind: 'exporter', exporter: made.exporter, madeAs: exporter };
  findings.problem(at('exporter'), made.fault.what, made.fault.hint);
  return undefined;
}

function makeExporter(
  exporter: 'otlp-http' | 'console',
  { surroundings: { loadPackage } }: BackendSource,
  { url, ...wire }: Wire,
): StockExporter | undefined {
  if (exporter === 'console') return createConsoleExporter(loadPackage);
  return url === undefined ? undefined : createStockExporter({ ...wire, url }, loadPackage);
}
