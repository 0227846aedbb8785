import type { BackendLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { createEncoder } from '../encoding/encoder.js';
import { createSpanView } from '../encoding/span-view.js';
import { createTransport } from '../transport/send.js';
import { formatUserAgent } from '../transport/user-agent.js';
import { VERSION } from '../version.js';
import { createExporter, type Exporter } from './exporter.js';
import { createLazyExporter } from './lazy.js';
import type { Memory } from './memory.js';
import { createStock } from './stock.js';
import { createWire } from './wire.js';

/** What a processor's exporters share, and what each has of its own. */
export interface OpenOptions {
  /** Name of the attribute that carries the route key; `undefined` writes none. */
  readonly routeAttribute: string | undefined;
  readonly memory: Memory;
  /** The backend's own. */
  readonly ledger: BackendLedger;
  readonly log: Log;
  readonly clock: Clock;
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
  const { routeAttribute, log, clock, random = Math.random } = options;
  const { userAgent = formatUserAgent(VERSION) } = options;
  const { protocol, parent, delivery } = backend;
  const parts = { ...options, backend, random };

  if (delivery.kind === 'exporter') {
    const { estimateBytes } = createEncoder({ protocol, routeAttribute, parent });
    const view = createSpanView({ routeAttribute, parent });
    const { exporter } = delivery;
    const courier = createStock({ backend, exporter, estimateBytes, view, log, clock });
    // Not lazily: it may hold things of its own, to be flushed and shut down without a span.
    return createExporter({ ...parts, courier });
  }
  return createLazyExporter(backend.name, () => {
    const encoder = createEncoder({ protocol, routeAttribute, parent });
    const courier = createWire(backend, encoder, () => createTransport(backend, userAgent));
    return createExporter({ ...parts, courier });
  });
}
