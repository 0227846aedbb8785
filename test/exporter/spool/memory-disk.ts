import path from 'node:path';
import type { Disk } from '../../../src/exporter/spool/disk.js';

/** A disk in memory, which can fail. */
export interface MemoryDisk extends Disk {
  /** The code that everything that writes fails with; `undefined` while it is well. */
  failure: string | undefined;
  /** Contents by path. */
  readonly files: ReadonlyMap<string, Buffer>;
}

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/** Creates an empty disk, whose time, since the epoch, is that of `now`. */
export function createMemoryDisk(now: () => number): MemoryDisk {
  const files = new Map<string, Buffer>();
  const times = new Map<string, number>();
  const directories = new Set<string>();

  function get(file: string): Buffer {
    return files.get(file) ?? fail('ENOENT');
  }

  const disk: MemoryDisk = {
    failure: undefined,
    files,
    async makeDirectory(directory) {
      if (disk.failure) fail(disk.failure);
      directories.add(directory);
    },
    async list(directory) {
      const inside = (name: string) => path.dirname(name) === directory;
      return [
        ...[...directories].filter(inside).map((name) => ({ name, isDirectory: true })),
        ...[...files.keys()].filter(inside).map((name) => ({ name, isDirectory: false })),
      ].map(({ name, isDirectory }) => ({ name: path.basename(name), isDirectory }));
    },
    async write(file, parts) {
      if (disk.failure) fail(disk.failure);
      if (!directories.has(path.dirname(file))) fail('ENOENT');
      files.set(file, Buffer.concat(parts));
      times.set(file, now());
    },
    read: async (file) => get(file),
    sizeOf: async (file) => get(file).length,
    async move(from, to) {
      if (disk.failure) fail(disk.failure);
      const isIn = (name: string) => name === from || name.startsWith(`${from}/`);
      if (![...files.keys(), ...directories].some(isIn)) fail('ENOENT');
      for (const [name, content] of [...files]) {
        if (!isIn(name)) continue;
        files.delete(name);
        files.set(to + name.slice(from.length), content);
        times.set(to + name.slice(from.length), times.get(name) ?? 0);
      }
      for (const name of [...directories]) {
        if (!isIn(name)) continue;
        directories.delete(name);
        directories.add(to + name.slice(from.length));
      }
    },
    async remove(file) {
      if (disk.failure) fail(disk.failure);
      files.delete(file);
    },
    async removeDirectory(directory) {
      if ((await disk.list(directory)).length > 0) fail('ENOTEMPTY');
      directories.delete(directory);
    },
    async touch(file) {
      get(file);
      if (disk.failure) fail(disk.failure);
      times.set(file, now());
      return now();
    },
    modifiedAt: async (file) => times.get(file) ?? fail('ENOENT'),
    async age(file) {
      get(file);
      if (disk.failure) fail(disk.failure);
      times.set(file, Number.NEGATIVE_INFINITY);
    },
  };
  return disk;
}
