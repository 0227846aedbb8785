import type { SentRequest } from './sent-requests.js';

/** What was sent to one backend with one outcome. */
export interface RequestTally {
  readonly backend: string;
  readonly status: SentRequest['status'];
  requests: number;
  durationMs: number;
}

/** The bytes of one backend. */
export interface ByteTally {
  /** Of spans that have left its queue, encoded and not compressed. */
  accepted: number;
  /** Of bodies that it acknowledged, as they were sent. */
  delivered: number;
}

/** Sums over what exporters did, since the start, by the names that backends may be told under. */
export interface Tallies {
  addRequest(request: SentRequest): void;
  addAccepted(backend: string, bytes: number): void;
  requests(): Iterable<RequestTally>;
  bytes(): ReadonlyMap<string, Readonly<ByteTally>>;
}

/** Starts with nothing. */
export function createTallies(): Tallies {
  const requests = new Map<string, RequestTally>();
  const bytes = new Map<string, ByteTally>();

  function bytesOf(backend: string): ByteTally {
    let tally = bytes.get(backend);
    if (tally === undefined) {
      tally = { accepted: 0, delivered: 0 };
      bytes.set(backend, tally);
    }
    return tally;
  }

  return {
    addRequest({ backend, status, durationMs, bytes: sent }) {
      const key = `${backend} ${status}`;
      let tally = requests.get(key);
      if (tally === undefined) {
        tally = { backend, status, requests: 0, durationMs: 0 };
        requests.set(key, tally);
      }
      tally.requests += 1;
      tally.durationMs += durationMs;
      if (status === 'success') bytesOf(backend).delivered += sent;
    },
    addAccepted(backend, count) {
      bytesOf(backend).accepted += count;
    },
    requests: () => requests.values(),
    bytes: () => bytes,
  };
}
