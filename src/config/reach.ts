import type { Route } from './resolved.js';

/** What of a backend, checked or complete, says where spans may go from it, and whether they may be there. */
export interface ReachableBackend {
  /** Its residency class. */
  readonly class?: string | undefined;
  /** Who takes over while it is down. */
  readonly standby?: string | undefined;
}

/** A backend that spans may reach. */
export interface Reached<B extends ReachableBackend> {
  readonly name: string;
  readonly backend: B;
}

/**
 * Every backend that spans of a route may ever reach, each once: shadows and those with a share too, and the standby of
 * each. What has been moved to a standby is not moved on, so that the standby's own is none.
 *
 * All checks of residency ask this function, and no other: what gives spans a further way to a backend has to be
 * followed here.
 *
 * @param backendOf - The backend of a name; `undefined` for one that is not there, or that nothing is to be said of.
 */
export function listReachable<B extends ReachableBackend>(
  route: Pick<Route, 'backends'>,
  backendOf: (name: string) => B | undefined,
): Reached<B>[] {
  const standbys = route.backends.flatMap((name) => backendOf(name)?.standby ?? []);
  return Array.from(new Set([...route.backends, ...standbys])).flatMap((name) => {
    const backend = backendOf(name);
    return backend === undefined ? [] : [{ name, backend }];
  });
}
