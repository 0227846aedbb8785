import type { MeterProvider } from '@opentelemetry/api';
import type { Dispatcher } from 'undici';
import type { ExportResult, SpanExporter } from '../sdk.js';
import type { AuditEvent } from './audit-event.js';
import type { HostPolicy } from './host-guard.js';
import type { MonitoringType } from './monitoring-settings.js';
import type { CredentialsCallback, ResolveBackend, SpanView } from './options.js';

/**
 * Where credentials come from that may change while the process runs. What was found there at construction
 * stands in the backend's `headers` and `tls`.
 */
export interface CredentialSources {
  /** What gives the API key: the absolute path of a file, or a function of the application. */
  readonly apiKey: string | CredentialsCallback | undefined;
  /** Absolute paths of PEM files, by what `tls` has of each. */
  readonly tls: Backend['tls'];
}

/** One backend, checked and complete: every default filled in, every file read. Frozen. */
export interface Backend {
  readonly name: string;
  /** Its residency class. */
  readonly class: string | undefined;
  /** The exact URL that traces are posted to. Absent for a backend whose `exporter` has its own. */
  readonly url: string | undefined;
  /** Lower-case names; credentials included. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * What the span attribute `braintrust.parent` may not override, because the configuration names the
   * parent: set for the preset `braintrust`, `undefined` otherwise.
   */
  readonly parent: string | undefined;
  /** The header that carries the parent, in lower case; `undefined` where the backend has no such thing. */
  readonly parentHeader: string | undefined;
  /** Whether it routes by the spans' keys itself, and so has to be told them: the preset `collector`. */
  readonly isCollector: boolean;
  readonly protocol: 'http/protobuf' | 'http/json';
  /** Whether requests ask for audit headers. */
  readonly auditHeaders: boolean;
  /** Whether spans whose parents are elsewhere are roots here. */
  readonly reroot: boolean;
  readonly compression: 'none' | 'gzip';
  /** Longest one attempt may take, connection included. */
  readonly timeoutMs: number;
  /** PEM texts. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** `undefined` where no credentials of this backend can change. */
  readonly credentials: CredentialSources | undefined;
  /** How long a batch waits for another key; see `BackendConfig.authGraceMs`. */
  readonly authGraceMs: number;
  /** URL of the proxy that leads to `url`, from `PROXY` or the proxy variables; credentials in its user-info. */
  readonly proxy: string | undefined;
  /** Where its requests may go. */
  readonly hosts: HostPolicy;
  /** What delivers: signalbox's own wire, or an exporter made elsewhere. */
  readonly delivery:
    | { readonly kind: 'signalbox'; readonly dispatcher: Dispatcher | undefined }
    | {
        readonly kind: 'exporter';
        readonly exporter: SpanExporter;
        /** What the configuration calls it, where it was made here; absent for the application's own. */
        readonly madeAs?: 'otlp-http' | 'console';
      };
  readonly maxConcurrentExports: number;
  /** In spans; `undefined` is unbounded. */
  readonly maxQueueSize: number | undefined;
  /** `undefined` leaves the shared budget as the only bound. */
  readonly maxQueueBytes: number | undefined;
  readonly maxExportBatchSize: number;
  readonly maxExportBatchBytes: number;
  readonly scheduleDelayMs: number;
  readonly retryMaxElapsedMs: number;
  /** Where batches wait on disk; `undefined` keeps them in memory alone. */
  readonly spool: SpoolLimits | undefined;
  /** `undefined` is no limit. */
  readonly rateLimit: RateLimit | undefined;
  /** What it may see; `undefined` is everything. */
  readonly view: BackendView | undefined;
  /** The name of the backend that takes over while this one is down; `undefined` is none. */
  readonly standby: string | undefined;
}

/** What a backend may see of the spans that its routes lead to it. */
export interface BackendView {
  readonly filter: 'all' | 'ai';
  /** `undefined` where it may see every attribute. */
  readonly attributes: AttributeView | undefined;
  /** The application's own. */
  readonly change: SpanView | undefined;
}

/** What a backend may see of attributes, by globs over their names. */
export interface AttributeView {
  readonly drop: readonly string[];
  readonly hash: { readonly attributes: readonly string[]; readonly key: string } | undefined;
  /** Most characters. */
  readonly truncate: Readonly<Record<string, number>>;
}

