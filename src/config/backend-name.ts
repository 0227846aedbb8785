/**
 * Whether `name` can name a backend: 1 to 64 letters, digits, `-` and `_`, beginning with a letter or digit.
 *
 * Such a name is a route key as it stands, and a part of a variable's name in upper case with `-` as `_`.
 */
export function isBackendName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name);
}

/** What the names of backends are made of, for hints. */
export const backendNameHint =
  '1 to 64 letters, digits, "-" and "_", beginning with a letter or digit';

/** The part of its variables' names that stands for a backend. */
export function variablePart(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
