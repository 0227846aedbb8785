import { resolve } from 'node:path';
import type { ConfigDescription } from '../../config/describe.js';
import { maskUrl } from '../../config/mask.js';
import type { Backend } from '../../config/resolved.js';
import { type BackendKey, backendSettings } from '../../config/schema.js';
import { persistentQueue, retries, type Settings } from './components.js';
import { duration, literal, type References } from './references.js';

/** What a backend becomes in a Collector. */
export interface ExporterConfig {
  readonly exporter: Settings;
  /** The extension that reads the API key's file; absent where there is none. */
  readonly bearerToken?: Settings;
}

/** How many bytes of a queue on disk a backend may have. */
export function queueBytes({ spool }: Backend): number {
  return spool?.maxBytes ?? backendSettings.spoolMaxBytes.default;
}

/** How long a batch is kept: as long as it would stay in the spool, as the Collector's queue is on disk too. */
export function keptMs({ spool, retryMaxElapsedMs }: Backend): number {
  return spool?.maxAgeMs ?? retryMaxElapsedMs;
}

/** The name of a backend's exporter. `otlphttp` is its former name, which will go. */
export function exporterId(backend: string): string {
  return `otlp_http/${backend}`;
}

/** The name of the extension that gives a backend's key from a file. */
export function bearerTokenId(backend: string): string {
  return `bearertokenauth/${backend}`;
}

/** Turns one backend into the `otlp_http` exporter that delivers to it. */
export function exporterOf(
  backend: Backend,
  url: string,
  description: ConfigDescription,
  references: References,
): ExporterConfig {
  const { name } = backend;
  const setting = (key: BackendKey): string | undefined => {
    const found = description.backends.get(name)?.find((each) => each.key === key)?.value;
    return typeof found === 'string' ? found : undefined;
  };
  const keyFile = setting('apiKeyFile');
  return {
    exporter: {
      traces_endpoint: withoutSecret(url, () => references.toSetting(name, 'tracesEndpoint')),
      encoding: backend.protocol === 'http/json' ? 'json' : 'proto',
      compression: backend.compression,
      timeout: duration(backend.timeoutMs),
      ...headersOf(backend, setting, references),
      ...(keyFile !== undefined && { auth: { authenticator: bearerTokenId(name) } }),
      ...tlsOf(setting),
      ...(backend.proxy !== undefined && {
        proxy_url: withoutSecret(backend.proxy, () => references.toSetting(name, 'proxy')),
      }),
      retry_on_failure: retries(keptMs(backend)),
      sending_queue: queueOf(backend),
    },
    ...(keyFile !== undefined && { bearerToken: { filename: literal(resolve(keyFile)) } }),
  };
}

/** What a URL has in its user-info or query may be a credential: then a variable holds all of it. */
function withoutSecret(url: string, refer: () => string): string {
  return maskUrl(url) === url ? literal(url) : refer();
}

function headersOf(
  { name, headers, parent, auditHeaders }: Backend,
  setting: (key: BackendKey) => string | undefined,
  references: References,
): Settings {
  const written: Record<string, string> = {};
  for (const header of Object.keys(headers)) {
    if (header === 'authorization' && setting('apiKeyFile') !== undefined) continue;
    const isKey = header === 'authorization' && setting('apiKey') !== undefined;
    const isParent = header === 'x-bt-parent' && parent !== undefined;
    if (isKey) written[header] = `Bearer ${references.toSetting(name, 'apiKey')}`;
    else written[header] = isParent ? literal(parent.trim()) : references.toHeader(name, header);
  }
  if (auditHeaders) written['x-bt-enable-audit'] = 'true';
  return Object.keys(written).length > 0 ? { headers: written } : {};
}

function tlsOf(setting: (key: BackendKey) => string | undefined): Settings {
  const files = {
    ca_file: setting('certificate'),
    cert_file: setting('clientCertificate'),
    key_file: setting('clientKey'),
  };
  const found = Object.entries(files).flatMap(([key, path]) =>
    path === undefined ? [] : [[key, literal(resolve(path))] as const],
  );
  if (found.length === 0) return {};
  // A renewed certificate is taken without a restart, as signalbox does.
  const reload = setting('clientCertificate') === undefined ? {} : { reload_interval: '1m' };
  return { tls: { ...Object.fromEntries(found), ...reload } };
}

/** About as many bytes as a span takes: a Collector has one bound of a batch, and bytes are what backends refuse. */
const SPAN_BYTES = 512;

function queueOf(backend: Backend): Settings {
  const { maxExportBatchBytes, maxExportBatchSize, scheduleDelayMs } = backend;
  const maxBytes = queueBytes(backend);
  const minSize = Math.min(maxExportBatchSize * SPAN_BYTES, maxExportBatchBytes, maxBytes);
  return {
    ...persistentQueue(maxBytes),
    num_consumers: backend.maxConcurrentExports,
    batch: {
      sizer: 'bytes',
      min_size: minSize,
      max_size: maxExportBatchBytes,
      // It may not be zero.
      flush_timeout: duration(Math.max(scheduleDelayMs, 1)),
    },
  };
}
