import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readTextFileAsync, type TextFile } from '../config/text-file.js';
import { runDetached } from '../detached.js';
import { createSystemClock } from '../system-clock.js';
import { type DirectoryParts, type WatchedDirectory, watchDirectory } from './watched-directory.js';

/** Files that are read again when they change, for all who ask for them. */
export interface WatchedFiles {
  /**
   * Watches some files, by absolute paths.
   *
   * @param onChange - Called when all of them have been read for the first time, and whenever one has another content
   *   than before: once for what has changed together. Must not throw.
   */
  watch(paths: readonly string[], onChange: () => void): FileWatch;
}

/** Some files that are watched. */
export interface FileWatch {
  /** Resolves when all of them have been read for the first time, and `onChange` was called. Never rejects. */
  readonly ready: Promise<void>;
  /**
   * What a file had when it was read last, or why it could not be read; `undefined` before. The same object for all
   * who watch the file, until its content has changed.
   */
  content(path: string): TextFile | undefined;
  /** Reads all of them now; resolves when `onChange` was called for what has changed. Never rejects. */
  refresh(): Promise<void>;
  /** Ends it: `onChange` is called no more. */
  close(): void;
}

/** What watched files depend on. */
export interface WatchedFilesParts extends DirectoryParts {
  /** Never rejects. */
  readonly read: (path: string) => Promise<TextFile>;
}

interface Watch {
  readonly onChange: () => void;
  /** Its files have been read; before that a change of one of them is none. */
  isReady: boolean;
}

interface WatchedFile {
  readonly path: string;
  content: TextFile | undefined;
  readonly watches: Set<Watch>;
  /** The read that is under way, and the one that follows it. */
  current: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

interface Directory {
  readonly files: Map<string, WatchedFile>;
  readonly watched: WatchedDirectory;
}

/**
 * Creates watched files: one watch of the file system for each directory, however many files of it are watched and by
 * however many; it ends with the last of them.
 *
 * What counts is the content: a file that was touched has not changed.
 */
export function createWatchedFiles(overrides: Partial<WatchedFilesParts> = {}): WatchedFiles {
  const clock = overrides.clock ?? createSystemClock();
  const parts = { watch, identify, read: readTextFileAsync, ...overrides, clock };
  const directories = new Map<string, Directory>();
  /** Those whose files have changed since they were told last. */
  const untold = new Set<Watch>();

  function openDirectory(path: string): Directory {
    const files = new Map<string, WatchedFile>();
    const watched = watchDirectory(path, () => lookAt(files.values()), parts);
    const directory = { files, watched };
    directories.set(path, directory);
    return directory;
  }

  function join(path: string, watch: Watch): WatchedFile {
    const { files } = directories.get(dirname(path)) ?? openDirectory(dirname(path));
    let file = files.get(path);
    if (file === undefined) {
      file = {
        path,
        content: undefined,
        watches: new Set(),
        current: undefined,
        next: undefined,
      };
      files.set(path, file);
    }
    file.watches.add(watch);
    return file;
  }

  function leave(file: WatchedFile, watch: Watch): void {
    file.watches.delete(watch);
    if (file.watches.size > 0) return;
    const directory = directories.get(dirname(file.path));
    directory?.files.delete(file.path);
    if (directory?.files.size !== 0) return;
    directory.watched.close();
    directories.delete(dirname(file.path));
  }

  /** One after the other, since disk operations share Node's few threads with the application. */
  async function lookAt(files: Iterable<WatchedFile>): Promise<void> {
    for (const file of Array.from(files)) {
      if (file.watches.size > 0) await read(file);
    }
    tell();
  }

  /** Reads a file again. A read that is under way may have begun before the change. */
  function read(file: WatchedFile): Promise<void> {
    file.next ??= (file.current ?? Promise.resolve()).then(() => {
      file.current = file.next;
      file.next = undefined;
      return readNow(file);
    });
    return file.next;
  }

  async function readNow(file: WatchedFile): Promise<void> {
    const content = await parts.read(file.path);
    file.current = undefined;
    if (file.content !== undefined && isSame(content, file.content)) return;
    file.content = content;
    for (const watch of file.watches) untold.add(watch);
  }

  function tell(): void {
    for (const watch of Array.from(untold)) {
      untold.delete(watch);
      if (watch.isReady) watch.onChange();
    }
  }

  function open(paths: readonly string[], onChange: () => void): FileWatch {
    const watch: Watch = { onChange, isReady: false };
    const files = Array.from(new Set(paths), (path) => join(path, watch));
    let isClosed = false;

    async function start(): Promise<void> {
      // What changes from here on is told of.
      for (const { path } of files) await directories.get(dirname(path))?.watched.started;
      await Promise.all(files.map(read));
      if (isClosed) return;
      untold.delete(watch);
      watch.isReady = true;
      onChange();
    }

    return {
      ready: start(),
      content: (path) => files.find((file) => file.path === path)?.content,
      refresh: () => runDetached(() => lookAt(files)),
      close() {
        if (isClosed) return;
        isClosed = true;
        watch.isReady = false;
        untold.delete(watch);
        for (const file of files) leave(file, watch);
      },
    };
  }

  return { watch: (paths, onChange) => runDetached(() => open(paths, onChange)) };
}

/** The files of this process. */
export const systemFiles: WatchedFiles = createWatchedFiles();

function isSame(one: TextFile, other: TextFile): boolean {
  if ('text' in one) return 'text' in other && one.text === other.text;
  return 'what' in other && one.what === other.what;
}

async function identify(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    // Whatever the reason is, there is nothing that could be watched now.
    return undefined;
  }
}
