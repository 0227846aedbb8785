import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { codeOf } from '../../error-code.js';
import type { Disk } from './disk.js';

/** How often a process shows that it is alive. */
export const HEARTBEAT_MS = 10_000;
/**
 * How old the last sign of life is when a process counts as gone. Several signs: one may be late, as a process
 * that is busy, or a disk that is slow, has it.
 */
const STALE_MS = 60_000;
/**
 * When those that seem to be gone are looked at for the second time. After a machine was suspended, or its clock was set,
 * all of them do; who lives has shown it by then.
 */
export const SECOND_LOOK_MS = 2 * HEARTBEAT_MS;

/** One whose last sign of life is older has released its directory: some file systems know no time before 1980. */
const RELEASED_BEFORE_MS = Date.UTC(2000);

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
  /**
   * Moves the directories of processes that are gone into this one's. Resolves to whether some may be gone: this has to
   * be called again, {@link SECOND_LOOK_MS} later, to tell.
   */
  adopt(): Promise<boolean>;
  /** Lets others have the directory at once. It is removed where it is empty. */
  release(isEmpty: boolean): Promise<void>;
}

/**
 * Creates the ownership of a directory below `base`; nothing is made before it is taken.
 *
 * Each owner has a directory of its own, named by a random id: process ids are equal in containers that share
 * a volume. A file in it is written to every 10 s, and who has not done so for 60 s, nor between two looks, is
 * taken for gone. Both times are those that the file system has stamped: the clocks of hosts that share one may differ.
 *
 * A directory changes hands by one rename, into the new owner's, which only one of several can win. Whoever
 * was only suspended finds its directory gone, and takes a new one. So an error of judgement costs nobody a
 * file. Sent by both is one at the most: that which its owner had on the wire as it was suspended.
 */
export function createOwnership(base: string, disk: Disk): Ownership {
  let id = createId();
  let directory: string | undefined;
  /** Last signs of life of those that may be gone. */
  let suspects = new Map<string, number>();

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
      const before = suspects;
      suspects = new Map();
      if (others.length === 0) return false;
      const own = await take();
      const nowMs = await readTime();
      if (nowMs === undefined) return false;
      for (const { name } of others) {
        const other = path.join(base, name);
        const beatMs = await lastBeatOf(other);
        if (beatMs === undefined || nowMs - beatMs < STALE_MS) continue;
        if (beatMs >= RELEASED_BEFORE_MS && before.get(name) !== beatMs) {
          suspects.set(name, beatMs);
          continue;
        }
        try {
          await disk.move(other, path.join(own, name));
        } catch (error) {
          // Another process was faster, or this one has lost its own directory, which its next beat will tell.
          if (codeOf(error) !== 'ENOENT') throw error;
        }
      }
      return suspects.size > 0;
    },
    async release(isEmpty) {
      if (directory === undefined) return;
      const heartbeat = path.join(directory, HEARTBEAT);
      // An owner whose last sign of life is decades old is waited for by nobody.
      await disk.age(heartbeat);
      // What has been adopted, and not been looked into, is for the next one.
      if (!isEmpty || (await disk.list(directory)).length > 1) return;
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
