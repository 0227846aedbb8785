import path from 'node:path';
import type { KeyTally } from '../../accounting/key-tallies.js';
import type { BackendLedger, Place } from '../../accounting/ledger.js';
import type { Log } from '../../accounting/log.js';
import type { Clock } from '../../clock.js';
import type { SpoolLimits } from '../../config/resolved.js';
import { codeOf } from '../../error-code.js';
import { directoryNameOf } from './directory-name.js';
import { type Disk, PARTIAL } from './disk.js';
import { formatFileName, type NamedFile, parseFileName } from './file-name.js';
import { createOneAtATime } from './one-at-a-time.js';
import { createOwnership, isHeartbeat, SECOND_LOOK_MS } from './ownership.js';
import { createQuarantine } from './quarantine.js';
import {
  decodeSpoolFile,
  encodeSpoolFile,
  type SpoolFile,
  type SpoolHeader,
} from './spool-file.js';

/** Where a span on disk stands for the ledger. */
export type SpooledPlace = Extract<Place, 'spooled' | 'spooledAttempted'>;

/** A file of this process. */
export interface StoredFile {
  readonly name: string;
  spans: number;
  /** What it takes on disk: whole blocks. */
  readonly bytes: number;
  readonly createdAt: number;
  place: SpooledPlace;
  /** It is being sent: nothing else may happen to it. */
  isOut: boolean;
  /** When it may be sent again, on the monotonic clock; minus infinity before it was tried. */
  notBeforeMs: number;
  /** Where its spans are counted by their route key; `undefined` where they are not, or by an earlier process. */
  readonly tally: KeyTally | undefined;
}

/** The files of one backend that belong to this process. Nothing here rejects. */
export interface Store {
  /** Oldest first. */
  readonly files: readonly StoredFile[];
  /** Whether a file may be written now: not for a while after the disk has failed. */
  readonly isWritable: boolean;
  /**
   * Writes a file. What has to give way to it is dropped as `spool_full`.
   *
   * @param onWritten - Called when it is on disk, to tell the ledger; returns where the spans stand now, or
   *   `undefined` where they are wanted no more, and the file is removed again.
   * @param tally - Where its spans are counted by their route key.
   * @returns the file; `undefined` where it could not be written, or was not wanted.
   */
  write(
    header: SpoolHeader,
    body: readonly Uint8Array[],
    onWritten: () => SpooledPlace | undefined,
    tally?: KeyTally | undefined,
  ): Promise<StoredFile | undefined>;
  /** Reads a file; `undefined` where it can not be, and what follows from that has been done. */
  read(file: StoredFile): Promise<SpoolFile | undefined>;
  /** Forgets a file, whose spans the ledger has elsewhere, and removes it from disk. */
  remove(file: StoredFile): Promise<void>;
  /** Drops a file as `quarantined`, for a reason that follows `a file of its spool`, and moves it out of the way. */
  setAside(file: StoredFile, why: string): Promise<void>;
  /** Whether a file is still this process's. */
  has(file: StoredFile): boolean;
  /** Shows that this process is alive, takes over what others have left, drops what is too old. */
  tend(): Promise<void>;
  /** Lets other processes have the files. */
  close(): Promise<void>;
  /** Moves all files out of the ledger, which is another's from here on: they wait for whoever opens the like of it. */
  leave(): void;
}

/** What a store is made of. */
export interface StoreParts {
  readonly backend: string;
  readonly limits: SpoolLimits;
  /** The fingerprint that a file of a parent has to have; see `fingerprintOf`. */
  readonly fingerprintOf: (parent: string | undefined) => string;
  readonly disk: Disk;
  readonly ledger: Pick<BackendLedger, 'recover' | 'drop' | 'moveOut'>;
  readonly log: Log;
  readonly clock: Clock;
}

/** What a file takes at the least; counted, so that many small ones are bounded too, here and in memory. */
const BLOCK_BYTES = 4096;
/** How long the disk is left alone after it has failed to take a file. */
const PAUSE_MS = 10_000;
/** How many files are taken over before something else has its turn. */
const FILES_AT_A_TIME = 100;
/** How often directories of processes that are gone are looked for. */
const ADOPT_EVERY_MS = 30_000;

