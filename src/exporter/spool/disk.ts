import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../error-code.js';

/** What a spool does with files. Everything rejects with what `node:fs` rejects with. */
export interface Disk {
  /** Makes a directory, and those above it, for this user alone. */
  makeDirectory(directory: string): Promise<void>;
  /** What is in a directory; nothing where there is none. */
  list(directory: string): Promise<readonly DiskEntry[]>;
  /** Writes a new file that is there as a whole or not at all, also after a crash or a loss of power. */
  write(file: string, parts: readonly Uint8Array[]): Promise<void>;
  read(file: string): Promise<Buffer>;
  /** Size in bytes. */
  sizeOf(file: string): Promise<number>;
  move(from: string, to: string): Promise<void>;
  /** Removes a file; that it is gone already is no failure. */
  remove(file: string): Promise<void>;
  /** Removes a directory, which has to be empty. */
  removeDirectory(directory: string): Promise<void>;
  /** Writes to a file that exists; resolves with what its file system says the time is now, in milliseconds. */
  touch(file: string): Promise<number>;
  /** When a file, or directory, was last written to, on the clock of its file system. */
  modifiedAt(file: string): Promise<number>;
  /** Makes a file look as if it had not been written to for decades. */
  age(file: string): Promise<void>;
}

/** A name in a directory. */
export interface DiskEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Ends the names of files that are being written. */
export const PARTIAL = '.part';

/** The files of this machine, for this user alone. */
export const localDisk: Disk = {
  async makeDirectory(directory) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  },

  async list(directory) {
    try {
      const entries = await readdir(directory, { withFileTypes: true });
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  },

  // Not by write-file-atomic: it does not sync the directory, without which a crash may lose the name of a file
  // that is whole, and it hooks into the end of the application's process.
  async write(file, parts) {
    const partial = `${file}${PARTIAL}`;
    try {
      const handle = await open(partial, 'wx', 0o600);
      try {
        await writeFile(handle, parts);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(partial, file);
      await syncDirectory(path.dirname(file));
    } catch (error) {
      // Whoever asked for the file will do without: a part of it, or a name that may not last, is worth nothing.
      await Promise.allSettled([partial, file].map((name) => rm(name, { force: true })));
      throw error;
    }
  },

  read: (file) => readFile(file),
  sizeOf: async (file) => (await stat(file)).size,
  move: (from, to) => rename(from, to),
  remove: (file) => rm(file, { force: true }),
  removeDirectory: (directory) => rmdir(directory),

  async touch(file) {
    // Written, and not by utimes, which takes the time from this host's clock: others compare it with theirs.
    const handle = await open(file, 'r+');
    try {
      await handle.write('.', 0);
    } finally {
      await handle.close();
    }
    return (await stat(file)).mtimeMs;
  },

  modifiedAt: async (file) => (await stat(file)).mtimeMs,
  age: (file) => utimes(file, 0, 0),
};

async function syncDirectory(directory: string): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(directory, 'r');
    await handle.sync();
  } catch (error) {
    // Windows, and some network file systems, open or sync no directories; they keep names by other means.
    if (!['EPERM', 'EISDIR', 'EINVAL', 'ENOTSUP'].includes(codeOf(error))) throw error;
  } finally {
    await handle?.close();
  }
}
