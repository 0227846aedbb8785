import type { Backend } from '../config/resolved.js';
import type { SpanExporter } from '../sdk.js';

/**
 * Which exporters of the application's own have been given to a backend. Calls of one may not overlap, and none after
 * its shutdown, so that each serves one backend, once.
 */
export interface ExporterOwners {
  /** Whether no other backend has, or has had, its exporter. */
  isFree(backend: Backend): boolean;
  /** Gives the backend its exporter. */
  claim(backend: Backend): void;
}

/** Starts with no exporter given away. Those that are not used any more are forgotten. */
export function createExporterOwners(): ExporterOwners {
  const given = new WeakSet<SpanExporter>();
  return {
    isFree: ({ delivery }) => delivery.kind === 'signalbox' || !given.has(delivery.exporter),
    claim({ delivery }) {
      if (delivery.kind === 'exporter') given.add(delivery.exporter);
    },
  };
}
