import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { codeOf, type Disk } from './disk.js';

/** How often a process shows that it is alive. */
export const HEARTBEAT_MS = 10_000;
/**
 * How old the last sign of life is when a process counts as gone. Several signs: one may be late, as a process
 * that is busy, or a disk that is slow, has it.
 */
const STALE_MS = 60_000;

const HEARTBEAT = 'heartbeat';
const OWNER_ID = /^[0-9a-f]{16}$/;

/** The directory of one process among those of others that share a backend's spool. */
export interface Ownership {
  /** Names this process; no other one, wherever it runs, has the same. */
  readonly id: string;
  /** Path of the directory, once there is one. */
  readonly directory: string | undefined;
  /** Resolves with the path of the directory, which is made where there is none. Rejects where it can not be. */
  take(): Promise<string>;
  /** Shows that this process is alive; `false` where its directory is there no more. */
  beat(): Promise<boolean>;
  /** Moves the directories of processes that are gone into this one's; resolves with how many they were. */
  adopt(): Promise<number>;
  /** Lets others have the directory at once. It is removed where it is empty. */
  release(isEmpty: boolean): Promise<void>;
}

/**
 * Creates the ownership of a directory below `base`; nothing is made before it is taken.
 *
 * Each owner has a directory of its own, named by a random id: process ids are equal in containers that share
 * a volume. A file in it is written to every 10 s, and who has not done so for 60 s is taken for gone. Both
 * times are those that the file system has stamped: the clocks of hosts that share one may differ.
 *
 * A directory changes hands by one rename, into the new owner's, which only one of several can win. Whoever
 * was only suspended finds its directory gone, and takes a new one. So an error of judgement costs nobody a
 * file, nor is one sent by two.
 */
export function createOwnership(base: string, disk: Disk): Ownership {
  let id = createId();
  let directory: string | undefined;

  async function take(): Promise<string> {
    if (directory !== undefined) return directory;
    const taken = path.join(base, id);
    await disk.makeDirectory(taken);
    await disk.write(path.join(taken, HEARTBEAT), [Buffer.from('.')]);
    directory = taken;
    return taken;
  }

  /** `undefined` where this process has lost its directory. */
  async function readTime(): Promise<number | undefined> {
    if (directory === undefined) return undefined;
    try {
      return await disk.touch(path.join(directory, HEARTBEAT));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      directory = undefined;
      id = createId();
      return undefined;
    }
  }

  async function lastBeatOf(owner: string): Promise<number | undefined> {
    // One that died before its first beat has the time at which its directory was made.
    for (const name of [path.join(owner, HEARTBEAT), owner]) {
      try {
        return await disk.modifiedAt(name);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
    return undefined;
  }

  return {
    get id() {
      return id;
    },
    get directory() {
      return directory;
    },
    take,
    beat: async () => (await readTime()) !== undefined,
    async adopt() {
      const others = (await disk.list(base)).filter(
        ({ name, isDirectory }) => isDirectory && OWNER_ID.test(name) && name !== id,
      );
      if (others.length === 0) return 0;
      const own = await take();
      const nowMs = await readTime();
      if (nowMs === undefined) return 0;
      let adopted = 0;
      for (const { name } of others) {
        const other = path.join(base, name);
        const beatMs = await lastBeatOf(other);
        if (beatMs === undefined || nowMs - beatMs < STALE_MS) continue;
        try {
          await disk.move(other, path.join(own, name));
          adopted += 1;
        } catch (error) {
          // Another process was faster, or this one has lost its own directory, which its next beat will tell.
          if (codeOf(error) !== 'ENOENT') throw error;
        }
      }
      return adopted;
    },
    async release(isEmpty) {
      if (directory === undefined) return;
      const heartbeat = path.join(directory, HEARTBEAT);
      // An owner whose last sign of life is decades old is waited for by nobody.
      await disk.age(heartbeat);
      if (!isEmpty) return;
      await disk.remove(heartbeat);
      await disk.removeDirectory(directory);
    },
  };
}

/** Whether a file in an owner's directory is its sign of life. */
export function isHeartbeat(name: string): boolean {
  return name === HEARTBEAT;
}

function createId(): string {
  return randomBytes(8).toString('hex');
}
