import type { FSWatcher, WatchListener, WatchOptions } from 'node:fs';
import { basename } from 'node:path';
import type { Cancel, Clock } from '../clock.js';

/** From the first event to the look: the writes of one change come one after the other. */
const DEBOUNCE_MS = 100;

/**
 * How often is looked at without any event. Network file systems report nothing, nor does a symbolic link above the
 * directory that is turned elsewhere, nor a file that is a link into another directory.
 */
const RECHECK_MS = 60_000;

/** First wait for a directory that is gone, or can not be watched; doubled until it is as long as a re-check. */
const FIRST_RETRY_MS = 1_000;

/** Where something always happens, looking takes a part in so many of the time, as long as it is not slow. */
const LOOK_SHARE = 20;
const MAX_DEBOUNCE_MS = 5_000;

/** What of the file system, and of time, a watched directory needs. */
export interface DirectoryParts {
  readonly clock: Clock;
  /** `watch` of `node:fs`. */
  readonly watch: (
    path: string,
    options: WatchOptions,
    listener: WatchListener<string>,
  ) => FSWatcher;
  /** Tells one directory from another that has taken its place; `undefined` where there is none. Never rejects. */
  readonly identify: (path: string) => Promise<string | undefined>;
}

/** A directory that is watched. */
export interface WatchedDirectory {
  /** Resolves once a change can not be missed any more, or the watch has failed. Never rejects. */
  readonly started: Promise<void>;
  close(): void;
}

/**
 * Watches one directory: `look` is called soon after something in it has changed, and each minute in any case.
 *
 * The whole directory and not its files, because Kubernetes changes none of these: it turns the link `..data`
 * beside them. A watch that can not be had (`ENOSPC`: no more of them), or is lost, is not told of: it is tried
 * again, and until then looking takes its place. Nothing here keeps the process alive.
 */
export function watchDirectory(
  path: string,
  look: () => Promise<void>,
  { clock, watch, identify }: DirectoryParts,
): WatchedDirectory {
  let watcher: FSWatcher | undefined;
  let identity: string | undefined;
  let retryMs = FIRST_RETRY_MS;
  let cancel: Cancel | undefined;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let lookedForMs = 0;
  let isLooking = false;
  let hasChanged = false;
  let isClosed = false;

  function plan(delayMs: number): void {
    const atMs = clock.now() + delayMs;
    if (isClosed || atMs >= dueAtMs) return;
    cancel?.();
    dueAtMs = atMs;
    cancel = clock.schedule(() => void turn(), delayMs);
  }

  async function turn(): Promise<void> {
    dueAtMs = Number.POSITIVE_INFINITY;
    isLooking = true;
    hasChanged = false;
    await follow();
    const fromMs = clock.now();
    await look();
    lookedForMs = clock.now() - fromMs;
    isLooking = false;
    plan(hasChanged ? eventDelayMs() : idleDelayMs());
  }

  function eventDelayMs(): number {
    return Math.min(Math.max(DEBOUNCE_MS, lookedForMs * LOOK_SHARE), MAX_DEBOUNCE_MS);
  }

  function idleDelayMs(): number {
    if (watcher !== undefined) {
      retryMs = FIRST_RETRY_MS;
      return RECHECK_MS;
    }
    const delayMs = retryMs;
    retryMs = Math.min(retryMs * 2, RECHECK_MS);
    return delayMs;
  }

  /** Sees to it that the directory that stands here now is the one that is watched. */
  async function follow(): Promise<void> {
    // Before the watch begins: one that is replaced in between is then found to be another.
    const found = await identify(path);
    if (isClosed || (watcher !== undefined && found === identity)) return;
    lose();
    if (found === undefined) return;
    try {
      watcher = watch(path, { persistent: false }, onEvent);
      watcher.once('error', onError);
      identity = found;
    } catch {
      // Gone again, or no more watches are to be had: it is looked at all the same, and watched later.
    }
  }

  function onEvent(_event: string, name: string | null): void {
    // The end of the directory itself is reported under its own name, and ends its watch. What has taken its
    // place may have been given its number.
    if (name === basename(path)) lose();
    onChange();
  }

  function onError(): void {
    lose();
    onChange();
  }

  function onChange(): void {
    hasChanged = true;
    if (!isLooking) plan(eventDelayMs());
  }

  function lose(): void {
    watcher?.close();
    watcher = undefined;
  }

  const started = follow().then(() => plan(idleDelayMs()));
  return {
    started,
    close() {
      isClosed = true;
      cancel?.();
      lose();
    },
  };
}
