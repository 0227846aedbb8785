import { createLargestFirst, type LargestFirst, type Ranked } from './largest-first.js';

/** One holder's share of the budget: an exporter's queue and bodies, or the parked spans. */
export interface Account {
  /** Bytes held now, pinned ones included. */
  readonly held: number;
  /** Bytes held that can not be given back on demand, because they are being sent. */
  readonly pinned: number;
  /**
   * Most bytes that the holder should have pinned at a time: without limit while memory is plenty, and
   * its share, were there one holder more, while it is short. So most of what a hog holds can be taken
   * from it, and a newcomer finds room.
   */
  readonly pinLimit: number;
  /** Takes `bytes` of the budget, making others give way where that is fair; `false` takes nothing. */
  take(bytes: number): boolean;
  /**
   * Takes `bytes` also where the budget has not that much, for what can not be refused any more: the
   * body of spans that were admitted. What is over budget is taken back from those over their share.
   */
  force(bytes: number): void;
  /** Gives `bytes` back. */
  give(bytes: number): void;
  /** Marks `bytes` of what is held as being sent. */
  pin(bytes: number): void;
  /** Ends what `pin` began. */
  unpin(bytes: number): void;
}

/** How a holder gives way when the budget is short. */
export interface Holder {
  /**
   * Whether it has no part of what is guaranteed: it holds nothing that another would need, and is asked for all of it
   * before any other is asked for anything, what is being sent included.
   *
   * @default false
   */
  readonly givesWayFirst?: boolean;
  /**
   * Asks the holder to drop at least `bytes` of what it can still drop (not what is in flight),
   * giving them back to its account before it returns.
   */
  giveWay(bytes: number): void;
  /** Tells the holder that memory is short: it should send what it has now. Must not give way itself. */
  hurry?(): void;
}

/** The budget of bytes that queues, parked spans and bodies in flight share. */
export interface Memory {
  readonly maxBytes: number;
  /** Bytes held now by all accounts together. Over `maxBytes` only by what was forced, or held as it became less. */
  readonly usedBytes: number;
  open(holder: Holder): Account;
  /**
   * Runs `fn`, in which one holder takes, bit by bit, what another has just given. The room that is kept free
   * for newcomers is not asked of it: it was not free before either.
   */
  move(fn: () => void): void;
}

/** A budget whose size may change. */
export interface ResizableMemory extends Memory {
  /** Changes `maxBytes`. Nothing that is held is dropped for it; see {@link createMemory} for what gives way later. */
  resize(maxBytes: number): void;
}

interface Entry extends Ranked {
  readonly holder: Holder;
  held: number;
  pinned: number;
}

/**
 * Creates the budget.
 *
 * A holder's fair share is the budget divided by the number of holders that hold something, the one that
 * asks included. What is guaranteed:
 *
 * - A holder is asked to give way only while it holds more than its fair share, the largest first, and
 *   only for one that holds less. It keeps its share, but for less than one of its items.
 * - A holder that stays within its fair share is refused only when all else is pinned, or within others'
 *   fair shares. Since a holder pins no more than {@link Account.pinLimit}, but for one request each, this
 *   lasts until the requests that were started before memory was short have ended: one timeout at most.
 * - A holder that passes its fair share leaves room for a newcomer's, unless it takes the place of what
 *   a larger one gives.
 *
 * Holders that give way first count for none of that, as if what they hold were free: together they hold half of the
 * budget at the most, and only as far as nobody else needs it.
 *
 * Holders are told to hurry once per shortage, when half of the budget is taken, and again when they are
 * about to lose something. Taking and giving are O(1) in the number of holders while memory is plenty,
 * and O(log n) while it is short.
 */
