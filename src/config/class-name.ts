/**
 * Whether `name` can name a residency class: 1 to 64 lower-case letters, digits, `-` and `_`, beginning with a letter or
 * digit.
 *
 * The grammar of backends' names in lower case alone, since `EU` and `eu` would be two classes that nothing keeps apart.
 */
export function isClassName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name);
}

/** What the names of classes are made of, for hints. */
export const classNameHint =
  '1 to 64 lower-case letters, digits, "-" and "_", beginning with a letter or digit';
