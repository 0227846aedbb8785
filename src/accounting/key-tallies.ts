/** What became of one route key's copies at one backend. */
export interface KeyTally {
  /** Copies handed to the exporter. */
  accepted: number;
  /** Copies that the backend acknowledged. */
  delivered: number;
  /** Copies lost, for whatever reason. */
  dropped: number;
  /** Copies taken over from a backend that this one stands by for. */
  movedIn: number;
  /** Copies that the backend's standby has taken over, or that were left on disk for others. */
  movedOut: number;
}

/** Counts by route key and backend, for routes that are counted so. */
export interface KeyTallies {
  /** The count of a key at a backend, from 0 where there was none. */
  of(routeKey: string, backend: string): KeyTally;
  /** The count of a key at a backend, where there is one. */
  find(routeKey: string, backend: string): KeyTally | undefined;
  /** A copy of every count. */
  snapshot(): Record<string, Record<string, Readonly<KeyTally>>>;
  /** Every count, as it stands. */
  entries(): Iterable<readonly [routeKey: string, backend: string, tally: Readonly<KeyTally>]>;
}

/** Starts with no counts. There are as many as configured keys of routes that are counted, times their backends. */
export function createKeyTallies(): KeyTallies {
  const byKey = new Map<string, Map<string, KeyTally>>();

  function* entries() {
    for (const [key, byBackend] of byKey) {
      for (const [backend, tally] of byBackend) yield [key, backend, tally] as const;
    }
  }

  return {
    of(routeKey, backend) {
      const byBackend = byKey.get(routeKey) ?? new Map<string, KeyTally>();
      const tally = byBackend.get(backend) ?? {
        accepted: 0,
        delivered: 0,
        dropped: 0,
        movedIn: 0,
        movedOut: 0,
      };
      byBackend.set(backend, tally);
      byKey.set(routeKey, byBackend);
      return tally;
    },
    find: (routeKey, backend) => byKey.get(routeKey)?.get(backend),
    snapshot() {
      const routes: Record<string, Record<string, KeyTally>> = {};
      for (const [key, backend, tally] of entries()) {
        routes[key] = { ...routes[key], [backend]: { ...tally } };
      }
      return routes;
    },
    entries,
  };
}