export function createMemory(initialMaxBytes: number): ResizableMemory {
  let maxBytes = initialMaxBytes;
  let shortAt = maxBytes / 2;
  const nonEmpty = new Set<Entry>();
  let used = 0;
  /** Those that give way first, and what they hold together. */
  const borrowers = new Set<Entry>();
  let lent = 0;
  let isMoving = false;
  let isHurried = false;
  /** Holders with something to give, by what they hold; kept only while memory is short. */
  let givers: LargestFirst<Entry> | undefined;

  function change(entry: Entry, bytes: number): void {
    if (bytes > 0 && lent > 0) callIn(used + bytes + lent - maxBytes);
    if (entry.held === 0) nonEmpty.add(entry);
    entry.held += bytes;
    used += bytes;
    if (entry.held === 0) nonEmpty.delete(entry);
    rank(entry);
  }

  function rank(entry: Entry): void {
    if (givers === undefined) return;
    if (entry.held > entry.pinned) givers.set(entry, entry.held);
    else givers.remove(entry);
  }

  function rankAll(): LargestFirst<Entry> {
    givers = createLargestFirst();
    for (const entry of nonEmpty) rank(entry);
    return givers;
  }

  function changeLoan(entry: Entry, bytes: number): void {
    entry.held += bytes;
    lent += bytes;
    if (entry.held === 0) borrowers.delete(entry);
    else borrowers.add(entry);
  }

  /** Has those that give way first do so, the largest first. */
  function callIn(bytes: number, spared?: Entry, sparedBelow = 0): void {
    const lentAfter = lent - bytes;
    const asked = new Set<Entry>(spared === undefined ? [] : [spared]);
    while (lent > lentAfter) {
      let largest: Entry | undefined;
      for (const entry of borrowers) {
        if (!asked.has(entry) && entry.held > (largest?.held ?? sparedBelow)) largest = entry;
      }
      if (largest === undefined) return;
      asked.add(largest);
      largest.holder.giveWay(Math.min(lent - lentAfter, largest.held - sparedBelow));
    }
  }

  /** What is held on sufferance: never more than is free, nor than half. */
  function borrow(entry: Entry, bytes: number): boolean {
    const limit = Math.min(maxBytes / 2, maxBytes - used);
    const excess = lent + bytes - limit;
    if (excess > 0) callIn(excess, entry, entry.held + bytes);
    if (lent + bytes > limit) {
      entry.holder.hurry?.();
      return false;
    }
    changeLoan(entry, bytes);
    return true;
  }

  function take(entry: Entry, bytes: number): boolean {
    // Memory is plenty, as a rule. Whatever a holder's share is, half of the budget is within everybody's limit.
    if (givers === undefined && !isHurried && entry.held > 0 && used + bytes <= shortAt) {
      entry.held += bytes;
      used += bytes;
      return true;
    }
    noticeShortage(used + bytes);
    const limit = limitFor(entry, bytes);
    if (used + bytes > limit) makeRoom(entry, limit - bytes, entry.held + bytes);
    if (used + bytes > limit) {
      entry.holder.hurry?.();
      return false;
    }
    change(entry, bytes);
    return true;
  }

  /** How much may be used once `entry` has `bytes` more. */
  function limitFor(entry: Entry, bytes: number): number {
    const sharers = countSharers(entry);
    if (entry.held + bytes <= maxBytes / sharers) return maxBytes;
    if (isMoving) return maxBytes;
    return Math.max(maxBytes - maxBytes / (sharers + 1), Math.min(used, maxBytes));
  }

  function countSharers(asking: Entry): number {
    return nonEmpty.size + (asking.held === 0 ? 1 : 0);
  }

  /** Has the largest holders give way until no more than `limit` is used; those that hold `spared` are spared. */
  function makeRoom(asking: Entry, limit: number, spared: number): void {
    const ranked = givers ?? rankAll();
    while (used > limit) {
      const largest = ranked.largest();
      const share = Math.floor(maxBytes / countSharers(asking));
      if (largest === undefined || largest.held <= Math.max(share, spared)) return;
      const before = largest.held;
      largest.holder.hurry?.();
      largest.holder.giveWay(Math.ceil(Math.min(used - limit, before - share)));
      // It has nothing that it could drop: it comes back into the ranking when what it holds changes.
      if (largest.held === before) ranked.remove(largest);
    }
  }

  function noticeShortage(wanted: number): void {
    if (wanted <= shortAt) {
      givers = undefined;
      // Far below, so that a budget that hovers around the mark does not hurry everybody each time.
      if (wanted <= shortAt / 2) isHurried = false;
    } else if (!isHurried) {
      hurryAll();
    }
  }

  function hurryAll(): void {
    isHurried = true;
    for (const { holder } of nonEmpty) holder.hurry?.();
  }

  const budget: Budget = {
    take,
    force(entry, bytes) {
      change(entry, bytes);
      if (used > maxBytes) makeRoom(entry, maxBytes, 0);
    },
    give(entry, bytes) {
      change(entry, -bytes);
    },
    rank,
    pinLimit: () => (used > shortAt ? maxBytes / (nonEmpty.size + 1) : Number.POSITIVE_INFINITY),
  };

  const loans: Budget = {
    take: borrow,
    force(entry, bytes) {
      callIn(used + lent + bytes - maxBytes, entry);
      changeLoan(entry, bytes);
    },
    give: (entry, bytes) => changeLoan(entry, -bytes),
    // All of it can be given back, what is being sent too.
    rank() {},
    pinLimit: () => maxBytes / 2 / (borrowers.size + 1),
  };

  return {
    get maxBytes() {
      return maxBytes;
    },
    get usedBytes() {
      return used + lent;
    },
    move(fn) {
      const before = isMoving;
      isMoving = true;
      try {
        fn();
      } finally {
        isMoving = before;
      }
    },
    open: (holder) => new HolderAccount(holder, holder.givesWayFirst ? loans : budget),
    resize(changed) {
      maxBytes = changed;
      shortAt = maxBytes / 2;
      noticeShortage(used);
      callIn(used + lent - maxBytes);
    },
  };
}

/** What an account asks of the budget that it is a part of. */
interface Budget {
  take(entry: Entry, bytes: number): boolean;
  force(entry: Entry, bytes: number): void;
  give(entry: Entry, bytes: number): void;
  /** What the entry can give back has changed. */
  rank(entry: Entry): void;
  pinLimit(): number;
}

/** A class, so that all accounts have one shape; see the queue. */
class HolderAccount implements Account, Entry {
  rank = 0;
  held = 0;
  pinned = 0;
  readonly holder: Holder;
  readonly #budget: Budget;

  constructor(holder: Holder, budget: Budget) {
    this.holder = holder;
    this.#budget = budget;
  }

  get pinLimit(): number {
    return this.#budget.pinLimit();
  }

  take(bytes: number): boolean {
    return this.#budget.take(this, bytes);
  }

  force(bytes: number): void {
    this.#budget.force(this, bytes);
  }

  give(bytes: number): void {
    this.#budget.give(this, bytes);
  }

  pin(bytes: number): void {
    this.pinned += bytes;
    this.#budget.rank(this);
  }

  unpin(bytes: number): void {
    this.pinned -= bytes;
    this.#budget.rank(this);
  }
}
