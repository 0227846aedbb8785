import {
  type FSWatcher,
  mkdirSync,
  renameSync,
  rmSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TextFile } from '../../src/config/text-file.js';
import {
  createWatchedFiles,
  type FileWatch,
  type WatchedFilesParts,
} from '../../src/transport/watched-files.js';
import { eventually } from '../helpers/eventually.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { makeFolder, mountSecret, replaceFile } from '../helpers/folder.js';

/** Watched files on the real file system, whose watches are kept. */
function createReal() {
  const watchers: FSWatcher[] = [];
  let open = 0;
  const files = createWatchedFiles({
    watch(...options) {
      const watcher = watch(...options);
      open += 1;
      watcher.once('close', () => {
        open -= 1;
      });
      watchers.push(watcher);
      return watcher;
    },
  });

  /** Watches files until the test ends, and notes what they had each time. */
  async function follow(...paths: readonly string[]) {
    const seen: (string | undefined)[][] = [];
    const followed: FileWatch = files.watch(paths, () => {
      seen.push(paths.map((path) => textOf(followed.content(path))));
    });
    onTestFinished(() => followed.close());
    await followed.ready;
    return { seen, followed };
  }

  return {
    follow,
    watchers,
    get open() {
      return open;
    },
  };
}

function textOf(file: TextFile | undefined): string | undefined {
  return file && ('text' in file ? file.text : file.what);
}

describe('a watched file', () => {
  it('is read at once, and again when it is written, replaced, removed and made anew', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, 'one');
    const { seen } = await createReal().follow(path);
    expect(seen).toEqual([['one']]);
    const changes: readonly (readonly [change: () => void, content: string])[] = [
      [() => writeFileSync(path, 'two'), 'two'],
      [() => replaceFile(path, 'three'), 'three'],
      [() => rmSync(path), 'does not exist'],
      [() => writeFileSync(path, 'four'), 'four'],
    ];

    for (const [change, content] of changes) {
      change();
      await eventually(() => seen.at(-1)?.[0] === content);
    }
  });

  it('has not changed when it is touched, or written with what it has', async () => {
    const folder = makeFolder();
    const [path, other] = [join(folder, 'key'), join(folder, 'other')];
    for (const each of [path, other]) writeFileSync(each, 'one');
    const { follow } = createReal();
    const { seen } = await follow(path);
    const { seen: seenOfOther } = await follow(other);

    utimesSync(path, 1, 1);
    replaceFile(path, 'one');
    replaceFile(other, 'two');
    // Both are read, one after the other, before anybody is told.
    await eventually(() => seenOfOther.length === 2);

    expect(seen).toEqual([['one']]);
  });

  it('is told of once with the others that Kubernetes swapped with it', async () => {
    const secret = mountSecret({ cert: 'cert 1', key: 'key 1' });
    const { seen } = await createReal().follow(secret.path('cert'), secret.path('key'));
    for (const version of [2, 3, 4]) {
      secret.swap({ cert: `cert ${version}`, key: `key ${version}` });
      await eventually(() => seen.length === version);
    }
    expect(seen).toEqual([1, 2, 3, 4].map((version) => [`cert ${version}`, `key ${version}`]));
  });

  it('is read on demand', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, 'one');
    const { follow } = createReal();
    const { seen, followed } = await follow(path);
    writeFileSync(path, 'two');
    await followed.refresh();
    expect(seen).toEqual([['one'], ['two']]);
    await followed.refresh();
    expect(seen).toHaveLength(2);
  });

  it('is told of no more once its watch is closed', async () => {
    const folder = makeFolder();
    const path = join(folder, 'key');
    writeFileSync(path, 'one');
    const { follow } = createReal();
    const closed = await follow(path);
    const open = await follow(path);
    closed.followed.close();
    closed.followed.close();
    writeFileSync(path, 'two');
    await eventually(() => open.seen.length === 2);
    expect(closed.seen).toEqual([['one']]);
  });

  it('is found again when its folder is replaced, or is gone for a while', async () => {
    const parent = makeFolder();
    const folder = join(parent, 'keys');
    const path = join(folder, 'key');
    mkdirSync(folder);
    writeFileSync(path, 'one');
    const { seen } = await createReal().follow(path);

    mkdirSync(join(parent, 'next'));
    writeFileSync(join(parent, 'next', 'key'), 'two');
    renameSync(folder, join(parent, 'last'));
    renameSync(join(parent, 'next'), folder);
    await eventually(() => seen.at(-1)?.[0] === 'two');
    writeFileSync(path, 'three');
    await eventually(() => seen.at(-1)?.[0] === 'three');

    rmSync(folder, { recursive: true });
    await eventually(() => seen.at(-1)?.[0] === 'does not exist');
    mkdirSync(folder);
    writeFileSync(path, 'four');
    await eventually(() => seen.at(-1)?.[0] === 'four');
    writeFileSync(path, 'five');
    await eventually(() => seen.at(-1)?.[0] === 'five');
  });
});

