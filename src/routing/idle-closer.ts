import type { ExporterLedger } from '../accounting/ledger.js';
import type { Cancel, Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { startDeadline } from '../deadline.js';
import type { Exporter } from '../exporter/exporter.js';

/** A backend, and what has been opened for it. */
export interface OpenBackend {
  /** As it is configured. */
  readonly backend: Backend;
  readonly exporter: Exporter;
  readonly ledger: ExporterLedger;
}

/** What can be watched: a backend, its exporter, how many spans that was handed, and how many it still has. */
export interface Watched {
  readonly backend: Pick<
    Backend,
    'retryMaxElapsedMs' | 'timeoutMs' | 'authGraceMs' | 'credentials' | 'spool'
  >;
  readonly exporter: Pick<Exporter, 'settle' | 'shutdown'>;
  readonly ledger: Pick<ExporterLedger, 'accepted' | 'unsettled'>;
}

/**
 * How long a backend that was removed stays open after its last span.
 *
 * A minute: requests that were decided before it was removed still hand it their spans, and few of them take longer
 * from one span to the next.
 */
export const LINGER_MS = 60_000;

/** Closes the exporters that nobody hands spans to any more. */
export interface IdleCloser<T extends Watched> {
  /**
   * Closes its exporter once no span has come for the idle time and what it holds is settled. One that has files on
   * disk is not idle: nobody else would send them.
   */
  watch(open: T): void;
  /** Watches it no more. */
  release(open: T): void;
  /** Whether it is watched. */
  has(open: T): boolean;
  /** What is watched. */
  watched(): Iterable<T>;
  /** How many are watched or being closed; one that is both counts twice, and one that gives way not at all. */
  readonly size: number;
  /** How many would be idle, but for their files. */
  countResting(): number;
  /**
   * Closes one that would be idle, but for its files, as its place is needed: the one that no span has come to for the
   * longest time. Its files wait for the next one of the same backend.
   *
   * @returns `false` where there is none.
   */
  giveWay(): boolean;
  /** The idle time has changed. */
  replan(): void;
  /** What is watched, and what is being closed: it may still hold spans. */
  all(): T[];
  /** Stops watching. */
  close(): void;
}

/** What an idle closer depends on. */
export interface IdleCloserOptions<T extends Watched> {
  /** How long no span must have come, at least. */
  readonly idleMs: () => number;
  readonly clock: Clock;
  /** No span is to be handed to it any more: one that is, is dropped. */
  readonly onClosing: (open: T) => void;
  /** Its connections are closed. */
  readonly onClosed: (open: T) => void;
}

/** What was seen of a backend when its last span was noticed. */
interface Quiet {
  accepted: number;
  sinceMs: number;
  isSettling: boolean;
  /** It was settled since then, and what it holds is on disk. */
  isResting: boolean;
}

/** Every sequence number that an exporter ever gives. */
const EVERY_SPAN = [0, Number.MAX_SAFE_INTEGER];

/** How many may give way at the same time: a disk that hangs must not have them pile up. */
const MAX_LEAVING = 100;

/** How often the exporters are looked at within the idle time: they close at most a quarter of it late. */
const LOOKS = 4;

/**
 * Creates an idle closer.
 *
 * A decision keeps the exporters that it leads to, and nobody can say when it will hand over its last span: a timer that
 * a request left behind may end one hours later. To count the decisions would cost each span. So an exporter is looked
 * at now and then, and closed when its count of spans stands still: by one timer for all of them, which does not keep the
 * process alive.
 */
export function createIdleCloser<T extends Watched>(options: IdleCloserOptions<T>): IdleCloser<T> {
  const { idleMs, clock, onClosing, onClosed } = options;
  const watched = new Map<T, Quiet>();
  const closing = new Set<T>();
  let leaving = 0;
  let cancelTimer: Cancel | undefined;
  let isOver = false;

  function scheduleLook(): void {
    if (cancelTimer !== undefined || watched.size === 0 || isOver) return;
    cancelTimer = clock.schedule(look, idleMs() / LOOKS);
  }

  function look(): void {
    cancelTimer = undefined;
    const nowMs = clock.now();
    for (const [open, quiet] of watched) {
      const { accepted, unsettled } = open.ledger;
      if (accepted !== quiet.accepted) {
        quiet.accepted = accepted;
        quiet.sinceMs = nowMs;
        quiet.isResting = false;
        continue;
      }
      // What is on disk is sent by nobody else while this process lives.
      const isBusy = quiet.isSettling || (quiet.isResting && unsettled > 0);
      if (!isBusy && nowMs - quiet.sinceMs >= idleMs()) {
        quiet.isSettling = true;
        void settle(open, quiet);
      }
    }
    scheduleLook();
  }

  async function settle(open: T, quiet: Quiet): Promise<void> {
    const { backend, exporter } = open;
    const patience = startDeadline(clock, patienceFor(backend), false);
    const isSettled = await exporter.settle(EVERY_SPAN, patience.passed);
    patience.cancel();
    quiet.isSettling = false;
    if (isUsed(open, quiet) || isOver || watched.get(open) !== quiet) return;
    // Nothing is in memory any more, so that it is in files, or on its way from one.
    quiet.isResting = isSettled && open.ledger.unsettled > 0;
    // With a spool what does not settle in all that time waits for a disk that hangs; it may have files as well.
    if (quiet.isResting || (!isSettled && backend.spool !== undefined)) return;
    await shutDown(open, isSettled ? backend.timeoutMs : 0);
  }

  async function shutDown(open: T, timeoutMs: number): Promise<void> {
    watched.delete(open);
    closing.add(open);
    onClosing(open);
    const deadline = startDeadline(clock, timeoutMs, false);
    await open.exporter.shutdown(deadline, 'backend_removed');
    deadline.cancel();
    closing.delete(open);
    onClosed(open);
  }

  function isUsed({ ledger }: T, { accepted }: Quiet): boolean {
    return ledger.accepted !== accepted;
  }

  function canGiveWay(open: T, quiet: Quiet): boolean {
    return quiet.isResting && !isUsed(open, quiet);
  }

  function giveWay(): boolean {
    let found: T | undefined;
    let beforeMs = Number.POSITIVE_INFINITY;
    for (const [open, quiet] of watched) {
      if (!canGiveWay(open, quiet) || quiet.sinceMs >= beforeMs) continue;
      found = open;
      beforeMs = quiet.sinceMs;
    }
    if (found === undefined || leaving >= MAX_LEAVING) return false;
    leaving += 1;
    void shutDown(found, found.backend.timeoutMs).then(() => {
      leaving -= 1;
    });
    return true;
  }

  return {
    watch(open) {
      const { accepted } = open.ledger;
      const sinceMs = clock.now();
      watched.set(open, { accepted, sinceMs, isSettling: false, isResting: false });
      scheduleLook();
    },
    release(open) {
      watched.delete(open);
    },
    has: (open) => watched.has(open),
    get size() {
      return watched.size + closing.size - leaving;
    },
    countResting() {
      let count = 0;
      for (const [open, quiet] of watched) if (canGiveWay(open, quiet)) count += 1;
      return count;
    },
    giveWay,
    replan() {
      cancelTimer?.();
      cancelTimer = undefined;
      scheduleLook();
    },
    watched: () => watched.keys(),
    all: () => [...watched.keys(), ...closing],
    close() {
      isOver = true;
      cancelTimer?.();
    },
  };
}

/**
 * How long a backend that is quiet may take to settle what it holds: what is retried, or waits for other credentials, is
 * dropped or on disk by then. An exporter made elsewhere that never calls back keeps its spans longer.
 */
function patienceFor(backend: Watched['backend']): number {
  const { retryMaxElapsedMs, timeoutMs, authGraceMs, credentials } = backend;
  return retryMaxElapsedMs + timeoutMs + (credentials === undefined ? 0 : authGraceMs);
}
