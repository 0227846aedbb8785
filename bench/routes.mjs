// @ts-check
// What the route keys of a run are, and what each backend has to get of them.

import { backendName, FAN_OUT_KEY } from './subjects/subject.mjs';

/** @typedef {NonNullable<import('signalbox').SignalboxConfig['routes']>} Routes */

/**
 * The keys of a run: those of its routes, else one for each backend that is active, or one for all.
 *
 * @param {import('./load.mjs').LoadSpec} spec
 */
export function keysOf({ routes, fanOut, active, backends }) {
  if (routes !== undefined) return Object.keys(routes);
  if (fanOut === true) return [FAN_OUT_KEY];
  return Array.from({ length: active ?? backends }, (_, index) => backendName(index));
}

/**
 * The spans that each backend has to get. How many of a share there are is signalbox's own count, since it is chance; all
 * shares of a key together are what was made.
 *
 * @param {Routes} routes
 * @param {ReadonlyMap<string, number>} made spans by key
 * @param {import('signalbox').RoutingStats | undefined} stats
 */
export function sentByRoutes(routes, made, stats) {
  /** @type {Record<string, number>} */
  const sent = {};
  for (const [key, entries] of Object.entries(routes)) {
    const all = made.get(key) ?? 0;
    let shared = 0;
    for (const entry of entries) {
      const { backend, share } = typeof entry === 'string' ? { backend: entry } : entry;
      const part = share === undefined ? all : (stats?.routes[key]?.[backend]?.accepted ?? 0);
      sent[backend] = (sent[backend] ?? 0) + part;
      if (share !== undefined) shared += part;
    }
    if (stats !== undefined && shared !== 0 && shared !== all) {
      throw new Error(`the shares of ${key} have ${shared} of ${all} spans`);
    }
  }
  return sent;
}
