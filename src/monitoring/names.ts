import { boundedName, DYNAMIC } from '../accounting/health.js';

/** Under which names backends are told of. */
export interface Names {
  /** The name of a backend, or the one that stands for all of its kind. */
  of(backend: string): string;
  /** The same for what may be no backend's name at all; `undefined` for that. */
  find(word: string): string | undefined;
}

/** How many backends are told of one by one: each makes some twenty data points a minute at the receiver. */
const MAX_NAMES = 1_000;

/** What stands for the backends beyond those. No backend can have this name. */
const OTHERS = '(others)';

/**
 * Creates the names of one processor's backends.
 *
 * @param isConfigured - Whether the configuration has a backend of the name.
 */
export function createNames(isConfigured: (name: string) => boolean): Names {
  const given = new Set<string>();

  function of(backend: string): string {
    const name = boundedName(backend);
    if (given.has(name)) return name;
    if (given.size >= MAX_NAMES) return OTHERS;
    given.add(name);
    return name;
  }

  return {
    of,
    find(word) {
      if (isConfigured(word)) return of(word);
      return boundedName(word) === DYNAMIC && word.startsWith('template/') ? DYNAMIC : undefined;
    },
  };
}
