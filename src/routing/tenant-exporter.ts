import type { ExporterLedger } from '../accounting/ledger.js';
import type { Backend } from '../config/resolved.js';
import type { Deadline } from '../deadline.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import type { ClosingReason, Exporter } from '../exporter/exporter.js';
import type { SequenceRanges } from '../exporter/sequence-ranges.js';
import type { OpenBackend } from './idle-closer.js';
import type { RouteDestination } from './table.js';

/** What one key's exporter asks of those who keep it. */
export interface TenantKeeper {
  /** Opens the backend's exporter, and its ledger. */
  open(backend: Backend): OpenBackend;
  /** Told of the ledger of an exporter that is closed. */
  retire(ledger: ExporterLedger): void;
  /** A span comes for an exporter that is closed: whether it may be opened again. */
  admit(tenant: TenantExporter): boolean;
}

/**
 * The exporter of one key's backend: opened by its first span, closed when it is idle, and opened again by its next one.
 * A decision that leads to it outlives all of these.
 *
 * A class, so that thousands share its methods.
 */
export class TenantExporter implements Exporter {
  /** The route key. */
  readonly key: string;
  readonly backend: Backend;
  readonly role = 'primary';
  /** What is watched of it: all that is opened for the key, one after the other. */
  readonly exporter = this;
  readonly destination: RouteDestination;
  readonly #keeper: TenantKeeper;
  #opened: OpenBackend | undefined;
  /** Those that were opened before, and are being closed. */
  readonly #closing = new Set<OpenBackend>();
  /** What the sequence numbers of the one that is open begin with: none is given twice. */
  #firstSequence = 0;
  /** Of spans that come while it may not be opened. */
  #refused: ExporterLedger | undefined;

  constructor(key: string, backend: Backend, keeper: TenantKeeper) {
    this.key = key;
    this.backend = backend;
    this.destination = {
      routeKey: key,
      exporters: [this],
      backends: [backend.name],
      choose: undefined,
      lane: undefined,
      classes: [backend.class],
      rerooting: backend.reroot ? new Map([[this, backend]]) : undefined,
    };
    this.#keeper = keeper;
  }

  get name(): string {
    return this.backend.name;
  }

  /** What an idle closer counts by. */
  get ledger(): { readonly accepted: number; readonly unsettled: number } {
    return this.#opened?.ledger ?? NOTHING;
  }

  oldestQueuedAtMs(): number | undefined {
    const open = [...this.#closing, ...(this.#opened === undefined ? [] : [this.#opened])];
    const times = open.flatMap(({ exporter }) => exporter.oldestQueuedAtMs() ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  accept(span: RoutedSpan): number {
    if (this.#opened === undefined) {
      if (!this.#keeper.admit(this)) return this.#refuse();
      this.#opened = this.#keeper.open(this.backend);
    }
    const sequence = this.#opened.exporter.accept(span);
    return sequence < 0 ? sequence : this.#firstSequence + sequence;
  }

  async settle(ranges: Readonly<SequenceRanges>, deadline: Promise<void>): Promise<boolean> {
    if (this.#opened === undefined) return true;
    // What those took that were closed since then is settled.
    const own = ranges.map((sequence) => Math.max(0, sequence - this.#firstSequence));
    return this.#opened.exporter.settle(own, deadline);
  }

  async flush(deadline?: Promise<void>): Promise<boolean> {
    return this.#opened === undefined || this.#opened.exporter.flush(deadline);
  }

  async shutdown(deadline: Deadline, reason?: ClosingReason): Promise<void> {
    if (reason === 'backend_removed') await this.#closeOpened(deadline);
    else await this.#end(deadline);
  }

  async #closeOpened(deadline: Deadline): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    this.#firstSequence += opened.ledger.accepted;
    this.#closing.add(opened);
    await opened.exporter.shutdown(deadline, 'backend_removed');
    this.#closing.delete(opened);
    this.#keeper.retire(opened.ledger);
  }

  /** At the end of the processor what is open stays, so that nothing can open it again. */
  async #end(deadline: Deadline): Promise<void> {
    const open = [...this.#closing, ...(this.#opened === undefined ? [] : [this.#opened])];
    await Promise.all(open.map(({ exporter }) => exporter.shutdown(deadline)));
  }

  #refuse(): number {
    if (this.#refused === undefined) {
      this.#refused = this.#keeper.open(this.backend).ledger;
      this.#keeper.retire(this.#refused);
    }
    this.#refused.accept();
    this.#refused.drop('backend_removed', 1, 'queued');
    return -1;
  }
}

const NOTHING = { accepted: 0, unsettled: 0 };
