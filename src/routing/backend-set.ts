import type { ExporterLedger } from '../accounting/ledger.js';
import type { Clock } from '../clock.js';
import type { ConfigProblem } from '../config/error.js';
import type { Backend } from '../config/resolved.js';
import { isSameBackend } from '../config/same-backend.js';
import type { Exporter } from '../exporter/exporter.js';
import type { ExporterOwners } from './exporter-owners.js';
import { createIdleCloser, LINGER_MS, type OpenBackend } from './idle-closer.js';

/** The configured backends of one processor, those that were removed and drain included. */
export interface BackendSet {
  /** The exporter of a configured backend. */
  exporterOf(name: string): Exporter;
  /** Every exporter that may hold spans. */
  exporters(): Exporter[];
  /** Why these backends can not take the place of those that are open; nothing, where they can. */
  listProblems(next: ReadonlyMap<string, Backend>): ConfigProblem[];
  /**
   * Puts these backends in the place of those that are open. One whose settings are the same stays as it is, its queue
   * and connections included; the others are closed once their spans are settled.
   */
  replace(next: ReadonlyMap<string, Backend>): void;
  /** Stops watching what drains. */
  close(): void;
}

/** What a set of backends depends on. */
export interface BackendSetOptions {
  /** Opens the exporter of one backend, and its ledger. */
  readonly open: (backend: Backend) => OpenBackend;
  /** Told of the ledger of an exporter that is closed. */
  readonly retire: (ledger: ExporterLedger) => void;
  readonly owners: ExporterOwners;
  readonly clock: Clock;
}

/** Creates the set of a processor's configured backends, and opens them. */
export function createBackendSet(
  backends: ReadonlyMap<string, Backend>,
  { open, retire, owners, clock }: BackendSetOptions,
): BackendSet {
  let current: ReadonlyMap<string, OpenBackend> = new Map();
  const draining = createIdleCloser<OpenBackend>({
    idleMs: () => LINGER_MS,
    clock,
    onClosing() {},
    onClosed: ({ ledger }) => retire(ledger),
  });

  function replace(next: ReadonlyMap<string, Backend>): void {
    const opened = new Map<string, OpenBackend>();
    for (const backend of next.values()) {
      const found = findOpen(backend);
      if (found !== undefined) draining.release(found);
      opened.set(backend.name, found ?? openNew(backend));
    }
    for (const one of current.values()) {
      if (opened.get(one.backend.name) !== one) draining.watch(one);
    }
    current = opened;
  }

  /** The one of the same settings that is open already, or that comes back before it was closed. */
  function findOpen(backend: Backend): OpenBackend | undefined {
    const kept = current.get(backend.name);
    if (kept !== undefined && isSameBackend(kept.backend, backend)) return kept;
    for (const each of draining.watched()) {
      if (isSameBackend(each.backend, backend)) return each;
    }
    return undefined;
  }

  function openNew(backend: Backend): OpenBackend {
    owners.claim(backend);
    return open(backend);
  }

  replace(backends);
  return {
    exporterOf(name) {
      const found = current.get(name);
      if (found === undefined) throw new Error(`signalbox: no exporter for the backend ${name}`);
      return found.exporter;
    },
    exporters: () => [...current.values(), ...draining.all()].map(({ exporter }) => exporter),
    listProblems: (next) =>
      Array.from(next.values()).flatMap((backend) => {
        if (findOpen(backend) !== undefined || owners.isFree(backend)) return [];
        return {
          where: `backends.${backend.name}.exporter`,
          what: 'has been the exporter of a backend with other settings',
          hint: 'a new one: it is shut down with the backend that it was made for',
        };
      }),
    replace,
    close: () => draining.close(),
  };
}
