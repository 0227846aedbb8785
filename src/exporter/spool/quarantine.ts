import path from 'node:path';
import { codeOf } from '../../error-code.js';
import type { Disk } from './disk.js';

/** Where files go that may not be sent, for somebody to look at. */
export interface Quarantine {
  readonly directory: string;
  /** Moves a file there. Rejects where that fails. */
  put(file: string, name: string): Promise<void>;
}

/**
 * Creates the quarantine of a backend, below its directory.
 *
 * It is bounded by as much as the spool itself, the oldest giving way: a file that nobody looks at must not
 * fill the disk. What went there has been dropped and counted.
 */
export function createQuarantine(base: string, maxBytes: number, disk: Disk): Quarantine {
  const directory = path.join(base, 'quarantine');

  async function sizeOf(file: string): Promise<number> {
    try {
      return await disk.sizeOf(file);
    } catch (error) {
      // Another process, which shares the directory, has removed it.
      if (codeOf(error) === 'ENOENT') return 0;
      throw error;
    }
  }

  return {
    directory,
    async put(file, name) {
      await disk.makeDirectory(directory);
      await disk.move(file, path.join(directory, name));
      const names = (await disk.list(directory)).map((entry) => entry.name).sort();
      let bytes = 0;
      // From the newest back: names begin with the time.
      for (const each of names.reverse()) {
        const kept = path.join(directory, each);
        bytes += await sizeOf(kept);
        if (bytes > maxBytes) await disk.remove(kept);
      }
    },
  };
}
