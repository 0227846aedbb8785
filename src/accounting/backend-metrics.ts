import type { Attributes } from '@opentelemetry/api';
import type { Backend } from '../config/resolved.js';
import type { Instruments } from './instruments.js';
import type { BackendDropReason } from './reasons.js';

/** What a backend's ledger holds now, for the metrics that state it. */
export interface BackendCounts {
  /** Copies that wait for their first attempt. */
  readonly queued: number;
  /** Copies that were attempted and are not settled, those on disk included. */
  readonly attempted: number;
}

/** What of a backend its metrics tell. The name may be one that several have in common. */
export type MetricsComponent = Pick<
  Backend,
  'name' | 'url' | 'delivery' | 'protocol' | 'maxQueueSize'
>;

/** How many spans the queues of one component hold together, as it is observed. */
export interface QueueSize {
  readonly attributes: Attributes;
  spans: number;
}

/** A backend's instruments, once there are any, with the attributes to write to them. */
interface Connected {
  readonly instruments: Instruments;
  readonly processor: Attributes;
  readonly exporter: Attributes;
  /** The processor's attributes with an `error.type`: made once, since a full queue drops every span. */
  readonly dropped: Map<BackendDropReason, Attributes>;
}

/**
 * One backend's part of the metrics. Each method is called before the ledger changes its own counts. Nothing
 * here throws.
 *
 * A class for the sake of many backends, as the ledger's account of one is; and nothing is made for a
 * backend before it has something to say.
 */
export class BackendMetrics {
  readonly #backend: MetricsComponent;
  readonly #counts: BackendCounts;
  readonly #connect: () => Instruments | undefined;
  readonly #onClose: (closed: BackendMetrics) => void;
  #connected: Connected | undefined;

  /**
   * @param connect - The processor's instruments, once a provider is there.
   * @param onClose - Told when its queue is no more.
   */
  constructor(
    backend: MetricsComponent,
    counts: BackendCounts,
    connect: () => Instruments | undefined,
    onClose: (closed: BackendMetrics) => void,
  ) {
    this.#backend = backend;
    this.#counts = counts;
    this.#connect = connect;
    this.#onClose = onClose;
  }

  /** Copies go onto the wire for the first time. */
  start(spans: number): void {
    const connected = this.#open();
    connected?.instruments.processed(spans, connected.processor);
    connected?.instruments.inflight(spans, connected.exporter);
  }

  /** Copies that were attempted are settled, as a failure where there is an `errorType`. */
  finish(spans: number, errorType?: string): void {
    const connected = this.#open();
    if (connected === undefined) return;
    const { instruments, exporter } = connected;
    instruments.inflight(-spans, exporter);
    instruments.exported(spans, withError(exporter, errorType));
  }

  /** Copies are dropped before their first attempt. */
  dropQueued(spans: number, reason: BackendDropReason): void {
    const connected = this.#open();
    if (connected === undefined) return;
    const { instruments, processor, dropped } = connected;
    let attributes = dropped.get(reason);
    if (attributes === undefined) {
      attributes = withError(processor, reason);
      dropped.set(reason, attributes);
    }
    instruments.processed(spans, attributes);
  }

  /** An export operation is settled, its retries included. */
  endOperation(durationMs: number, errorType?: string, httpStatus?: number): void {
    const connected = this.#open();
    if (connected === undefined) return;
    const attributes = withError(connected.exporter, errorType);
    connected.instruments.duration(
      durationMs / 1000,
      httpStatus === undefined
        ? attributes
        : { ...attributes, 'http.response.status_code': httpStatus },
    );
  }

  /** Adds how many spans are queued to the size of its component's queues, once the backend has had any. */
  addQueued(sizes: Map<string, QueueSize>): void {
    const { queued } = this.#counts;
    if (queued === 0 && this.#connected === undefined) return;
    const connected = this.#open();
    if (connected === undefined) return;
    const size = sizes.get(this.#backend.name);
    if (size !== undefined) size.spans += queued;
    else sizes.set(this.#backend.name, { attributes: connected.processor, spans: queued });
  }

  /** Its queue is no more, and empty. */
  close(): void {
    const { maxQueueSize } = this.#backend;
    if (this.#connected !== undefined && maxQueueSize !== undefined) {
      this.#connected.instruments.queueCapacity(-maxQueueSize, this.#connected.processor);
    }
    this.#onClose(this);
  }

  #open(): Connected | undefined {
    if (this.#connected !== undefined) return this.#connected;
    const instruments = this.#connect();
    if (instruments === undefined) return undefined;
    const processor = component(this.#backend, 'batching_span_processor');
    const exporter = {
      ...component(this.#backend, exporterType(this.#backend)),
      ...server(this.#backend.url),
    };
    this.#connected = { instruments, processor, exporter, dropped: new Map() };
    if (this.#backend.maxQueueSize !== undefined) {
      instruments.queueCapacity(this.#backend.maxQueueSize, processor);
    }
    // What went out before there was a provider: without it the count would fall below 0 as it settles.
    if (this.#counts.attempted > 0) instruments.inflight(this.#counts.attempted, exporter);
    return this.#connected;
  }
}

function component({ name }: MetricsComponent, type: string): Attributes {
  return { 'otel.component.name': name, 'otel.component.type': type };
}

/** One of the conventions' own values, or else the name of the exporter's class. */
function exporterType({ delivery, protocol }: MetricsComponent): string {
  if (delivery.kind === 'exporter') {
    const made: unknown = delivery.exporter.constructor;
    // A literal object has no class of its own.
    return (typeof made === 'function' && made !== Object && made.name) || 'SpanExporter';
  }
  return protocol === 'http/json' ? 'otlp_http_json_span_exporter' : 'otlp_http_span_exporter';
}

function server(url: string | undefined): Attributes {
  if (url === undefined || !URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return {
    // An IPv6 address is in brackets in a URL alone.
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  };
}

function withError(attributes: Attributes, errorType: string | undefined): Attributes {
  return errorType === undefined ? attributes : { ...attributes, 'error.type': errorType };
}
