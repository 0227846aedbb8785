import type { KeyTally } from '../accounting/key-tallies.js';
import type { Clock } from '../clock.js';
import type { RouteLane } from '../encoding/routed-span.js';
import { createQueue, type Queue } from './queue.js';
import type { Run } from './run.js';
import type { SequenceRanges } from './sequence-ranges.js';

/** Spans of one backend that travel apart from its others': no batch has spans of two lanes. */
export interface Lane {
  /** What counts in place of the backend's own parent; `undefined` for that one. */
  readonly parent: string | undefined;
  /** The route key that is counted; `undefined` counts none. */
  readonly countedKey: string | undefined;
  /** What is counted of it. */
  readonly tally: KeyTally | undefined;
  /** Whether its spans were another backend's, for which this one stands by. */
  readonly isGuest: boolean;
  readonly queue: Queue;
}

/** The lanes of one exporter: one, unless routes have parents of their own, or are counted by key. */
export interface Lanes {
  /** Where every span belongs that no other lane is for. */
  readonly own: Lane;
  /** The lane of a route, which is opened where it is not. */
  of(route: RouteLane): Lane;
  /** All that are open, the own one first. */
  all(): Iterable<Lane>;
  /** How many spans are queued in all of them. */
  readonly size: number;
  /** The oldest run of all. */
  readonly oldest: Run | undefined;
  /** The lane that holds it. */
  oldestLane(): Lane | undefined;
  /** The lane that holds the most bytes. */
  largestLane(): Lane;
  /** How many queued spans have one of these sequence numbers. */
  countIn(ranges: Readonly<SequenceRanges>): number;
  /** Forgets a lane that holds nothing, but for the own one. */
  close(lane: Lane): void;
}

/** What lanes are made of. */
export interface LanesOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Whether the backend tells parents apart. */
  readonly hasParents: boolean;
  /** Opens the count of a route key at this backend. */
  readonly tallyOf: (routeKey: string) => KeyTally;
}

/** Creates the lanes of one exporter, with the own one open. */
export function createLanes(options: LanesOptions): Lanes {
  return new ExporterLanes(options);
}

/** A class for the reason that the queue is one. */
class ExporterLanes implements Lanes {
  readonly own: Lane;
  readonly #options: LanesOptions;
  #others: Map<RouteLane, Lane> | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.own = createLane(options, {});
  }

  of(route: RouteLane): Lane {
    const found = this.#others?.get(route);
    if (found !== undefined) return found;
    const parent = this.#options.hasParents ? route.parent : undefined;
    const { countedKey, isGuest = false } = route;
    if (parent === undefined && countedKey === undefined && !isGuest) return this.own;
    const lane = createLane(this.#options, { parent, countedKey, isGuest });
    this.#others ??= new Map();
    this.#others.set(route, lane);
    return lane;
  }

  *all(): Iterable<Lane> {
    yield this.own;
    if (this.#others !== undefined) yield* this.#others.values();
  }

  get size(): number {
    let size = 0;
    for (const { queue } of this.all()) size += queue.size;
    return size;
  }

  get oldest(): Run | undefined {
    return this.oldestLane()?.queue.oldest;
  }

  oldestLane(): Lane | undefined {
    let found: Lane | undefined;
    let first = Number.POSITIVE_INFINITY;
    for (const lane of this.all()) {
      const sequence = lane.queue.oldest?.sequence ?? Number.POSITIVE_INFINITY;
      if (sequence >= first) continue;
      found = lane;
      first = sequence;
    }
    return found;
  }

  largestLane(): Lane {
    let found = this.own;
    for (const lane of this.all()) if (lane.queue.bytes > found.queue.bytes) found = lane;
    return found;
  }

  countIn(ranges: Readonly<SequenceRanges>): number {
    let count = 0;
    for (const { queue } of this.all()) count += queue.countIn(ranges);
    return count;
  }

  close(lane: Lane): void {
    if (this.#others === undefined) return;
    for (const [route, open] of this.#others) if (open === lane) this.#others.delete(route);
  }
}

function createLane(
  { clock, tallyOf }: LanesOptions,
  { parent, countedKey, isGuest = false }: Partial<RouteLane>,
): Lane {
  const tally = countedKey === undefined ? undefined : tallyOf(countedKey);
  return { parent, countedKey, tally, isGuest, queue: createQueue(clock) };
}
