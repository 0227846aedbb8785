import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

/** A file of the page. */
export interface PageFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Reads the page into memory, by path: what is asked for is looked up and never opened, so that no path leads
 * out of the directory. Empty where the page was not built.
 */
export function readPage(directory: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of namesIn(directory)) {
    const contentType = CONTENT_TYPES[extname(name)];
    if (contentType === undefined) continue;
    const path = `/${name.split(sep).join('/')}`;
    const file = { contentType, bytes: readFileSync(join(directory, name)) };
    files.set(path === '/index.html' ? '/' : path, file);
  }
  return files;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    // Not built, as in a clone before `npm run build`: the page says it.
    return [];
  }
}