/** Creates the store of one backend. Nothing is read or made before `tend` or `write`. */
export function createStore(parts: StoreParts): Store {
  const { backend, limits, fingerprintOf, disk, ledger, log, clock } = parts;
  const base = path.join(limits.dir, directoryNameOf(backend));
  const ownership = createOwnership(base, disk);
  const quarantine = createQuarantine(base, limits.maxBytes, disk);
  const oneAtATime = createOneAtATime();
  const files: StoredFile[] = [];
  /** Paths of files that are done with and could not be removed. */
  const leftovers = new Set<string>();
  let bytes = 0;
  let sequence = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let adoptAtMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let hasLeft = false;

  function pathOf({ name }: Pick<StoredFile, 'name'>): string {
    return path.join(ownership.directory ?? base, name);
  }

  function warn(what: string, error: unknown): void {
    const message = `backend ${backend}: its spool ${what} (${codeOf(error)})`;
    log.warn(`${backend} spool ${what}`, message);
  }

  function add(file: StoredFile): void {
    bytes += file.bytes;
    const index = files.findLastIndex(({ name }) => name < file.name);
    files.splice(index + 1, 0, file);
  }

  function forget(file: StoredFile): boolean {
    const index = files.indexOf(file);
    if (index < 0) return false;
    files.splice(index, 1);
    bytes -= file.bytes;
    return true;
  }

  function moveOut({ spans, place, tally }: StoredFile): void {
    ledger.moveOut(spans, place);
    if (tally !== undefined) tally.movedOut += spans;
  }

  function lose(
    { spans, place, tally }: StoredFile,
    reason: 'spool_full' | 'spool_expired' | 'quarantined',
    why?: string,
  ): void {
    ledger.drop(reason, spans, place, why);
    if (tally !== undefined) tally.dropped += spans;
  }

  function moveAllOut(): void {
    for (const file of Array.from(files)) {
      forget(file);
      // What is on the wire is settled by its answer.
      if (!file.isOut) moveOut(file);
    }
  }

  /** Another process has taken this one for gone, and has its files. */
  function loseAll(): void {
    moveAllOut();
    leftovers.clear();
    const reason = 'this one showed no sign of life';
    log.warn(
      `${backend} spool lost`,
      `backend ${backend}: another process took its spool, as ${reason}`,
    );
  }

  async function unlink(file: string): Promise<void> {
    try {
      await disk.remove(file);
      leftovers.delete(file);
    } catch (error) {
      leftovers.add(file);
      warn('can not remove files, which may be sent again by a later process', error);
    }
  }

  async function drop(file: StoredFile, reason: 'spool_full' | 'spool_expired'): Promise<void> {
    const from = pathOf(file);
    if (!forget(file)) return;
    lose(file, reason);
    await unlink(from);
  }

  /** Drops the oldest files, but for one that is being sent, until so many bytes fit. */
  async function makeRoom(needed: number): Promise<void> {
    while (bytes + needed > limits.maxBytes) {
      const oldest = files.find(({ isOut }) => !isOut);
      if (oldest === undefined) return;
      await drop(oldest, 'spool_full');
    }
  }

  async function dropExpired(): Promise<void> {
    const before = clock.epochMs() - limits.maxAgeMs;
    for (const file of files.filter(({ createdAt, isOut }) => !isOut && createdAt < before)) {
      await drop(file, 'spool_expired');
    }
  }

  async function quarantineFile(from: string, name: string, why: string): Promise<void> {
    const told = `backend ${backend}: a file of its spool ${why}; it is in ${quarantine.directory}`;
    log.once(`${backend} quarantine ${why}`, told);
    try {
      await quarantine.put(from, name);
    } catch (error) {
      // It stays where it is, and is not sent: a later process will look at it again.
      warn('can not set files aside', error);
    }
  }

  /** Keeps its directory where it has one; `false` if it has lost it. */
  async function beat(): Promise<boolean> {
    if (ownership.directory === undefined || (await ownership.beat())) return true;
    loseAll();
    return false;
  }

  async function writeNow(
    header: SpoolHeader,
    body: readonly Uint8Array[],
    tally: KeyTally | undefined,
  ): Promise<StoredFile | undefined> {
    const parts = encodeSpoolFile(header, body);
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const needed = roundUp(size);
    if (needed > limits.maxBytes) return undefined;
    const { createdAt, spans } = header;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        const directory = await ownership.take();
        await makeRoom(needed);
        if (bytes + needed > limits.maxBytes) return undefined;
        sequence += 1;
        const name = formatFileName({ createdAt, sequence, owner: ownership.id, spans });
        await disk.write(path.join(directory, name), parts);
        return {
          name,
          spans,
          bytes: needed,
          createdAt,
          place: 'spooled',
          isOut: false,
          notBeforeMs: Number.NEGATIVE_INFINITY,
          tally,
        };
      } catch (error) {
        // Where its directory is gone, a new one is taken at the second attempt.
        const isGone = codeOf(error) === 'ENOENT' && attempt === 0;
        if (isGone && !(await isKept())) continue;
        pausedUntilMs = clock.now() + PAUSE_MS;
        warn('can not be written, so that its spans stay in memory', error);
        return undefined;
      }
    }
    return undefined;
  }

  async function isKept(): Promise<boolean> {
    try {
      return await beat();
    } catch {
      // The disk fails in other ways too; what it was asked for has failed already, and is told.
      return true;
    }
  }

  async function readNow(file: StoredFile): Promise<SpoolFile | undefined> {
    const from = pathOf(file);
    let content: Buffer;
    try {
      content = await disk.read(from);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') warn('can not be read', error);
      else if ((await isKept()) && forget(file)) {
        moveOut(file);
        warn('has lost a file, which somebody else has removed', error);
      }
      return undefined;
    }
    const decoded = decodeSpoolFile(content);
    const fault = faultOf(file, decoded);
    if (fault === undefined) return decoded;
    if (forget(file)) lose(file, 'quarantined', fault);
    await quarantineFile(from, file.name, fault);
    return undefined;
  }

  function faultOf(file: StoredFile, decoded: SpoolFile | undefined): string | undefined {
    if (decoded === undefined) return 'is damaged';
    if (decoded.spans !== file.spans) return 'is not what its name says';
    if (decoded.fingerprint === fingerprintOf(decoded.parent)) return undefined;
    return 'was written for another URL, parent or account';
  }

  /**
   * Takes over files below a directory within this process's own, and removes it when none is left.
   *
   * @param left - How many may be taken over for now.
   * @returns how many may still be.
   */
  async function collect(directory: string, left: number): Promise<number> {
    let rest = left;
    for (const { name, isDirectory } of await disk.list(directory)) {
      if (rest === 0 || isClosed) return 0;
      const from = path.join(directory, name);
      const named = parseFileName(name);
      if (isDirectory) {
        rest = await collect(from, rest);
      } else if (isHeartbeat(name) || name.endsWith(PARTIAL)) {
        await disk.remove(from);
      } else if (named === undefined) {
        await quarantineFile(from, name, 'has a name of another kind');
      } else {
        await takeOver(from, name, named);
        rest -= 1;
      }
    }
    if (rest > 0) await disk.removeDirectory(directory);
    return rest;
  }

  async function takeOver(from: string, name: string, named: NamedFile): Promise<void> {
    const size = roundUp(await disk.sizeOf(from));
    await disk.move(from, path.join(await ownership.take(), name));
    // It stays in this one's directory, which others are let to have.
    if (hasLeft) return;
    ledger.recover(named.spans);
    add({
      name,
      ...named,
      bytes: size,
      place: 'spooled',
      isOut: false,
      notBeforeMs: Number.NEGATIVE_INFINITY,
      tally: undefined,
    });
  }

  /** Takes over some of what has been adopted, now or before; `false` when nothing is left. */
  async function collectSome(): Promise<boolean> {
    const own = ownership.directory;
    if (own === undefined || !(await beat())) return false;
    let left = FILES_AT_A_TIME;
    for (const { name, isDirectory } of await disk.list(own)) {
      if (isDirectory && left > 0) left = await collect(path.join(own, name), left);
    }
    await makeRoom(0);
    return left === 0;
  }

  async function adopt(): Promise<boolean> {
    if (clock.now() < adoptAtMs) return false;
    adoptAtMs = clock.now() + ADOPT_EVERY_MS;
    if (await ownership.adopt()) adoptAtMs = clock.now() + SECOND_LOOK_MS;
    return true;
  }

  /** Runs a part of what `tend` does, in its turn; `false` where it failed. */
  function tendTo(work: () => Promise<boolean>): Promise<boolean> {
    return oneAtATime(async () => {
      if (isClosed) return false;
      try {
        return await work();
      } catch (error) {
        warn('can not be looked after', error);
        return false;
      }
    });
  }

  return {
    files,
    get isWritable() {
      return !isClosed && clock.now() >= pausedUntilMs;
    },
    has: (file) => files.includes(file),
    write: (header, body, onWritten, tally) =>
      oneAtATime(async () => {
        const file = await writeNow(header, body, tally);
        if (file === undefined) return undefined;
        const place = hasLeft ? undefined : onWritten();
        if (place !== undefined) {
          file.place = place;
          add(file);
          return file;
        }
        await unlink(pathOf(file));
        return undefined;
      }),
    read: (file) => oneAtATime(() => readNow(file)),
    async setAside(file, why) {
      const from = pathOf(file);
      if (!forget(file)) return;
      lose(file, 'quarantined', why);
      await oneAtATime(() => quarantineFile(from, file.name, why));
    },
    async remove(file) {
      const from = pathOf(file);
      if (forget(file)) await oneAtATime(() => unlink(from));
    },
    async tend() {
      const isTimeToCollect = await tendTo(async () => {
        await beat();
        await dropExpired();
        for (const file of Array.from(leftovers)) await unlink(file);
        return adopt();
      });
      // A part at a time: what is to be written must not wait for thousands of files.
      for (let more = isTimeToCollect; more; ) more = await tendTo(collectSome);
    },
    close() {
      // At once: what is being looked after in this turn must not take over more.
      isClosed = true;
      return oneAtATime(async () => {
        try {
          await ownership.release(files.length === 0 && leftovers.size === 0);
        } catch (error) {
          // Others wait until its last sign of life is old enough.
          warn('can not be released', error);
        }
      });
    },
    leave() {
      hasLeft = true;
      moveAllOut();
    },
  };
}

function roundUp(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}
