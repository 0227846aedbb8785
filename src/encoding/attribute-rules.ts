import type { AttributeView } from '../config/resolved.js';
import { createGlobMatcher } from './glob.js';
import { truncateValue } from './truncate.js';
import { createValueHash } from './value-hash.js';

/**
 * What becomes of an attribute: it is omitted, or another value is written in the place of its own. That may throw, for
 * a value that could not be encoded either.
 */
export type AttributeRule = 'omit' | ((value: unknown) => unknown);

/** Finds the rule for a name; `undefined` for an attribute that is written as it is. */
export type FindRule = (name: string) => AttributeRule | undefined;

/** Leaves every attribute as it is. */
export const NO_RULE: FindRule = () => undefined;

/**
 * Creates the function that finds what becomes of an attribute at a backend. It goes through all globs: keep what it
 * finds.
 *
 * What is dropped is not hashed, and what is hashed is not truncated; of several limits the least counts.
 */
export function createAttributeRules(view: AttributeView | undefined): FindRule {
  if (view === undefined) return NO_RULE;
  const isDropped = createGlobMatcher(view.drop);
  const isHashed = createGlobMatcher(view.hash?.attributes ?? []);
  const hash = view.hash && createValueHash(view.hash.key);
  const limits = Object.entries(view.truncate).map(([glob, maxCharacters]) => ({
    matches: createGlobMatcher([glob]),
    maxCharacters,
  }));
  return (name) => {
    if (isDropped(name)) return 'omit';
    if (hash !== undefined && isHashed(name)) return hash;
    const fitting = limits.filter(({ matches }) => matches(name));
    if (fitting.length === 0) return undefined;
    const least = Math.min(...fitting.map(({ maxCharacters }) => maxCharacters));
    return (value) => truncateValue(value, least);
  };
}

/** The same, with the attributes of these names omitted. */
export function omitting(names: readonly string[], findRule: FindRule): FindRule {
  return (name) => (names.includes(name) ? 'omit' : findRule(name));
}
