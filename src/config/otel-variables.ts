import type { Findings } from './findings.js';
import { type Entry, type Layer, listBackendLayers } from './layer.js';
import { backendSettings, type Setting } from './schema.js';
import { parseInteger } from './text.js';

/** The value of one of OpenTelemetry's variables; an empty one counts as unset, as the specification says. */
export function otelVariable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}

/**
 * Whether OpenTelemetry is configured by a file: its other variables must be ignored then
 * ("Declarative configuration" of its environment variable specification).
 */
export function hasOtelConfigFile(env: NodeJS.ProcessEnv): boolean {
  const names = ['OTEL_CONFIG_FILE', 'OTEL_EXPERIMENTAL_CONFIG_FILE'];
  return names.some((name) => otelVariable(env, name) !== undefined);
}

/** Which fallbacks mean nothing to an exporter: they are not read for it. */
const without: Readonly<Record<string, readonly string[]>> = {
  'otlp-http': ['protocol'],
  console: ['protocol', 'compression', 'timeoutMs'],
};

/**
 * Fills in what the backends leave out from OpenTelemetry's variables: how to send, never where to or with
 * which credentials. A bad value is warned of and counts as unset.
 */
export function addFallbacks(layer: Layer, env: NodeJS.ProcessEnv, findings: Findings): void {
  if (hasOtelConfigFile(env)) return;
  const fallbacks = readFallbacks(env, findings);
  for (const { settings } of listBackendLayers(layer)) {
    const excluded = without[String(settings.get('exporter')?.value)] ?? [];
    for (const [key, entry] of fallbacks) {
      if (!settings.has(key) && !excluded.includes(key)) settings.set(key, entry);
    }
    fitBatch(settings, fallbacks.get('maxExportBatchSize'), findings);
  }
}

/** Names the service that sends telemetry of its own pipeline, where it says nothing else. */
export function addServiceName({ monitoring }: Layer, env: NodeJS.ProcessEnv): void {
  const where = 'OTEL_SERVICE_NAME';
  const value = hasOtelConfigFile(env) ? undefined : otelVariable(env, where);
  if (value === undefined || !monitoring?.settings.has('endpoint')) return;
  if (!monitoring.settings.has('serviceName'))
    monitoring.settings.set('serviceName', { value, where });
}

function readFallbacks(env: NodeJS.ProcessEnv, findings: Findings): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  for (const [key, setting] of Object.entries<Setting>(backendSettings)) {
    for (const where of setting.fallbacks ?? []) {
      const text = otelVariable(env, where);
      if (text === undefined || found.has(key) || findings.has(where)) continue;
      const value = setting.form === 'integer' ? parseInteger(text) : text;
      if (setting.schema.safeParse(value).success) found.set(key, { value, where });
      else findings.warn(where, `${setting.fault}, and counts as unset`, setting.hint);
    }
  }
  return found;
}

/** A batch that OpenTelemetry's variables make larger than the queue is lowered to it, as its own SDK does. */
function fitBatch(
  settings: Map<string, Entry>,
  fallback: Entry | undefined,
  findings: Findings,
): void {
  const batch = settings.get('maxExportBatchSize');
  const queue = settings.get('maxQueueSize');
  if (fallback === undefined || batch !== fallback || queue === undefined) return;
  if (!(Number(batch.value) > Number(queue.value))) return;
  settings.set('maxExportBatchSize', queue);
  findings.warn(
    batch.where,
    'is more than the queue may hold, and is lowered to that',
    `at most ${queue.where}`,
  );
}
