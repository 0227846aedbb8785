import type { ExporterLedger } from '../accounting/ledger.js';
import type { Clock } from '../clock.js';
import type { ConfigProblem } from '../config/error.js';
import type { Backend, ResolvedConfig, Route } from '../config/resolved.js';
import { isSameBackend } from '../config/same-backend.js';
import type { Exporter, ExporterRole } from '../exporter/exporter.js';
import type { ExporterOwners } from './exporter-owners.js';
import { createIdleCloser, LINGER_MS, type OpenBackend } from './idle-closer.js';

/** The configured backends of one processor, those that were removed and drain included. */
export interface BackendSet {
  /** The exporter of a configured backend, in a role that it has. */
  exporterOf(name: string, role: ExporterRole): Exporter;
  /** Every exporter that may hold spans. */
  exporters(): Exporter[];
  /** Why these backends can not take the place of those that are open; nothing, where they can. */
  listProblems(next: ConfiguredBackends): ConfigProblem[];
  /**
   * Puts these backends in the place of those that are open. One whose settings are the same stays as it is, its queue
   * and connections included; the others are closed once their spans are settled.
   */
  replace(next: ConfiguredBackends): void;
  /** Stops watching what drains. */
  close(): void;
}

/** What of a configuration says which backends there are, and in which roles. */
export type ConfiguredBackends = Pick<ResolvedConfig, 'backends' | 'routes' | 'defaultRoute'>;

/** What a set of backends depends on. */
export interface BackendSetOptions {
  /** Opens the exporter of one backend, and its ledger. */
  readonly open: (backend: Backend, role: ExporterRole) => OpenBackend;
  /** Told of the ledger of an exporter that is closed. */
  readonly retire: (ledger: ExporterLedger) => void;
  readonly owners: ExporterOwners;
  readonly clock: Clock;
}

/** Creates the set of a processor's configured backends, and opens them. */
export function createBackendSet(
  backends: ConfiguredBackends,
  { open, retire, owners, clock }: BackendSetOptions,
): BackendSet {
  let current: ReadonlyMap<string, OpenBackend> = new Map();
  const draining = createIdleCloser<OpenBackend>({
    idleMs: () => LINGER_MS,
    clock,
    onClosing() {},
    onClosed: ({ ledger }) => retire(ledger),
  });

  function replace(next: ConfiguredBackends): void {
    const opened = new Map<string, OpenBackend>();
    for (const [backend, role] of listRoles(next)) {
      const found = findOpen(backend, role);
      if (found !== undefined) draining.release(found);
      opened.set(idOf(backend.name, role), found ?? openNew(backend, role));
    }
    for (const [id, one] of current) {
      if (opened.get(id) !== one) draining.watch(one);
    }
    for (const { backend, exporter } of opened.values()) {
      const standby = backend.standby === undefined ? undefined : opened.get(backend.standby);
      exporter.failover?.setStandby(standby?.exporter.failover);
    }
    current = opened;
  }

  /** The one of the same settings that is open already, or that comes back before it was closed. */
  function findOpen(backend: Backend, role: ExporterRole): OpenBackend | undefined {
    const kept = current.get(idOf(backend.name, role));
    if (kept !== undefined && isSameBackend(kept.backend, backend)) return kept;
    for (const each of draining.watched()) {
      if (each.exporter.role === role && isSameBackend(each.backend, backend)) return each;
    }
    return undefined;
  }

  function openNew(backend: Backend, role: ExporterRole): OpenBackend {
    owners.claim(backend);
    return open(backend, role);
  }

  replace(backends);
  return {
    exporterOf(name, role) {
      const found = current.get(idOf(name, role));
      if (found === undefined) throw new Error(`signalbox: no exporter for the backend ${name}`);
      return found.exporter;
    },
    exporters: () => [...current.values(), ...draining.all()].map(({ exporter }) => exporter),
    listProblems: (next) =>
      listRoles(next).flatMap(([backend, role]) => {
        if (findOpen(backend, role) !== undefined || owners.isFree(backend)) return [];
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

/**
 * Every backend in each role that it has. A backend is a primary as well, whatever leads to it, since that costs nothing
 * before its first span; but for one with an exporter that was made elsewhere, which can have one role alone.
 */
function listRoles({
  backends,
  routes,
  defaultRoute,
}: ConfiguredBackends): (readonly [Backend, ExporterRole])[] {
  const shadows = new Set<string>();
  const note = ({ targets = [] }: Pick<Route, 'targets'>) => {
    for (const { backend, role } of targets) if (role === 'shadow') shadows.add(backend);
  };
  for (const route of routes.values()) note(route);
  if (defaultRoute !== undefined) note(defaultRoute);
  return Array.from(backends.values()).flatMap((backend) => {
    const isShadow = shadows.has(backend.name);
    const isPrimary = !isShadow || backend.delivery.kind === 'signalbox';
    return [
      ...(isPrimary ? [[backend, 'primary'] as const] : []),
      ...(isShadow ? [[backend, 'shadow'] as const] : []),
    ];
  });
}

/** No name of a backend has a colon. */
function idOf(name: string, role: ExporterRole): string {
  return role === 'primary' ? name : `${role}:${name}`;
}
