import type { BackendLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { AuditEvent } from '../config/audit-event.js';
import type { Backend } from '../config/resolved.js';
import { createSizeEstimate } from '../encoding/estimate.js';
import type { SpanEncoder } from '../encoding/span-encoder.js';
import { createSpanView } from '../encoding/span-view.js';
import { createTransport } from '../transport/send.js';
import { formatUserAgent } from '../transport/user-agent.js';
import { VERSION } from '../version.js';
import { createExporter, type Exporter } from './exporter.js';
import { createLazyExporter } from './lazy.js';
import type { Memory } from './memory.js';
import { type ObserveSent, withObserver } from './observed.js';
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
  /** The backend's own. */
  readonly ledger: BackendLedger;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * Whether spans of these route keys may be sent from disk to the backend today.
   *
   * @default () => true
   */
  readonly mayReplay?: ((routeKeys: readonly string[]) => boolean) | undefined;
  /**
   * Is told of each request.
   *
   * @default nobody is
   */
  readonly observe?: ObserveSent;
  /** Is told of what answers say that have audit headers. @default nobody is */
  readonly onAudit?: (event: AuditEvent) => void;
  /** @default Math.random */
  readonly random?: () => number;
  /** @default signalbox's, before the OTLP exporter's */
  readonly userAgent?: string;
}

/** What opens the place on disk of a backend that has one. */
function spoolOf(backend: Backend, options: OpenOptions): OpenSpool<Body> | undefined {
  const limits = backend.spool;
  return limits && ((inside) => createSpool({ ...options, backend, limits, inside }));
}

/**
 * Puts together the exporter of one backend, as its configuration says.
 *
 * Opens nothing: the first timer starts with the first span, and the first connection with the first batch.
 */
export function openExporter(backend: Backend, options: OpenOptions): Exporter {
  const { routeAttribute, encoderOf, log, clock, random = Math.random } = options;
  const { userAgent = formatUserAgent(VERSION), observe = () => {} } = options;
  const { protocol, parent, delivery } = backend;
  const audit = options.onAudit && { onAudit: options.onAudit };
  const parts = { ...options, backend, random };

  if (delivery.kind === 'exporter') {
    const estimateBytes = createSizeEstimate(protocol, routeAttribute);
    const { attributes } = backend.view ?? {};
    const view = createSpanView({ routeAttribute, parent, attributes });
    const { exporter } = delivery;
    const courier = createStock({ backend, exporter, estimateBytes, view, log, clock });
    // Not lazily: it may hold things of its own, to be flushed and shut down without a span.
    return createExporter({
      ...parts,
      courier: withObserver(courier, backend.name, clock, observe),
    });
  }
  const create = (): Exporter => {
    const courier = createWire({
      backend,
      encoder: encoderOf(backend),
      estimateBytes: createSizeEstimate(protocol, routeAttribute),
      openTransport: () => createTransport(backend, userAgent, { log, clock, random, ...audit }),
    });
    return createExporter({
      ...parts,
      courier: withObserver(courier, backend.name, clock, observe),
      openSpool: spoolOf(backend, options),
    });
  };
  // With a spool at once: an earlier process may have left something there.
  return backend.spool === undefined ? createLazyExporter(backend.name, create) : create();
}