/** A backend's place on disk, and its bounds. */
export interface SpoolLimits {
  /** Absolute; one for several backends, each with a directory of its name in it. */
  readonly dir: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** How many requests may be sent within any window of this length. */
export interface RateLimit {
  /** At least 1. */
  readonly maxRequests: number;
  readonly windowMs: number;
}

/** What a route key leads to. */
export interface Route {
  /** The key that is written into the spans. */
  readonly key: string;
  /** Names of backends, at least one, no duplicates: all that any of its spans may reach. */
  readonly backends: readonly string[];
  /** What each of them gets, in the same order; `undefined` where that is every span, and none is a shadow. */
  readonly targets: readonly RouteTarget[] | undefined;
  /** What counts in place of the backends' own parents, at those that have one. */
  readonly parent: string | undefined;
}

/** What one backend of a route gets. */
export interface RouteTarget {
  readonly backend: string;
  readonly role: 'primary' | 'shadow';
  /** In millionths of the route's traces; `undefined` is all of them. */
  readonly share: number | undefined;
}

/** What requests lead to that set no key. */
export interface DefaultRoute extends Omit<Route, 'key'> {
  /** `undefined` for a Collector's own default route: it is for the Collector to say, and no key is written. */
  readonly key: string | undefined;
}

/** Where backends come from that are not configured one by one. */
export interface DynamicConfig {
  /**
   * The backend of a key, at once or later; `undefined` where there is none. Throws or rejects where nobody can say,
   * also for an answer that is no valid backend.
   */
  readonly lookUp: (key: string) => Backend | undefined | Promise<Backend | undefined>;
  /** What is asked: the template, for a host that no key has; or the application's function. */
  readonly source: Backend | ResolveBackend;
  /** Where an answer of the application's may lead; a template's backends are bounded further. */
  readonly hosts: HostPolicy;
  /**
   * The class that a key requires of its backend: any other is no valid answer. A key that requires one and has no backend
   * never follows `unknownRoute`.
   */
  readonly classes: ReadonlyMap<string, string>;
  /** How long an answer counts; for ever, where it can not change. */
  readonly ttlMs: number;
  readonly idleTimeoutMs: number;
  readonly maxBackends: number;
}

/** How telemetry about the pipeline travels. */
export type MonitoringSignal = 'metrics' | 'logs' | 'traces';

/** Where telemetry about the pipeline goes, checked and complete. Frozen. */
export interface Monitoring {
  /** At least one. */
  readonly telemetry: ReadonlySet<MonitoringType>;
  /** Those that the types need: the exact URL, and OpenTelemetry's exporter, which makes its own arrays of what it takes. */
  readonly signals: Readonly<
    Partial<Record<MonitoringSignal, { readonly url: string; readonly OtlpExporter: OtlpClass }>>
  >;
  /** Lower-case names; credentials included. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificate authorities in PEM. */
  readonly ca: string | undefined;
  readonly serviceName: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Where its requests may go. */
  readonly hosts: HostPolicy;
}

/** An OTLP exporter's class. What it takes depends on the signal, and is plain data. */
export type OtlpClass = new (
  options: object,
) => {
  export(data: never, resultCallback: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
};

/** Which classes of backends the spans of a route key may reach. */
export interface Residency {
  /** Groups of classes of which one key's spans may reach one alone. */
  readonly exclusive: readonly (readonly string[])[];
  /** The class that a route key requires of every backend. */
  readonly required: ReadonlyMap<string, string>;
}

/** The whole configuration, checked and complete. Frozen, whole. */
export interface ResolvedConfig {
  readonly backends: ReadonlyMap<string, Backend>;
  /** Every key that is configured; with neither routes nor a source of further ones, each backend's own name. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Asked for keys that `routes` does not have; `undefined` leaves them unknown. */
  readonly dynamic: DynamicConfig | undefined;
  /** The Collector that has the routes: every key leads to it. `undefined` where the routes are here. */
  readonly collector: string | undefined;
  /** Where requests that set no key go; `undefined` drops them. */
  readonly defaultRoute: DefaultRoute | undefined;
  readonly unknownRoute: 'drop' | 'default';
  /** `undefined` where there are no rules. */
  readonly residency: Residency | undefined;
  /** Name of the attribute that carries the key; `undefined` writes none. */
  readonly routeAttribute: string | undefined;
  readonly maxBufferedBytes: number;
  readonly shutdownTimeoutMs: number;
  /** 0 turns parking off. */
  readonly parkMaxSpans: number;
  readonly parkTimeoutMs: number;
  readonly parkOverflow: 'drop' | 'default';
  readonly meterProvider: MeterProvider | undefined;
  /** `stderr`, or an absolute path. */
  readonly auditLog: string | undefined;
  readonly onAudit: ((event: AuditEvent) => void) | undefined;
  /** `undefined` sends nothing about the pipeline. */
  readonly monitoring: Monitoring | undefined;
  /** What deserves a word but is no problem; the processor logs each once. */
  readonly warnings: readonly string[];
}
