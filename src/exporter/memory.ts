/** One holder's share of the budget: an exporter's queue and bodies, or the parked spans. */
export interface Account {
  /** Bytes held now. */
  readonly held: number;
  /** Takes `bytes` of the budget, making others give way where that is fair; `false` takes nothing. */
  take(bytes: number): boolean;
  /** Gives `bytes` back. */
  give(bytes: number): void;
}

/** How a holder gives way when the budget is short. */
export interface Holder {
  /**
   * Asks the holder to drop at least `bytes` of what it can still drop (not what is in flight),
   * giving them back to its account before it returns.
   */
  giveWay(bytes: number): void;
  /** Tells the holder that memory is short: it should send what it has now. Must not give way itself. */
  hurry?(): void;
}

/** The budget of bytes that all queues, parked spans and bodies in flight of one processor share. */
export interface Memory {
  readonly maxBytes: number;
  open(holder: Holder): Account;
}
