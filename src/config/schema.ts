import type { MeterProvider } from '@opentelemetry/api';
import { z } from 'zod';
import type { SpanExporter } from '../sdk.js';
import { parseAllowedHost } from './allowed-hosts.js';
import type { AuditEvent } from './audit-event.js';
import { isBackendName } from './backend-name.js';
import { backendClass, exclusiveClasses, routeClasses } from './class-settings.js';
import { hashKeyHint, isHashKey } from './hash-key.js';
import type { MonitoringConfig } from './monitoring-settings.js';
import type {
  BackendConfig,
  CredentialsCallback,
  ResolveBackend,
  SignalboxConfig,
  SpanView,
} from './options.js';
import type { RequestDispatcher } from './request-dispatcher.js';
import { parseRouteFrom } from './route-from.js';
import { routeParents, routes } from './route-settings.js';
import {
  apiKey,
  choice,
  flag,
  globs,
  headers,
  integer,
  isObject,
  isObjectWith,
  record,
  type Setting,
  text,
  withDefault,
} from './setting.js';

export type { BackendConfig, ResolveBackend, SignalboxConfig } from './options.js';
export type { Setting } from './setting.js';

type Settings<T> = { readonly [K in keyof T]-?: Setting<NonNullable<T[K]>> };

/** The settings of one backend, by their keys in code. */
export const backendSettings = {
  preset: withDefault(
    'otlp',
    choice({
      variable: 'PRESET',
      values: ['otlp', 'braintrust', 'collector'],
      description:
        'What kind of backend it is; decides the path and the headers. `collector` is an OpenTelemetry Collector that [has the routes](docs/collector.md).',
    }),
  ),
  endpoint: text({
    variable: 'ENDPOINT',
    type: 'URL',
    hint: 'a base URL such as https://otlp.example.com',
    description:
      "Base URL. The preset's path (`/v1/traces`, or `/otel/v1/traces` for `braintrust`) is appended, once.",
  }),
  tracesEndpoint: text({
    variable: 'TRACES_ENDPOINT',
    type: 'URL',
    hint: 'the whole URL, such as https://otlp.example.com/v1/traces',
    description: 'The exact URL that traces are posted to, in place of `ENDPOINT`.',
  }),
  headers: headers('Headers of every request, percent-encoded as in `OTEL_EXPORTER_OTLP_HEADERS`.'),
  apiKey,
  apiKeyFile: text({
    variable: 'API_KEY_FILE',
    type: 'path',
    hint: 'the path of a file that holds the key',
    description: 'File that holds the API key, in place of `API_KEY`; read again when it changes.',
  }),
  credentials: {
    form: 'object',
    type: 'function',
    fault: 'is no function',
    hint: 'a function that returns the API key, or a promise of it',
    description: 'Gives the API key, in place of `API_KEY`.',
    schema: z.custom<CredentialsCallback>((value) => typeof value === 'function'),
  },
  authGraceMs: withDefault(
    300_000,
    integer({
      variable: 'AUTH_GRACE',
      unit: 'milliseconds',
      min: 0,
      description:
        'Longest that a batch refused with 401 or 403 waits for another key from `API_KEY_FILE`. 0 holds nothing.',
    }),
  ),
  auditHeaders: withDefault(
    false,
    flag({
      variable: 'AUDIT_HEADERS',
      description:
        'Asks a Braintrust deployment who was authenticated, and what a request touched: `x-bt-enable-audit`. Told to `AUDIT_LOG`, and to `onAudit` in code.',
    }),
  ),
  parent: text({
    variable: 'PARENT',
    type: 'text',
    hint: 'such as project_name:checkout',
    description: 'What the traces belong to at Braintrust; the preset `braintrust` needs it.',
  }),
  class: backendClass,
  protocol: withDefault(
    'http/protobuf',
    choice({
      variable: 'PROTOCOL',
      fallbacks: ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
      values: ['http/protobuf', 'http/json'],
      hint: 'http/protobuf or http/json; not grpc: receivers commonly take OTLP over HTTP on port 4318',
      description: 'Encoding of the bodies.',
    }),
  ),
  compression: withDefault(
    'none',
    choice({
      variable: 'COMPRESSION',
      fallbacks: ['OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'OTEL_EXPORTER_OTLP_COMPRESSION'],
      values: ['none', 'gzip'],
      description: 'Compression of the bodies.',
    }),
  ),
  timeoutMs: withDefault(
    10_000,
    integer({
      variable: 'TIMEOUT',
      fallbacks: ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT'],
      unit: 'milliseconds',
      description: 'Longest that one attempt may take, connection included.',
    }),
  ),
  certificate: text({
    variable: 'CERTIFICATE',
    type: 'path',
    hint: 'the path of a PEM file',
    description:
      "Certificate authorities to trust, as PEM, in place of Node's own; read again when it changes.",
  }),
  clientCertificate: text({
    variable: 'CLIENT_CERTIFICATE',
    type: 'path',
    hint: 'the path of a PEM file',
    description:
      "The client's certificate (chain) for mutual TLS, as PEM; read again when it changes.",
  }),
  clientKey: text({
    variable: 'CLIENT_KEY',
    type: 'path',
    hint: 'the path of a PEM file',
    description: 'Private key of `CLIENT_CERTIFICATE`, as PEM; read again when it changes.',
  }),
  proxy: text({
    variable: 'PROXY',
    type: 'URL, `none`',
    hint: 'such as http://proxy.example.com:3128, or none',
    description:
      'HTTP proxy to go through, in place of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; `none` goes straight.',
  }),
  exporter: {
    variable: 'EXPORTER',
    form: 'text',
    type: '`signalbox`, `otlp-http`, `console`',
    fault: 'is no exporter',
    hint: 'one of signalbox, otlp-http, console, or in code a SpanExporter',
    description:
      "What delivers: signalbox's own transport, the stock exporter of `@opentelemetry/exporter-trace-otlp-http`, or the console.",
    default: 'signalbox',
    schema: z.union([
      z.enum(['signalbox', 'otlp-http', 'console']),
      z.custom<SpanExporter>(isObjectWith('export', 'shutdown')),
    ]),
  },
  dispatcher: {
    form: 'object',
    type: 'Dispatcher',
    fault: 'is no undici Dispatcher',
    hint: 'such as new Agent() of undici',
    description: "The application's own undici dispatcher for this backend's requests.",
    schema: z.custom<RequestDispatcher>(isObjectWith('dispatch')),
  },
  maxConcurrentExports: withDefault(
    4,
    integer({
      variable: 'MAX_CONCURRENT_EXPORTS',
      unit: 'requests',
      description: 'Most requests in flight at once.',
    }),
  ),
  maxQueueSize: integer({
    variable: 'MAX_QUEUE_SIZE',
    fallbacks: ['OTEL_BSP_MAX_QUEUE_SIZE'],
    unit: 'spans',
    description: 'Most spans in the queue; a full queue drops the newest. Unbounded by default.',
  }),
  maxQueueBytes: integer({
    variable: 'MAX_QUEUE_BYTES',
    unit: 'bytes',
    description: 'Most bytes in the queue. Bounded by the shared budget alone by default.',
  }),
  maxExportBatchSize: withDefault(
    512,
    integer({
      variable: 'MAX_EXPORT_BATCH_SIZE',
      fallbacks: ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE'],
      unit: 'spans',
      description: 'Most spans in one request.',
    }),
  ),
  maxExportBatchBytes: withDefault(
    4 * 1024 * 1024,
    integer({
      variable: 'MAX_EXPORT_BATCH_BYTES',
      unit: 'bytes',
      description: 'Largest request body before compression.',
    }),
  ),
  scheduleDelayMs: withDefault(
    5_000,
    integer({
      variable: 'SCHEDULE_DELAY',
      fallbacks: ['OTEL_BSP_SCHEDULE_DELAY'],
      unit: 'milliseconds',
      min: 0,
      description: 'Longest that a span waits for its batch to fill.',
    }),
  ),
  rateLimitMaxRequests: withDefault(
    0,
    integer({
      variable: 'RATE_LIMIT_MAX_REQUESTS',
      unit: 'requests',
      min: 0,
      description: 'Most requests within any window, retries included. 0 is no limit.',
    }),
  ),
  rateLimitWindowMinutes: withDefault(
    1,
    integer({
      variable: 'RATE_LIMIT_WINDOW_MINUTES',
      unit: 'minutes',
      description: 'Window of `RATE_LIMIT_MAX_REQUESTS`.',
    }),
  ),
  retryMaxElapsedMs: withDefault(
    300_000,
    integer({
      variable: 'RETRY_MAX_ELAPSED',
      unit: 'milliseconds',
      min: 0,
      description: 'Longest that a batch is retried, from its first attempt. 0 never retries.',
    }),
  ),
  spoolDir: text({
    variable: 'SPOOL_DIR',
    type: 'path',
    hint: 'the path of a directory, which need not exist yet',
    description:
      'Directory for batches that the backend can not take now; [in plain text](docs/spool.md). Without it they are dropped.',
  }),
  spoolMaxBytes: withDefault(
    512 * 1024 * 1024,
    integer({
      variable: 'SPOOL_MAX_BYTES',
      unit: 'bytes',
      description: 'Most bytes of the backend in `SPOOL_DIR`; the oldest batch gives way.',
    }),
  ),
  spoolMaxAgeMs: withDefault(
    86_400_000,
    integer({
      variable: 'SPOOL_MAX_AGE',
      unit: 'milliseconds',
      description: 'Longest that a batch is kept in `SPOOL_DIR`.',
    }),
  ),
  standby: text({
    variable: 'STANDBY',
    type: 'name',
    hint: 'the name of another backend',
    description:
      'The backend that takes over while this one is down; same protocol, preset, view and class.',
    schema: z.string().refine(isBackendName),
  }),
  reroot: withDefault(
    false,
    flag({
      variable: 'REROOT',
      description:
        'Makes a root, with a link to its parent, of each span whose parent another route took elsewhere: no orphans.',
    }),
  ),
  filter: withDefault(
    'all',
    choice({
      variable: 'FILTER',
      values: ['all', 'ai'],
      description: 'Which spans leave: all, or those of AI alone.',
    }),
  ),
  dropAttributes: globs({
    variable: 'DROP_ATTRIBUTES',
    description: 'Attributes that do not leave, comma-separated; `*` is any run of characters.',
  }),
  hashAttributes: globs({
    variable: 'HASH_ATTRIBUTES',
    description: 'Attributes of which a hash under `HASH_KEY` leaves.',
  }),
  hashKey: {
    ...text({
      variable: 'HASH_KEY',
      type: 'text',
      hint: hashKeyHint,
      description: 'Key of `HASH_ATTRIBUTES`: 32 bytes or more.',
      isSecret: true,
      schema: z.string().refine(isHashKey),
    }),
    fault: 'is not text of 32 bytes or more',
  },
  hashKeyFile: text({
    variable: 'HASH_KEY_FILE',
    type: 'path',
    hint: 'the path of a file that holds the key',
    description: 'File that holds the key, in place of `HASH_KEY`; read once.',
  }),
  truncateAttributes: {
    variable: 'TRUNCATE_ATTRIBUTES',
    form: 'limits',
    type: '`name=characters,...`',
    fault: 'is not a list of limits by name',
    hint: 'the most characters of each attribute, such as prompt*=256',
    part: {
      fault: 'is not a whole number of characters',
      hint: 'the most characters, a plain number of at least 1',
    },
    description: "Most characters of attributes' texts, such as `prompt*=256,*.body=1000`.",
    schema: record(z.int().min(1)).refine((limits) => !Object.hasOwn(limits, '')),
  },
  view: {
    form: 'object',
    type: 'function',
    fault: 'is not a function',
    hint: 'a function from a span to a span, or undefined',
    description: 'Shows the backend a span as it may see it.',
    schema: z.custom<SpanView>((value) => typeof value === 'function'),
  },
} as const satisfies Settings<BackendConfig>;

/** The settings of the whole processor, by their keys in code. */
export const processSettings = {
  backends: {
    variable: 'BACKENDS',
    form: 'backends',
    type: 'names',
    fault: 'is not a set of backends by name',
    hint: 'the backends by name, each with its settings',
    description: 'Names of the backends, comma-separated. The file may have further ones.',
    schema: record(z.custom<BackendConfig>()),
  },
  routes,
  routeParents,
  template: {
    form: 'object',
    type: 'settings of a backend',
    fault: 'is not an object of settings',
    hint: 'such as { endpoint: "https://{route}.data.example" }',
    description: 'The backend of every key that no route knows.',
    schema: z.custom<BackendConfig>(isObject),
  },
  resolveBackend: {
    form: 'object',
    type: 'function',
    fault: 'is not a function',
    hint: 'a function from a route key to the settings of its backend',
    description: 'Finds the backend of a key that no route knows.',
    schema: z.custom<ResolveBackend>((value) => typeof value === 'function'),
  },
  resolveBackendTtlMs: withDefault(300_000, {
    form: 'integer',
    type: 'milliseconds',
    fault: 'is not a whole number in its range',
    hint: 'give milliseconds as a plain number of at least 0',
    description: 'How long an answer of `resolveBackend` counts.',
    schema: z.int().min(0),
  }),
  templateIdleTimeoutMs: withDefault(
    600_000,
    integer({
      variable: 'TEMPLATE_IDLE_TIMEOUT',
      unit: 'milliseconds',
      description: 'How long a backend of the template stays open without a span.',
    }),
  ),
  templateMaxBackends: withDefault(
    1_000,
    integer({
      variable: 'TEMPLATE_MAX_BACKENDS',
      unit: 'backends',
      description: 'Most backends of the template that are open at once; more keys are unknown.',
    }),
  ),
  defaultRoute: text({
    variable: 'DEFAULT_ROUTE',
    type: 'key or name',
    hint: 'a route key, or the name of a backend',
    description: 'Where requests that set no key go. Without it their spans are dropped.',
  }),
  unknownRoute: withDefault(
    'drop',
    choice({
      variable: 'UNKNOWN_ROUTE',
      values: ['drop', 'default'],
      description: 'What happens to the spans of a key that no route knows.',
    }),
  ),
  exclusiveClasses,
  routeClasses,
  routeAttribute: withDefault(
    'signalbox.route',
    text({
      variable: 'ROUTE_ATTRIBUTE',
      type: 'text',
      hint: 'the name of an attribute, or nothing to write none',
      description: 'Span attribute that carries the route key. Set but empty writes none.',
      schema: z.string(),
    }),
  ),
  maxBufferedBytes: withDefault(
    64 * 1024 * 1024,
    integer({
      variable: 'MAX_BUFFERED_BYTES',
      unit: 'bytes',
      description: 'Most bytes that queues, parked spans and bodies in flight hold together.',
    }),
  ),
  allowedHosts: {
    variable: 'ALLOWED_HOSTS',
    form: 'names',
    type: 'names, `*.suffix`, CIDR',
    fault: 'is not a list of hosts',
    hint: 'names of hosts, *.suffix for all below one, addresses, or networks such as 10.0.0.0/8',
    part: {
      fault: 'is not a host',
      hint: 'a name or an address without scheme and port, *.suffix, or a network such as 10.0.0.0/8',
    },
    description:
      'Hosts that backends may be at, comma-separated. Every host but link-local and cloud metadata by default.',
    schema: z.array(z.string().refine((value) => parseAllowedHost(value) !== undefined)),
  },
  shutdownTimeoutMs: withDefault(
    5_000,
    integer({
      variable: 'SHUTDOWN_TIMEOUT',
      unit: 'milliseconds',
      description: 'Longest that `shutdown()` waits for backends.',
    }),
  ),
  parkMaxSpans: withDefault(
    10_000,
    integer({
      variable: 'PARK_MAX_SPANS',
      unit: 'spans',
      min: 0,
      description: 'Most spans parked while their route is open. 0 turns parking off.',
    }),
  ),
  parkTimeoutMs: withDefault(
    30_000,
    integer({
      variable: 'PARK_TIMEOUT',
      unit: 'milliseconds',
      description: 'Longest that a span is parked.',
    }),
  ),
  parkOverflow: withDefault(
    'drop',
    choice({
      variable: 'PARK_OVERFLOW',
      values: ['drop', 'default'],
      description: 'What happens to parked spans past a limit.',
    }),
  ),
  auditLog: text({
    variable: 'AUDIT_LOG',
    type: 'path, `stderr`',
    hint: 'the path of a file, or stderr',
    description:
      'Where answers to `AUDIT_HEADERS` are written, as lines of JSON. A file is rotated at 16 MiB, and four older ones are kept.',
  }),
  onAudit: {
    form: 'object',
    type: 'function',
    fault: 'is no function',
    hint: 'a function that takes an AuditEvent',
    description: 'Is told of every answer to `AUDIT_HEADERS`.',
    schema: z.custom<(event: AuditEvent) => void>((value) => typeof value === 'function'),
  },
  monitoring: {
    form: 'object',
    type: 'settings of monitoring',
    fault: 'is not an object of settings',
    hint: 'such as { endpoint: "https://otlp.example.com" }',
    description: 'Where telemetry about the pipeline itself goes.',
    schema: z.custom<MonitoringConfig>(isObject),
  },
  meterProvider: {
    form: 'object',
    type: 'MeterProvider',
    fault: 'is no MeterProvider',
    hint: 'such as new MeterProvider() of @opentelemetry/sdk-metrics',
    description: 'Where metrics go, in place of the globally registered one.',
    schema: z.custom<MeterProvider>(isObjectWith('getMeter')),
  },
} as const satisfies Settings<SignalboxConfig>;

/** The one setting that only a variable can give: where the rest may be read from. */
export const configFileSetting: Setting<string> & { readonly variable: string } = {
  ...text({
    variable: 'CONFIG_FILE',
    type: 'path',
    hint: 'the path of a YAML or JSON file',
    description:
      'YAML or JSON file with the same settings; variables override it, each its own setting.',
  }),
  variable: 'CONFIG_FILE',
};

/** What `signalbox/register` alone reads, from variables alone: a process with a processor of its own ignores it. */
export const registerSettings = {
  routeFrom: text({
    variable: 'ROUTE_FROM',
    type: '`header:<name>`, `host`, `path:<regex>`',
    hint: 'header:<name>, host, or path:<regex> with a group for the key',
    description:
      'Where the route key of an incoming request stands. Without it the application decides in code.',
    schema: z.string().refine((value) => 'value' in parseRouteFrom(value)),
  }),
  onConfigError: withDefault(
    'disable',
    choice({
      variable: 'ON_CONFIG_ERROR',
      values: ['disable', 'exit'],
      description:
        'After a wrong configuration has been printed: `disable` runs the application without export, `exit` ends with code 1.',
    }),
  ),
  statsPort: {
    variable: 'STATS_PORT',
    form: 'integer',
    type: 'port',
    fault: 'is not a port',
    hint: 'a plain number from 1 to 65535',
    description:
      'Serves what `statsHandler` does on this port of 127.0.0.1. Without it nothing is served.',
    // Not 0: nobody would know which port it has become.
    schema: z.int().min(1).max(65_535),
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** A key of {@link BackendConfig}. */
export type BackendKey = keyof BackendConfig;
