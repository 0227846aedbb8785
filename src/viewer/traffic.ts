import type { Clock } from '../clock.js';
import type { HeldSpan } from './held-span.js';
import type { BackendRow, FlowLink } from './messages.js';
import { createRecent, type Recent } from './recent.js';

/** What arrived at which backend. */
export interface Traffic {
  /** Counts a request; `httpStatus` is `undefined` where it got no answer. */
  request(backend: string, wireBytes: number, httpStatus: number | undefined): void;
  spans(spans: readonly HeldSpan[]): void;
  /** In the order in which they appeared. */
  backends(): BackendRow[];
  /** Spans by key and backend of the last minute; of many keys, the largest by name and the rest as one. */
  flow(): { readonly links: FlowLink[]; readonly keys: number };
  spansPerSecond(): number;
}

interface Backend {
  readonly recent: Recent;
  spans: number;
  bytes: number;
  requests: number;
  refused: number;
  lastStatus: number;
  lastAt: number;
}

interface Pair {
  readonly key: string | null;
  readonly backend: string;
  readonly recent: Recent;
}

// Paths are the senders' choice: whoever makes up a new one each time must not fill the memory.
const MAX_BACKENDS = 1_000;
const MAX_PAIRS = 5_000;

/** Between two searches for pairs that have gone quiet: not one for each span of a flood of keys. */
const TIDY_MS = 1_000;

/** How many keys the diagram has room for. */
const MAX_FLOW_KEYS = 24;

/** Spans a second are the mean of so many seconds: batches arrive every few. */
const RATE_SECONDS = 10;

/** Creates a count in which nothing has arrived. */
export function createTraffic(clock: Pick<Clock, 'now' | 'epochMs'>): Traffic {
  const backends = new Map<string, Backend>();
  const pairs = new Map<string, Pair>();
  const all = createRecent(clock);
  let nextTidyAt = 0;

  function backendOf(name: string): Backend {
    const known = backends.get(name);
    if (known !== undefined) return known;
    if (backends.size >= MAX_BACKENDS) {
      const [quietest] = [...backends].reduce((a, b) => (b[1].lastAt < a[1].lastAt ? b : a));
      backends.delete(quietest);
    }
    const backend: Backend = {
      recent: createRecent(clock),
      spans: 0,
      bytes: 0,
      requests: 0,
      refused: 0,
      lastStatus: 0,
      lastAt: 0,
    };
    backends.set(name, backend);
    return backend;
  }

  function pairOf(key: string | null, backend: string): Pair {
    const id = JSON.stringify([key, backend]);
    const known = pairs.get(id);
    if (known !== undefined) return known;
    if (pairs.size >= MAX_PAIRS && clock.now() >= nextTidyAt) {
      nextTidyAt = clock.now() + TIDY_MS;
      forgetQuietPairs();
    }
    // Still full: a minute with so many keys has no names in it any more. Backends are bounded above.
    if (pairs.size >= MAX_PAIRS && key !== null) return pairOf(null, backend);
    const pair: Pair = { key, backend, recent: createRecent(clock) };
    pairs.set(id, pair);
    return pair;
  }

  function forgetQuietPairs(): void {
    for (const [id, { recent }] of pairs) {
      if (recent.total() === 0) pairs.delete(id);
    }
  }

  return {
    request(name, wireBytes, httpStatus) {
      const backend = backendOf(name);
      backend.requests += 1;
      backend.bytes += wireBytes;
      backend.lastStatus = httpStatus ?? 0;
      backend.lastAt = clock.epochMs();
      if (httpStatus === undefined || httpStatus >= 300) backend.refused += 1;
    },
    spans(spans) {
      all.add(spans.length);
      for (const { backend: name, key } of spans) {
        const backend = backendOf(name);
        backend.spans += 1;
        backend.recent.add(1);
        pairOf(key, name).recent.add(1);
      }
    },
    backends() {
      return [...backends].map(([name, { recent, ...counts }]) => ({
        name,
        ...counts,
        perSecond: recent.perSecond(),
        spansPerSecond: recent.rate(RATE_SECONDS),
      }));
    },
    flow() {
      forgetQuietPairs();
      const links = [...pairs.values()].map(({ key, backend, recent }) => ({
        key,
        backend,
        spans: recent.total(),
      }));
      return { links: mergeSmallKeys(links), keys: new Set(links.map(({ key }) => key)).size };
    },
    spansPerSecond: () => all.rate(RATE_SECONDS),
  };
}

/** Names the keys with the most spans, and adds the others up under `null`. */
function mergeSmallKeys(links: readonly FlowLink[]): FlowLink[] {
  const spansOf = new Map<string | null, number>();
  for (const { key, spans } of links) spansOf.set(key, (spansOf.get(key) ?? 0) + spans);
  const named = new Set(
    [...spansOf]
      .filter(([key]) => key !== null)
      .sort((a, b) => b[1] - a[1])
      .slice(0, MAX_FLOW_KEYS)
      .map(([key]) => key),
  );
  const merged = new Map<string, FlowLink>();
  for (const { key: own, backend, spans } of links) {
    const key = named.has(own) ? own : null;
    const id = JSON.stringify([key, backend]);
    merged.set(id, { key, backend, spans: spans + (merged.get(id)?.spans ?? 0) });
  }
  return [...merged.values()].sort((a, b) => b.spans - a.spans);
}
