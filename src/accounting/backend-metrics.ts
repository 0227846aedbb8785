import type { Attributes, ObservableResult } from '@opentelemetry/api';
import type { Backend } from '../config/resolved.js';
import type { Instruments } from './instruments.js';
import type { BackendDropReason } from './reasons.js';

/** What a backend's ledger holds now, for the metrics that state it. */
export interface BackendCounts {
  /** Copies that wait for their first attempt. */
  readonly queued: number;
  /** Copies that were attempted and are not settled. */
  readonly attempted: number;
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
  readonly #backend: Backend;
  readonly #counts: BackendCounts;
  readonly #connect: () => Instruments | undefined;
  #connected: Connected | undefined;

  /** @param connect - The processor's instruments, once a provider is there. */
  constructor(backend: Backend, counts: BackendCounts, connect: () => Instruments | undefined) {
    this.#backend = backend;
    this.#counts = counts;
    this.#connect = connect;
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

  /** States how many spans are queued, once the backend has had any. */
  observeQueue(result: ObservableResult): void {
    const { queued } = this.#counts;
    if (queued === 0 && this.#connected === undefined) return;
    const connected = this.#open();
    if (connected !== undefined) result.observe(queued, connected.processor);
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

function component({ name }: Backend, type: string): Attributes {
  return { 'otel.component.name': name, 'otel.component.type': type };
}

/** One of the conventions' own values, or else the name of the exporter's class. */
function exporterType({ delivery, protocol }: Backend): string {
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
