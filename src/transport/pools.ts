import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import type { Backend } from '../config/resolved.js';
import { type ConnectionOptions, type Connections, createConnections } from './connections.js';

/** One backend's connections, which are replaced when its certificates change. */
export interface Pools {
  /** What carries the next request; made when it is first asked for. */
  readonly dispatcher: Dispatcher;
  /**
   * Makes a fresh set of connections, with TLS sessions of their own, for the requests to come. Those under way end
   * on the connections they have, which are closed then.
   */
  readonly replace: (tls: Backend['tls']) => void;
  /** Closes all connections, those that are about to be closed too. */
  destroy(): Promise<void>;
}

/**
 * Creates a backend's connections; nothing is opened before the first request.
 *
 * @param lookup Finds the addresses of the backend's host; Node's own by default.
 */
export function createPools(
  origin: string,
  options: ConnectionOptions,
  lookup?: LookupFunction,
): Pools {
  const retired = new Set<Connections>();
  let { tls } = options;
  let current: Connections | undefined;

  async function retire(connections: Connections): Promise<void> {
    retired.add(connections);
    try {
      await connections.retire();
    } catch {
      // It was destroyed meanwhile: there is nothing left to close.
    }
    retired.delete(connections);
  }

  return {
    get dispatcher() {
      current ??= createConnections(origin, { ...options, tls }, lookup);
      return current.dispatcher;
    },
    replace(next) {
      tls = next;
      if (current !== undefined) void retire(current);
      current = undefined;
    },
    async destroy() {
      const all = current === undefined ? [...retired] : [current, ...retired];
      await Promise.all(all.map((connections) => connections.destroy()));
    },
  };
}
