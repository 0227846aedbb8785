import { createMemory, type Memory, type ResizableMemory } from './memory.js';

/** One processor's part in the budget of its process. */
export interface MemoryShare {
  /** The budget, shared with every other processor. */
  readonly memory: Memory;
  /** Whether another processor was configured with another maximum. */
  readonly isDisputed: boolean;
  /** Changes the maximum that this processor was configured with. */
  resize(maxBytes: number): void;
  /** The processor has settled all that it held, and its maximum counts no longer. Again it does nothing. */
  leave(): void;
}

interface Member {
  maxBytes: number;
}

/**
 * What must be one per process, and so under a name that every loaded copy of the package finds (see the routing
 * registry). The version is that of the shapes of `Memory` and of this. A worker thread, which has a heap of its own,
 * has one of its own as well.
 */
interface Shared {
  readonly memory: ResizableMemory;
  readonly members: Set<Member>;
}

const SHARED = Symbol.for('signalbox.memory.v2');

/**
 * Joins the budget of the process: the queues, parked spans and bodies of all processors together stay within it,
 * since they share one heap.
 *
 * Where processors were configured with different maxima the smallest counts for all, because each of them was to
 * keep the process below its own. Nothing is dropped as it becomes less: who holds most gives way when another one
 * needs the room.
 */
export function joinMemory(maxBytes: number): MemoryShare {
  const { memory, members } = obtain(maxBytes);
  const member = { maxBytes };

  function apply(): void {
    let least = Number.POSITIVE_INFINITY;
    for (const each of members) least = Math.min(least, each.maxBytes);
    // The last one to leave leaves the maximum as it is, to nobody.
    if (members.size > 0) memory.resize(least);
  }

  members.add(member);
  apply();
  return {
    memory,
    get isDisputed() {
      return Array.from(members).some((each) => each.maxBytes !== member.maxBytes);
    },
    resize(changed) {
      member.maxBytes = changed;
      apply();
    },
    leave() {
      members.delete(member);
      apply();
    },
  };
}

function obtain(maxBytes: number): Shared {
  const holder = globalThis as { [SHARED]?: Shared };
  holder[SHARED] ??= { memory: createMemory(maxBytes), members: new Set() };
  return holder[SHARED];
}
