import { createHash } from 'node:crypto';

/** Longest name that is written out: below the 255 bytes that file systems take, for those who count otherwise. */
const MAX_LENGTH = 200;

/**
 * A backend's name as that of a directory: what might lead elsewhere in a path is written as its code. One that is then
 * longer than file systems take (255 bytes) ends in a hash of the name, behind what no other name has: `%-`.
 */
export function directoryNameOf(backend: string): string {
  const written = backend.replace(
    /[^A-Za-z0-9_-]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
  if (written.length <= MAX_LENGTH) return written;
  const hash = createHash('sha256').update(backend).digest('hex');
  return `${written.slice(0, 100)}%-${hash}`;
}
