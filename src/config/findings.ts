import type { ConfigProblem } from './error.js';

/**
 * Names the place of a setting for messages, from its path in code: `['backends', 'acme', 'timeoutMs']`
 * becomes a variable's name, or `file:line path`, or `backends.acme.timeoutMs`.
 */
export type Where = (path: readonly string[]) => string;

/** Collects what is wrong with a configuration, so that all of it is told at once. */
export interface Findings {
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly string[];
  /** What makes the configuration unusable. None of the arguments may hold a secret. */
  problem(where: string, what: string, hint: string): void;
  /** What deserves a word and is no problem. None of the arguments may hold a secret. */
  warn(where: string, what: string, hint: string): void;
  /** Whether this place has a problem already, so that what follows from it need not be told too. */
  has(where: string): boolean;
}

/** Starts a collection. */
export function createFindings(): Findings {
  const problems: ConfigProblem[] = [];
  const warnings = new Set<string>();
  const places = new Set<string>();
  return {
    problems,
    get warnings() {
      return [...warnings];
    },
    problem(where, what, hint) {
      places.add(where);
      problems.push({ where, what, hint });
    },
    warn(where, what, hint) {
      // A variable that serves many backends is told of once.
      warnings.add(`${where}: ${what} (${hint})`);
    },
    has: (where) => places.has(where),
  };
}

/** What is wrong with one value, before it is known where the value stands. */
export interface Fault {
  readonly what: string;
  readonly hint: string;
}

/**
 * A name as it may stand in a message: names are shown, so that a typing error is found, but only while
 * they look like one, since what stands in a name's place by mistake may be anything.
 */
export function shown(name: string): string {
  return /^[\w.:/-]{1,128}$/.test(name) ? name : '(a name of other characters)';
}

/**
 * A path as it may stand in a message: shown, so that a wrong folder is seen, but only while it begins like one.
 * Where a path is asked for, keys and whole PEM texts are pasted by mistake.
 */
export function shownPath(path: string): string {
  const isPath = /^(?:\.{0,2}\/|~\/|[a-z]:[\\/])[\w./\\:~@ -]{0,256}$/i.test(path);
  return isPath ? JSON.stringify(path) : 'a file (not shown, as it does not begin like a path)';
}

/**
 * A route key, or a name in a route, as it may stand in a message: none is a secret, so that one which no
 * {@link shown} name looks like is quoted, in printable characters and cut short.
 */
export function shownKey(key: string): string {
  if (shown(key) === key) return key;
  const quoted = JSON.stringify(key.slice(0, 40)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return quoted.length <= 40 ? quoted : `${quoted.slice(0, 39)}...`;
}