describe('watches of the file system', () => {
  it('are one for each folder, until the last file in it is let go', async () => {
    const [one, other] = [makeFolder(), makeFolder()];
    const real = createReal();
    const paths = Array.from({ length: 50 }, (_, index) => join(one, `key-${index}`));
    for (const path of paths) writeFileSync(path, 'key');
    writeFileSync(join(other, 'key'), 'key');

    const followers = await Promise.all([...paths, ...paths].map((path) => real.follow(path)));
    expect(real.watchers).toHaveLength(1);
    const both = await real.follow(join(one, 'key-0'), join(other, 'key'), join(other, 'key'));
    expect([real.watchers.length, real.open]).toEqual([2, 2]);

    for (const { followed } of followers) followed.close();
    expect(real.open).toBe(2);
    both.followed.close();
    await eventually(() => real.open === 0);
  });

  it('do not keep the process alive', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, 'one');
    await createReal().follow(path);
    expect(process.getActiveResourcesInfo()).not.toContain('FSEventWrap');
  });

  it('can be done without: what can not be watched is looked at each minute, and watched when it can be', async () => {
    let content = 'one';
    let isPossible = false;
    let tries = 0;
    const clock = createFakeClock();
    const listeners: (() => void)[] = [];
    const parts: Partial<WatchedFilesParts> = {
      clock,
      identify: async () => 'directory',
      read: async () => ({ text: content }),
      watch(_path, _options, listener) {
        tries += 1;
        if (!isPossible) throw new Error('ENOSPC');
        listeners.push(() => listener('change', 'key'));
        const watcher = { close() {}, once: () => watcher };
        return watcher as unknown as FSWatcher;
      },
    };
    const seen: string[] = [];
    const followed = createWatchedFiles(parts).watch(['/keys/key'], () => seen.push(content));
    await followed.ready;
    content = 'two';
    await clock.advance(1_000);
    expect(seen).toEqual(['one', 'two']);

    // It backs off, up to a minute.
    await clock.advance(10 * 60_000);
    expect(tries).toBeLessThan(20);
    content = 'three';
    isPossible = true;
    await clock.advance(60_000);
    expect(seen.at(-1)).toBe('three');

    content = 'four';
    listeners[0]?.();
    await clock.advance(100);
    expect(seen.at(-1)).toBe('four');
    expect(listeners).toHaveLength(1);

    // Nothing was reported, as on a network file system.
    content = 'five';
    await clock.advance(60_000);
    expect(seen.at(-1)).toBe('five');
    followed.close();
    expect(clock.pending).toBe(0);
  });

  it('report the many writes of one change once', async () => {
    let reads = 0;
    let report = () => {};
    const clock = createFakeClock();
    const followed = createWatchedFiles({
      clock,
      identify: async () => 'directory',
      async read() {
        reads += 1;
        return { text: 'key' };
      },
      watch(_path, _options, listener) {
        report = () => listener('change', 'key');
        const watcher = { close() {}, once: () => watcher };
        return watcher as unknown as FSWatcher;
      },
    }).watch(['/keys/key'], () => {});
    await followed.ready;
    for (let write = 0; write < 9; write += 1) {
      report();
      await clock.advance(10);
    }
    await clock.advance(1_000);
    expect(reads).toBe(2);
    followed.close();
  });
});
