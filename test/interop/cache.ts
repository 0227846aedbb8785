import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what is built or installed stays between runs, outside of the project (XDG Base Directory Specification). */
export function cacheDirectory(): string {
  const { XDG_CACHE_HOME } = process.env;
  const directory = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'signalbox', 'interop');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** A path in the cache that is another one as soon as what it is made from is. */
export function cachedPath(name: string, ...madeFrom: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of madeFrom) hash.update(`${part.length}:${part}`);
  return join(cacheDirectory(), `${name}-${hash.digest('hex').slice(0, 16)}`);
}

/** The texts of these files of a directory. */
export function readTexts(directory: string, ...names: readonly string[]): string[] {
  return names.map((name) => readFileSync(join(directory, name), 'utf8'));
}
