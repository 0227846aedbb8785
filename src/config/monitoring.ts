import { isDeepStrictEqual } from 'node:util';
import type { CachedSurroundings } from './backend-source.js';
import { parseEndpoint, withPath } from './endpoint.js';
import { type Findings, shownPath, type Where } from './findings.js';
import { headerFault, headerValueFault, isToken } from './headers.js';
import { hostGuardOf } from './host-guard.js';
import {
  defaultMonitoringTypes,
  type MonitoringConfig,
  type MonitoringType,
  monitoringSettings,
} from './monitoring-settings.js';
import type { Monitoring, MonitoringSignal } from './resolved.js';
import { loadOtlpExporter } from './stock-exporter.js';

/** The package of each signal's exporter, with its class. */
const exporters = {
  metrics: ['@opentelemetry/exporter-metrics-otlp-http', 'OTLPMetricExporter'],
  logs: ['@opentelemetry/exporter-logs-otlp-http', 'OTLPLogExporter'],
  traces: ['@opentelemetry/exporter-trace-otlp-http', 'OTLPTraceExporter'],
} as const satisfies Record<MonitoringSignal, readonly [string, string]>;

/** What each type is sent as; a heap profile is a log record. */
const signalsOf: Readonly<Record<MonitoringType, readonly MonitoringSignal[]>> = {
  status: ['metrics'],
  metrics: ['metrics'],
  usage: ['metrics'],
  memprof: ['metrics', 'logs'],
  logs: ['logs'],
  traces: ['traces'],
};

/** Completes where telemetry about the pipeline goes; `undefined` where none is to be sent, or none can be. */
export function resolveMonitoring(
  config: MonitoringConfig | undefined,
  where: Where,
  findings: Findings,
  surroundings: CachedSurroundings,
): Monitoring | undefined {
  if (config === undefined) return undefined;
  const at = (key: keyof MonitoringConfig, part?: string) =>
    where(part === undefined ? ['monitoring', key] : ['monitoring', key, part]);
  const telemetry = new Set(config.telemetry ?? defaultMonitoringTypes);
  if (config.endpoint === undefined) {
    reportMissingEndpoint(config, at, findings);
    return undefined;
  }
  const parsed = parseEndpoint(config.endpoint);
  if ('fault' in parsed) {
    findings.problem(at('endpoint'), parsed.fault.what, parsed.fault.hint);
    return undefined;
  }
  const { url } = parsed;
  const fault = hostGuardOf(surroundings.hosts).fault(url.hostname, true);
  if (fault) findings.problem(at('endpoint'), fault.what, fault.hint);
  const headers = resolveHeaders(config, at, findings);
  const ca = resolveAuthorities(config, at, findings, surroundings);
  if (telemetry.size === 0) return undefined;
  return Object.freeze({
    telemetry,
    signals: Object.freeze(loadSignals(url, telemetry, at, findings, surroundings)),
    headers: Object.freeze(headers),
    ca,
    serviceName: config.serviceName ?? monitoringSettings.serviceName.default,
    intervalMs: config.intervalMs ?? monitoringSettings.intervalMs.default,
    timeoutMs: config.timeoutMs ?? monitoringSettings.timeoutMs.default,
    hosts: surroundings.hosts,
  });
}

/** Whether two configurations of monitoring say the same. */
export function isSameMonitoring(
  one: Monitoring | undefined,
  other: Monitoring | undefined,
): boolean {
  return isDeepStrictEqual(comparableMonitoring(one), comparableMonitoring(other));
}

/** A configuration of monitoring as plain data: exporters' classes may be those of another load. */
export function comparableMonitoring(monitoring: Monitoring | undefined): unknown {
  if (monitoring === undefined) return undefined;
  const { telemetry, signals, ...rest } = monitoring;
  const urls = Object.entries(signals).map(([signal, { url }]) => [signal, url]);
  return [[...telemetry].sort(), urls, rest];
}

type At = (key: keyof MonitoringConfig, part?: string) => string;

/** A setting that has no effect is told of; a list that turns everything off says what is so anyway. */
function reportMissingEndpoint(config: MonitoringConfig, at: At, findings: Findings): void {
  const given = Object.entries(config).find(
    ([key, value]) =>
      value !== undefined && !(key === 'telemetry' && config.telemetry?.length === 0),
  );
  if (given === undefined || findings.has(at('endpoint'))) return;
  findings.problem(at('endpoint'), 'is not set', monitoringSettings.endpoint.hint);
}

function loadSignals(
  url: URL,
  telemetry: ReadonlySet<MonitoringType>,
  at: At,
  findings: Findings,
  { loadPackage }: CachedSurroundings,
): Monitoring['signals'] {
  const signals: { -readonly [K in MonitoringSignal]?: Monitoring['signals'][K] } = {};
  for (const signal of new Set([...telemetry].flatMap((type) => signalsOf[type]))) {
    const [name, className] = exporters[signal];
    const loaded = loadOtlpExporter<never>(name, className, loadPackage);
    if ('fault' in loaded) {
      findings.problem(at('telemetry'), loaded.fault.what, loaded.fault.hint);
      continue;
    }
    signals[signal] = {
      url: withPath(url, { path: `/v1/${signal}`, knownBases: [] }),
      OtlpExporter: loaded.OtlpExporter,
    };
  }
  return signals;
}

function resolveHeaders(config: MonitoringConfig, at: At, findings: Findings) {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(config.headers ?? {})) {
    const lowerCase = name.toLowerCase();
    const fault = headers.has(lowerCase)
      ? { what: 'repeats a header in other letters', hint: 'each name once, in any case' }
      : headerFault(name, value);
    // What is no name may be anything: it is not shown.
    const place = isToken(name) ? at('headers', name) : at('headers');
    if (fault) findings.problem(place, fault.what, fault.hint);
    else headers.set(lowerCase, value.trim());
  }
  const apiKey = config.apiKey?.trim();
  if (apiKey === undefined) return Object.fromEntries(headers);
  const fault = headerValueFault(apiKey);
  if (fault) findings.problem(at('apiKey'), fault.what, fault.hint);
  if (headers.has('authorization')) {
    const what = 'authorization is set by the API key';
    findings.problem(at('headers', 'authorization'), what, 'give one of the two');
  }
  return Object.fromEntries([...headers, ['authorization', `Bearer ${apiKey}`]]);
}

function resolveAuthorities(
  { certificate, endpoint }: MonitoringConfig,
  at: At,
  findings: Findings,
  { readFile, authoritiesFault }: CachedSurroundings,
): string | undefined {
  if (certificate === undefined) return undefined;
  const file = readFile(certificate);
  if (!('text' in file)) {
    const what = `names ${shownPath(certificate)}, which ${file.what}`;
    findings.problem(at('certificate'), what, 'a readable file');
    return undefined;
  }
  const fault = authoritiesFault(file.text);
  if (fault) findings.problem(at('certificate'), fault.what, fault.hint);
  if (endpoint?.startsWith('http:')) {
    const what = 'has no effect, as the URL is http';
    findings.warn(at('certificate'), what, 'an https URL, or leave it out');
  }
  return file.text;
}
