import type { ExporterLedger } from '../accounting/ledger.js';
import type { Cancel, Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { startDeadline } from '../deadline.js';
import type { Exporter } from '../exporter/exporter.js';

/** A backend, and what has been opened for it. */
export interface OpenBackend {
  readonly backend: Backend;
  readonly exporter: Exporter;
  readonly ledger: ExporterLedger;
}

/** What can be watched: a backend, its exporter, how many spans that was handed, and how many it has on disk. */
export interface Watched {
  readonly backend: Pick<Backend, 'retryMaxElapsedMs' | 'timeoutMs'>;
  readonly exporter: Pick<Exporter, 'settle' | 'shutdown'>;
  readonly ledger: Pick<ExporterLedger, 'accepted' | 'spooled'>;
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
  /** Closes its exporter once no span has come for the idle time and what it holds is settled. */
  watch(open: T): void;
  /** Watches it no more. */
  release(open: T): void;
  /** Whether it is watched. */
  has(open: T): boolean;
  /** What is watched. */
  watched(): Iterable<T>;
  /** How many are watched or being closed; one that is both counts twice. */
  readonly size: number;
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
}

/** Every sequence number that an exporter ever gives. */
const EVERY_SPAN = [0, Number.MAX_SAFE_INTEGER];

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
      const { accepted, spooled } = open.ledger;
      // What is on disk is sent by nobody else while this process lives.
      if (accepted !== quiet.accepted || spooled > 0) {
        quiet.accepted = accepted;
        quiet.sinceMs = nowMs;
      } else if (nowMs - quiet.sinceMs >= idleMs() && !quiet.isSettling) {
        quiet.isSettling = true;
        void settle(open, quiet);
      }
    }
    scheduleLook();
  }

  async function settle(open: T, quiet: Quiet): Promise<void> {
    const { backend, exporter } = open;
    // What is retried is dropped by then. An exporter made elsewhere that never calls back keeps its spans longer.
    const patienceMs = backend.retryMaxElapsedMs + backend.timeoutMs;
    const patience = startDeadline(clock, patienceMs, false);
    const isSettled = await exporter.settle(EVERY_SPAN, patience.passed);
    patience.cancel();
    quiet.isSettling = false;
    const isUsed = open.ledger.accepted !== quiet.accepted;
    if (isUsed || isOver || watched.get(open) !== quiet) return;
    watched.delete(open);
    closing.add(open);
    onClosing(open);
    const grace = startDeadline(clock, isSettled ? backend.timeoutMs : 0, false);
    await exporter.shutdown(grace.passed, 'backend_removed');
    grace.cancel();
    closing.delete(open);
    onClosed(open);
  }

  return {
    watch(open) {
      const { accepted } = open.ledger;
      watched.set(open, { accepted, sinceMs: clock.now(), isSettling: false });
      scheduleLook();
    },
    release(open) {
      watched.delete(open);
    },
    has: (open) => watched.has(open),
    get size() {
      return watched.size + closing.size;
    },
    watched: () => watched.keys(),
    all: () => [...watched.keys(), ...closing],
    close() {
      isOver = true;
      cancelTimer?.();
    },
  };
}
