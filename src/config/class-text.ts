import type { ParsedList } from './text.js';

/** Groups of names: `name|name`, separated by commas. Which names are right is the schema's to say. */
export function parseGroups(text: string): ParsedList<readonly (readonly string[])[]> {
  return { value: text.split(',').map(parseGroup), faults: [] };
}

/** One group of {@link parseGroups}. */
export function parseGroup(text: string): readonly string[] {
  return text.split('|').map((name) => name.trim());
}

/** Groups in the form that {@link parseGroups} reads; text, such as that of a variable, as it is. */
export function formatGroups(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return value.map((group) => (Array.isArray(group) ? group.join('|') : String(group))).join(',');
}
