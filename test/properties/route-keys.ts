import fc from 'fast-check';
import type { Key } from './model.js';

const valid = (given: string): Key => ({ given, valid: true });
const invalid = (given: unknown): Key => ({ given, valid: false });

/** A key with all that the grammar allows, and longer than a hostile limit of lengths. */
export const LONG_KEY = 'eu:tenants/acme.corp-1_x';

const keys: readonly Key[] = [
  valid('acme'),
  valid('globex'),
  valid('initech'),
  valid('a'),
  valid('b'),
  valid('c'),
  valid(LONG_KEY),
  valid('nobody'),
  valid('constructor'),
  valid('x'.repeat(128)),
  invalid('x'.repeat(129)),
  invalid(''),
  invalid('acme '),
  invalid('-acme'),
  invalid('acme\n'),
  invalid('ácme'),
  invalid('__proto__'),
  invalid(undefined),
  invalid(42),
];

/** Mostly keys that lead somewhere; all the others that the grammar has a word on. */
export const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...keys.slice(0, 3)) },
  { weight: 4, arbitrary: fc.constantFrom(...keys) },
);
