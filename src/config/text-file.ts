import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../error-code.js';

/** The content of a file, or what is wrong with the file in words that follow its name. */
export type TextFile = { readonly text: string } | { readonly what: string };

/** Reads a text file, whole. */
export type ReadTextFile = (path: string) => TextFile;

/** Keys and certificates take a few KiB, the configuration of 10,000 backends a few MiB. */
const maxBytes = 64 * 1024 * 1024;

/** A pipe would block already when it is opened, if it were not for O_NONBLOCK. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Reads a UTF-8 file, without its byte order mark. Only regular files are read: a pipe or a device could
 * keep the application waiting for ever.
 */
export const readTextFile: ReadTextFile = (path) => {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, flags);
    return faultOf(fstatSync(descriptor)) ?? textOf(readFileSync(descriptor, 'utf8'));
  } catch (error) {
    return { what: reasonOf(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
};

/** Reads like {@link readTextFile}, without holding up the event loop. Never rejects. */
export async function readTextFileAsync(path: string): Promise<TextFile> {
  try {
    const handle = await open(path, flags);
    try {
      return faultOf(await handle.stat()) ?? textOf(await handle.readFile('utf8'));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { what: reasonOf(error) };
  }
}

function faultOf(stats: Stats): TextFile | undefined {
  if (!stats.isFile()) return { what: 'is not a regular file' };
  return stats.size > maxBytes ? { what: 'is too large' } : undefined;
}

function textOf(content: string): TextFile {
  return { text: content.replace(/^\uFEFF/, '') };
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this process';
  return `can not be read (${code})`;
}

/** Reads each file once, so that backends that share one see the same content. */
export function createFileCache(read: ReadTextFile): ReadTextFile {
  const files = new Map<string, TextFile>();
  return (path) => {
    const file = files.get(path) ?? read(path);
    files.set(path, file);
    return file;
  };
}
