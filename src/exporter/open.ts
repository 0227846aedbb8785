import type { BackendLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { AuditEvent } from '../config/audit-event.js';
import type { WrittenBatch } from '../config/may-replay.js';
import type { Backend } from '../config/resolved.js';
import { runDetached } from '../detached.js';
import { createSizeEstimate } from '../encoding/estimate.js';
import type { SpanEncoder } from '../encoding/span-encoder.js';
import { createSpanView } from '../encoding/span-view.js';
import type { SpanExporter } from '../sdk.js';
import { createTransport } from '../transport/send.js';
import { formatUserAgent } from '../transport/user-agent.js';
import { VERSION } from '../version.js';
import type { Courier } from './courier.js';
import {
  createExporter,
  type Exporter,
  type ExporterParts,
  type ExporterRole,
} from './exporter.js';
import { createLazyExporter } from './lazy.js';
import type { Memory } from './memory.js';
import { type CountedParcel, type ObserveSent, withObserver } from './observed.js';
import { createSpool, type OpenSpool } from './spool/spool.js';
import { createStock } from './stock.js';
import { type Body, createWire } from './wire.js';

/** What a processor's exporters share, and what each has of its own. */
export interface OpenOptions {
  /** Name of the attribute that carries the route key; `undefined` writes none. */
  readonly routeAttribute: string | undefined;
  /** Finds the encoder of a backend, which is made for the first that asks for its like. */
  readonly encoderOf: (backend: Backend) => SpanEncoder;
  readonly memory: Memory;
  /**
   * A shadow has no place on disk, whatever its backend is configured with.
   *
   * @default 'primary'
   */
  readonly role?: ExporterRole | undefined;
  /** The backend's own. */
  readonly ledger: BackendLedger;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * Whether a batch may be sent from disk to the backend today; what may not is set aside.
   *
   * @default () => true
   */
  readonly mayReplay?: ((batch: WrittenBatch) => boolean) | undefined;
  /**
   * Is told of each request.
   *
   * @default nobody is
   */
  readonly observe?: ObserveSent;
  /**
   * Is told how many bytes of spans have left a backend's queue, for a batch or dropped.
   *
   * @default nobody is
   */
  readonly onLeave?: ((backend: string, bytes: number) => void) | undefined;
  /** Is told of what answers say that have audit headers. @default nobody is */
  readonly onAudit?: (event: AuditEvent) => void;
  /** @default Math.random */
  readonly random?: () => number;
  /** @default signalbox's, before the OTLP exporter's */
  readonly userAgent?: string;
}

/**
 * Puts together the exporter of one backend, as its configuration says.
 *
 * Opens nothing: the first timer starts with the first span, and the first connection with the first batch.
 */
export function openExporter(backend: Backend, options: OpenOptions): Exporter {
  const { delivery } = backend;
  const { role = 'primary' } = options;
  const spool = role === 'shadow' ? undefined : backend.spool;
  // Not lazily: it may hold things of its own, to be flushed and shut down without a span.
  if (delivery.kind === 'exporter') {
    return runDetached(() => openStock(backend, delivery.exporter, options));
  }
  // Its promises last as long as it does, and would keep the context of the request whose span came first.
  const open = () => runDetached(() => openWire(backend, options));
  // With a spool at once: an earlier process may have left something there.
  return spool === undefined ? createLazyExporter(backend.name, role, open) : open();
}

function openStock(backend: Backend, exporter: SpanExporter, options: OpenOptions): Exporter {
  const { routeAttribute, log, clock } = options;
  const { protocol, parent, view } = backend;
  const courier = createStock({
    backend,
    exporter,
    estimateBytes: createSizeEstimate(protocol, routeAttribute),
    view: createSpanView({ routeAttribute, parent, attributes: view?.attributes }),
    log,
    clock,
  });
  return createExporter(partsOf(backend, courier, options));
}

function openWire(backend: Backend, options: OpenOptions): Exporter {
  const { routeAttribute, encoderOf, userAgent = formatUserAgent(VERSION) } = options;
  const courier = createWire({
    backend,
    encoder: encoderOf(backend),
    estimateBytes: createSizeEstimate(backend.protocol, routeAttribute),
    openTransport: () => createTransport(backend, userAgent, options),
  });
  return createExporter({
    ...partsOf(backend, courier, options),
    openSpool: spoolOf(backend, options),
  });
}

function partsOf<P extends CountedParcel>(
  backend: Backend,
  courier: Courier<P>,
  options: OpenOptions,
): ExporterParts<P> {
  const { role, memory, ledger, log, clock, random = Math.random, observe, onLeave } = options;
  const observed =
    observe === undefined ? courier : withObserver(courier, backend.name, clock, observe);
  const told = onLeave && ((bytes: number) => onLeave(backend.name, bytes));
  return { backend, role, courier: observed, memory, ledger, log, clock, random, onLeave: told };
}

/** What opens the place on disk of a backend that has one. */
function spoolOf(backend: Backend, options: OpenOptions): OpenSpool<Body> | undefined {
  const limits = options.role === 'shadow' ? undefined : backend.spool;
  return limits && ((inside) => createSpool({ ...options, backend, limits, inside }));
}
