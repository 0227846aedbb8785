import type { ExporterLedger } from '../accounting/ledger.js';
import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import { ConfigError } from '../config/error.js';
import type { Backend, DynamicConfig } from '../config/resolved.js';
import { isSameBackend } from '../config/same-backend.js';
import { runDetached } from '../detached.js';
import { createCallbacks } from './callbacks.js';
import type { ExporterOwners } from './exporter-owners.js';
import { createIdleCloser, LINGER_MS, type OpenBackend } from './idle-closer.js';
import type { Destination, DynamicRoutes, NoDestination, PendingDestination } from './table.js';
import { TenantExporter, type TenantKeeper } from './tenant-exporter.js';

/** How long a lookup that failed is not repeated. Short: its cause may be over in a moment. */
const FAILURE_TTL_MS = 5_000;

/** How many keys without a backend are remembered. They come from requests, and there is no end to them. */
const MAX_MISSES = 10_000;

/** The backends that are made as keys come, of one source. */
export interface DynamicBackends extends DynamicRoutes {
  /** Goes on by other limits, and the same source. */
  configure(config: DynamicConfig): void;
  /** No key will be looked up any more: what is open drains, and what is closed stays so. */
  retire(): void;
  /** Every exporter that may hold spans. */
  exporters(): TenantExporter[];
  /** Whether nothing is open, and nothing is being looked up. */
  isDrained(): boolean;
  /** Stops watching. */
  close(): void;
}

/** What the backends of keys depend on. */
export interface DynamicBackendsOptions {
  /** Longest that a lookup is waited for. */
  readonly lookupTimeoutMs: number;
  readonly open: (backend: Backend) => OpenBackend;
  readonly retire: (ledger: ExporterLedger) => void;
  readonly owners: ExporterOwners;
  readonly log: Log;
  readonly clock: Clock;
}

interface Found {
  readonly tenant: TenantExporter;
  readonly untilMs: number;
}

interface Miss {
  readonly destination: NoDestination | undefined;
  readonly untilMs: number;
}

/**
 * Nowhere, whatever is configured for unknown keys: who can not say whose backend a key has, must not take it for a key
 * that has none.
 */
const NOWHERE: NoDestination = { exporters: undefined, reason: 'unknown_route' };

