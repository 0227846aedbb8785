import { z } from 'zod';
import { apiKey, headers, integer, type Setting, text, withDefault } from './setting.js';

/** What may be sent about the pipeline, type by type. Never what it carries. */
export const monitoringTypes = ['status', 'metrics', 'usage', 'memprof', 'logs', 'traces'] as const;

/** One type of telemetry about the pipeline; `docs/monitoring.md` says what each sends. */
export type MonitoringType = (typeof monitoringTypes)[number];

/** Those that are sent where nothing else is asked for: sums and states, a few kB a minute. */
export const defaultMonitoringTypes: readonly MonitoringType[] = ['status', 'metrics', 'usage'];

/** Where telemetry about the pipeline itself goes, and which. Nothing of a span, and no route key, is in it. */
export interface MonitoringConfig {
  /**
   * Base URL of an OTLP/HTTP receiver; `/v1/metrics`, `/v1/logs` and `/v1/traces` are appended. Its host has to be one
   * that `allowedHosts` allows.
   */
  endpoint?: string | undefined;

  /**
   * What is sent; an empty list turns everything off.
   *
   * - `status`: health of each backend's exporter
   * - `metrics`: CPU and memory of the process, queues, and requests to backends
   * - `usage`: spans and bytes accepted and delivered, per backend
   * - `memprof`: heap statistics, and a sampled heap profile when `sendHeapProfile()` asks for one
   * - `logs`: signalbox's own warnings, as events that are counted, without their words
   * - `traces`: a span for each request to a backend
   *
   * @default ['status', 'metrics', 'usage']
   */
  telemetry?: readonly MonitoringType[] | undefined;

  /** Headers of every request; they go to this endpoint alone, and it gets no others. Secret. */
  headers?: Record<string, string> | undefined;

  /** Sent as `Authorization: Bearer <key>`. Secret. */
  apiKey?: string | undefined;

  /** Path of a PEM file with the certificate authorities to trust, in place of Node's own; read once. */
  certificate?: string | undefined;

  /**
   * The `service.name` under which it is sent: the only thing of the application's own that is in it.
   *
   * @default 'unknown_service:node', as the specification has it
   */
  serviceName?: string | undefined;

  /**
   * Time between two reports, in milliseconds.
   *
   * A minute, as OpenTelemetry's own metric reader has it.
   *
   * @default 60_000
   */
  intervalMs?: number | undefined;

  /**
   * Longest that one request may take, in milliseconds. A report that fails is not sent again: the next one has the
   * same counts, and what is newer.
   *
   * @default 10_000
   */
  timeoutMs?: number | undefined;
}

/** The settings of {@link MonitoringConfig}, by their keys in code. */
export const monitoringSettings = {
  endpoint: text({
    variable: 'ENDPOINT',
    type: 'URL',
    hint: 'a base URL such as https://otlp.example.com',
    description:
      'Base URL of the OTLP/HTTP receiver; `/v1/metrics`, `/v1/logs` and `/v1/traces` are appended. Without it nothing is sent.',
  }),
  telemetry: {
    variable: 'TELEMETRY',
    form: 'names',
    type: monitoringTypes.map((type) => `\`${type}\``).join(', '),
    fault: 'is not a list of types of monitoring telemetry',
    hint: `any of ${monitoringTypes.join(', ')}`,
    part: {
      fault: 'is not a type of monitoring telemetry',
      hint: `one of ${monitoringTypes.join(', ')}`,
    },
    description: 'What is sent, comma-separated. Set but empty sends nothing.',
    default: defaultMonitoringTypes.join(','),
    // As a variable it may be empty, which says something; no other list may.
    schema: z.preprocess((value) => (value === '' ? [] : value), z.array(z.enum(monitoringTypes))),
  },
  headers: headers("Headers of every request, percent-encoded as a backend's."),
  apiKey,
  certificate: text({
    variable: 'CERTIFICATE',
    type: 'path',
    hint: 'the path of a PEM file',
    description: "Certificate authorities to trust, as PEM, in place of Node's own; read once.",
  }),
  serviceName: {
    ...text({
      variable: 'SERVICE_NAME',
      type: 'text',
      hint: 'the name of the service',
      description: 'The `service.name` under which it is sent.',
    }),
    fallbacks: ['OTEL_SERVICE_NAME'],
    default: 'unknown_service:node',
  },
  intervalMs: withDefault(
    60_000,
    integer({
      variable: 'INTERVAL',
      unit: 'milliseconds',
      description: 'Time between two reports.',
    }),
  ),
  timeoutMs: withDefault(
    10_000,
    integer({
      variable: 'TIMEOUT',
      unit: 'milliseconds',
      description: 'Longest that one request may take.',
    }),
  ),
} as const satisfies {
  readonly [K in keyof MonitoringConfig]-?: Setting;
};