/** Creates the backends of one source, none of which is open yet. */
export function createDynamicBackends(
  initial: DynamicConfig,
  options: DynamicBackendsOptions,
): DynamicBackends {
  const { lookupTimeoutMs, open, retire, owners, log, clock } = options;
  let config = initial;
  let isRetired = false;
  /** Lookups that have not returned yet: what they find is still to be opened. */
  let asking = 0;
  const found = new Map<string, Found>();
  const misses = new Map<string, Miss>();
  const lookups = new Map<string, PendingDestination>();
  /** Watches what is open, or promised to a decision that may hand over its first span at any time. */
  const idle = createIdleCloser<TenantExporter>({
    idleMs: () => Math.min(config.idleTimeoutMs, isRetired ? LINGER_MS : config.idleTimeoutMs),
    clock,
    onClosing: forget,
    onClosed() {},
  });
  const keeper: TenantKeeper = { open, retire, admit: admitAgain };

  function find(key: string): Destination | PendingDestination | undefined {
    const nowMs = clock.now();
    const known = found.get(key);
    if (known !== undefined && nowMs < known.untilMs) return known.tenant.destination;
    const miss = misses.get(key);
    if (miss !== undefined && nowMs < miss.untilMs) return miss.destination;
    return lookups.get(key) ?? lookUp(key, known !== undefined);
  }

  function lookUp(key: string, isKnown: boolean): Destination | PendingDestination | undefined {
    if (!isKnown && !mayHaveRoom()) return NOWHERE;
    asking += 1;
    try {
      // Its sockets and timers must not keep the request's context, nor make spans in it.
      const answer = runDetached(() => config.lookUp(key));
      return answer instanceof Promise ? wait(key, answer) : conclude(key, answer);
    } catch (error) {
      return fail(key, describe(error));
    } finally {
      asking -= 1;
    }
  }

  function wait(key: string, answer: Promise<Backend | undefined>): PendingDestination {
    const { add, call } = createCallbacks<Destination | undefined>((error) =>
      log.warn('lookup', `a lookup failed, which is a bug of signalbox: ${String(error)}`),
    );
    const pending = { whenFound: add };
    let isOver = false;
    const settle = (decide: () => Destination | undefined): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      lookups.delete(key);
      call(decide());
    };
    const cancel = clock.schedule(
      () => settle(() => fail(key, 'no answer in time')),
      lookupTimeoutMs,
    );
    lookups.set(key, pending);
    runDetached(() => {
      answer.then(
        (backend) => settle(() => conclude(key, backend)),
        (error: unknown) => settle(() => fail(key, describe(error))),
      );
    });
    return pending;
  }

  function conclude(key: string, backend: Backend | undefined): Destination | undefined {
    const known = found.get(key)?.tenant;
    found.delete(key);
    misses.delete(key);
    const untilMs = clock.now() + config.ttlMs;
    if (backend === undefined) {
      // Nobody has said that the default route is of the class that the key requires.
      const destination = config.classes.has(key) ? NOWHERE : undefined;
      miss(key, { destination, untilMs });
      return destination;
    }
    const isSame = known !== undefined && isSameBackend(known.backend, backend);
    if (!isSame && !owners.isFree(backend)) {
      return fail(key, 'the exporter of another backend, or of one that is closed');
    }
    const tenant = isSame ? known : createTenant(key, backend);
    if (!admit(tenant)) return NOWHERE;
    found.set(key, { tenant, untilMs });
    return tenant.destination;
  }

  function createTenant(key: string, backend: Backend): TenantExporter {
    owners.claim(backend);
    return new TenantExporter(key, backend, keeper);
  }

  function fail(key: string, why: string): NoDestination {
    found.delete(key);
    miss(key, { destination: NOWHERE, untilMs: clock.now() + FAILURE_TTL_MS });
    log.warn(
      'lookup failed',
      `the backend of the route key ${key} can not be found (${why}): spans of such keys are dropped as unknown_route`,
    );
    return NOWHERE;
  }

  function miss(key: string, answer: Miss): void {
    misses.delete(key);
    misses.set(key, answer);
    for (const oldest of misses.keys()) {
      if (misses.size <= MAX_MISSES) return;
      misses.delete(oldest);
    }
  }

  /** Whether a backend may be looked up: nothing gives way to a key before it is known to have one. */
  function mayHaveRoom(): boolean {
    return isBelowLimit() || isBelowLimit(idle.countResting()) || refuse();
  }

  function makeRoom(): boolean {
    return isBelowLimit() || idle.giveWay() || refuse();
  }

  function isBelowLimit(resting = 0): boolean {
    return idle.size - resting + lookups.size < config.maxBackends;
  }

  function refuse(): false {
    log.warn(
      'no room',
      `${config.maxBackends} backends of keys are open, as SIGNALBOX_TEMPLATE_MAX_BACKENDS has it: spans of further keys are dropped as unknown_route`,
    );
    return false;
  }

  function admit(tenant: TenantExporter): boolean {
    if (idle.has(tenant)) return true;
    if (!makeRoom()) return false;
    idle.watch(tenant);
    return true;
  }

  /** A decision of long ago leads to it, and hands over a span. */
  function admitAgain(tenant: TenantExporter): boolean {
    if (idle.has(tenant)) return true;
    // An exporter made elsewhere is shut down for good.
    return !isRetired && tenant.backend.delivery.kind === 'signalbox' && admit(tenant);
  }

  function forget(tenant: TenantExporter): void {
    if (found.get(tenant.key)?.tenant === tenant) found.delete(tenant.key);
  }

  return {
    find,
    configure(next) {
      config = next;
      idle.replan();
    },
    retire() {
      isRetired = true;
      idle.replan();
      found.clear();
      misses.clear();
    },
    exporters: () => idle.all(),
    isDrained: () => asking === 0 && lookups.size === 0 && idle.all().length === 0,
    close: () => idle.close(),
  };
}

/** Without the message: it is the application's, and may quote a token or an address. */
function describe(error: unknown): string {
  if (error instanceof ConfigError) {
    return error.problems.map(({ where, what }) => `${where} ${what}`).join('; ');
  }
  return error instanceof Error ? error.name : typeof error;
}
