import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SpoolLimits } from '../../../src/config/resolved.js';
import { type Disk, localDisk } from '../../../src/exporter/spool/disk.js';
import type { SpoolHeader } from '../../../src/exporter/spool/spool-file.js';
import { createStore } from '../../../src/exporter/spool/store.js';
import { createFakeClock } from '../../helpers/fake-clock.js';
import { ageOwners, listBatches, listFiles, makeSpoolDir } from '../../helpers/spool-dir.js';
import { createCheckingLedger, createRecordingLog } from '../fixtures.js';

const DAY_MS = 86_400_000;

interface BenchOptions extends Partial<SpoolLimits> {
  readonly disk?: Disk;
  readonly fingerprint?: string;
}

/** A store on a real directory. */
function createBench(dir: string, options: BenchOptions = {}) {
  const { disk = localDisk, fingerprint = 'f', ...limits } = options;
  const clock = createFakeClock();
  const accounting = createCheckingLedger();
  const { log, lines } = createRecordingLog();
  const store = createStore({
    backend: 'standard',
    limits: { dir, maxBytes: 2 ** 20, maxAgeMs: DAY_MS, ...limits },
    fingerprintOf: () => fingerprint,
    disk,
    ledger: accounting.ledger,
    log,
    clock,
  });
  return {
    ...accounting,
    clock,
    store,
    lines,
    /** Accepts spans and writes them; whether they are on disk. */
    async write(spans: number, size = 100, over: Partial<SpoolHeader> = {}): Promise<boolean> {
      for (let each = 0; each < spans; each += 1) accounting.ledger.accept();
      const header: SpoolHeader = {
        fingerprint,
        routeKeys: ['acme'],
        spans,
        createdAt: clock.epochMs(),
        contentType: 'application/json',
        ...over,
      };
      const file = await store.write(header, [Buffer.alloc(size)], () => {
        accounting.ledger.spool(spans, 'queued');
        return 'spooled';
      });
      return file !== undefined;
    },
    get spans() {
      return store.files.map((file) => file.spans);
    },
  };
}

/** A disk whose writes fail, with this code, while it is told so. */
function createFailing(code: string) {
  const failing = { isFailing: true, disk: localDisk };
  failing.disk = {
    ...localDisk,
    async write(file, parts) {
      if (!failing.isFailing) return localDisk.write(file, parts);
      throw Object.assign(new Error(code), { code });
    },
  };
  return failing;
}

describe('a directory that processes share', () => {
  it('has one of its own for each, and no files of one are the other’s while both live', async () => {
    const dir = makeSpoolDir();
    const [one, other] = [createBench(dir), createBench(dir)];
    await one.write(1);
    await other.write(2);
    await one.store.tend();
    await other.store.tend();
    expect([one.spans, other.spans]).toEqual([[1], [2]]);
    expect([one.counts.recovered, other.counts.recovered]).toEqual([0, 0]);
  });

  it('gives the files of one that is gone to one of the others, and not to two', async () => {
    const dir = makeSpoolDir();
    const dead = createBench(dir);
    for (const spans of [1, 2, 3]) await dead.write(spans);
    ageOwners(dir);
    const heirs = [1, 2, 3, 4].map(() => createBench(dir));
    await Promise.all(heirs.map(({ store }) => store.tend()));
    await Promise.all(heirs.map(({ store }) => store.tend()));

    expect(heirs.flatMap(({ spans }) => spans).sort()).toEqual([1, 2, 3]);
    expect(heirs.reduce((sum, { counts }) => sum + counts.recovered, 0)).toBe(6);
    expect(heirs.filter(({ spans }) => spans.length > 0)).toHaveLength(1);
    expect(listBatches(dir)).toHaveLength(3);
  });

  it('is adopted of one that shows no sign of life, not even between two looks', async () => {
    const dir = makeSpoolDir();
    const dead = createBench(dir);
    await dead.write(1);
    ageOwners(dir, 61_000);
    const heir = createBench(dir);
    await heir.store.tend();
    expect(heir.spans).toEqual([]);
    await heir.clock.advance(20_000);
    await heir.store.tend();
    expect(heir.spans).toEqual([1]);
  });

  it('stays with one that only seemed to be gone, as all do after their machine was suspended', async () => {
    const dir = makeSpoolDir();
    const alive = createBench(dir);
    await alive.write(1);
    ageOwners(dir, 3_600_000);
    const other = createBench(dir);
    await other.store.tend();
    await alive.store.tend();
    await other.clock.advance(20_000);
    await other.store.tend();
    expect([alive.spans, other.spans]).toEqual([[1], []]);
    expect(alive.counts.movedOut).toBe(0);
  });

  it('is adopted at once where its process has ended as it should', async () => {
    const dir = makeSpoolDir();
    const ended = createBench(dir);
    await ended.write(5);
    await ended.store.close();
    const next = createBench(dir);
    await next.store.tend();
    expect(next.spans).toEqual([5]);
  });

  it('leaves nothing of a process that ended with nothing', async () => {
    const dir = makeSpoolDir();
    const ended = createBench(dir);
    await ended.write(5);
    const [file] = ended.store.files;
    if (file !== undefined) await ended.store.remove(file);
    await ended.store.close();
    expect(listFiles(dir)).toEqual([]);
  });

  it('tells one that was only suspended that it was adopted, which takes a new one', async () => {
    const dir = makeSpoolDir();
    const suspended = createBench(dir);
    await suspended.write(4);
    ageOwners(dir);
    const heir = createBench(dir);
    await heir.store.tend();
    expect(heir.spans).toEqual([4]);

    expect(await suspended.write(2)).toBe(true);
    expect(suspended.spans).toEqual([2]);
    expect(suspended.counts.movedOut).toBe(4);
    expect(suspended.lines.filter((line) => line.includes('no sign of life'))).toHaveLength(1);
    await heir.store.tend();
    expect(heir.spans).toEqual([4]);
  });

  it('lets a suspended one that would send a file see that it is another’s', async () => {
    const dir = makeSpoolDir();
    const suspended = createBench(dir);
    await suspended.write(4);
    const [file] = suspended.store.files;
    ageOwners(dir);
    await createBench(dir).store.tend();
    expect(file && (await suspended.store.read(file))).toBeUndefined();
    expect(suspended.spans).toEqual([]);
    expect(suspended.counts.movedOut).toBe(4);
  });

  it('loses nothing of a process that dies while it adopts', async () => {
    const dir = makeSpoolDir();
    const dead = createBench(dir);
    await dead.write(1);
    await dead.write(2);
    ageOwners(dir);
    // It has the directory, and none of its files yet.
    const [ownDirectory = ''] = listFiles(dir).map((file) => path.dirname(file));
    const heir = path.join(dir, 'standard', 'f'.repeat(16));
    mkdirSync(heir);
    renameSync(ownDirectory, path.join(heir, path.basename(ownDirectory)));
    writeFileSync(path.join(heir, 'heartbeat'), '.');
    ageOwners(dir);

    const next = createBench(dir);
    await next.store.tend();
    expect(next.spans).toEqual([1, 2]);
    expect(existsSync(heir)).toBe(false);
  });

  it('passes over what was being written, and sets aside what it does not know', async () => {
    const dir = makeSpoolDir();
    const dead = createBench(dir);
    await dead.write(1);
    const [file = ''] = listBatches(dir);
    writeFileSync(`${file}.part`, 'torn');
    writeFileSync(path.join(path.dirname(file), 'notes.txt'), 'mine');
    ageOwners(dir);
    const next = createBench(dir);
    await next.store.tend();
    expect(next.spans).toEqual([1]);
    const names = listFiles(dir).map((each) => path.relative(path.join(dir, 'standard'), each));
    expect(names).toContain(path.join('quarantine', 'notes.txt'));
    expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('a file', () => {
  it('is readable by this user alone, and so is its directory', async () => {
    const dir = makeSpoolDir();
    await createBench(dir).write(1);
    const [file = ''] = listBatches(dir);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const directory of [path.dirname(file), path.join(dir, 'standard')]) {
      expect(statSync(directory).mode & 0o777).toBe(0o700);
    }
  });

  it('of another fingerprint, or that is damaged, goes into quarantine, counted', async () => {
    const dir = makeSpoolDir();
    const bench = createBench(dir);
    await bench.write(1, 100, { fingerprint: 'other' });
    await bench.write(2);
    writeFileSync(listBatches(dir)[1] ?? '', 'torn');
    for (const file of Array.from(bench.store.files)) {
      expect(await bench.store.read(file)).toBeUndefined();
    }
    expect(bench.spans).toEqual([]);
    expect(bench.dropped).toEqual({ quarantined: 3 });
    expect(listFiles(path.join(dir, 'standard', 'quarantine'))).toHaveLength(2);
    expect(bench.lines.filter((line) => line.includes('quarantine'))).toHaveLength(2);
  });

  it('that somebody removed is missed, and said', async () => {
    const dir = makeSpoolDir();
    const bench = createBench(dir);
    await bench.write(3);
    for (const file of listBatches(dir)) rmSync(file);
    const [file] = bench.store.files;
    expect(file && (await bench.store.read(file))).toBeUndefined();
    expect([bench.spans, bench.counts.movedOut]).toEqual([[], 3]);
  });

  it('whose name leads elsewhere in a path stays below the directory', async () => {
    const dir = makeSpoolDir();
    const { ledger } = createCheckingLedger();
    const store = createStore({
      backend: '../../evil',
      limits: { dir: path.join(dir, 'spool'), maxBytes: 2 ** 20, maxAgeMs: DAY_MS },
      fingerprintOf: () => 'f',
      disk: localDisk,
      ledger,
      log: createRecordingLog().log,
      clock: createFakeClock(),
    });
    const header = {
      fingerprint: 'f',
      routeKeys: [],
      spans: 1,
      createdAt: 1,
      contentType: 'application/json',
    } as const;
    await store.write(header, [], () => 'spooled');
    expect(listFiles(path.join(dir, 'spool')).length).toBeGreaterThan(0);
    expect(listFiles(dir)).toEqual(listFiles(path.join(dir, 'spool')));
  });
});

describe('a backend whose name is too long for a directory', () => {
  const name = `template/org:${'a.b/c-'.repeat(20)}`;

  function createNamed(dir: string, backend: string) {
    const { ledger, counts } = createCheckingLedger();
    const store = createStore({
      backend,
      limits: { dir, maxBytes: 2 ** 20, maxAgeMs: DAY_MS },
      fingerprintOf: () => 'f',
      disk: localDisk,
      ledger,
      log: createRecordingLog().log,
      clock: createFakeClock(),
    });
    return { store, counts };
  }

  it('has one all the same, which is its own', async () => {
    const dir = makeSpoolDir();
    const first = createNamed(dir, name).store;
    const header: SpoolHeader = {
      fingerprint: 'f',
      routeKeys: [],
      spans: 1,
      createdAt: 1,
      contentType: 'application/json',
    };
    expect(await first.write(header, [], () => undefined)).toBeUndefined();
    expect(await first.write(header, [], () => 'spooled')).toBeDefined();
    await first.close();
    const other = createNamed(dir, `${name}x`);
    await other.store.tend();
    expect(other.store.files).toEqual([]);
    const same = createNamed(dir, name);
    await same.store.tend();
    expect(same.counts.recovered).toBe(1);
  });
});

describe('a store that is left', () => {
  it('moves its files out of the ledger, and takes over no more', async () => {
    const dir = makeSpoolDir();
    const dead = createBench(dir);
    for (const spans of [1, 2, 3]) await dead.write(spans);
    const bench = createBench(dir);
    await bench.write(4);
    ageOwners(dir);
    const tended = bench.store.tend();
    const closed = bench.store.close();
    bench.store.leave();
    await Promise.all([tended, closed]);
    expect(bench.counts).toMatchObject({ movedOut: 4, recovered: 0 });

    const next = createBench(dir);
    await next.store.tend();
    await next.store.tend();
    expect(next.counts.recovered).toBe(10);
  });

  it('removes what is being written meanwhile', async () => {
    const dir = makeSpoolDir();
    const bench = createBench(dir);
    const written = bench.write(1);
    bench.store.leave();
    expect(await written).toBe(false);
    expect(listBatches(dir)).toEqual([]);
  });
});

describe('the bounds', () => {
  it('in bytes: the oldest file gives way', async () => {
    const dir = makeSpoolDir();
    const bench = createBench(dir, { maxBytes: 3 * 4096 });
    for (const spans of [1, 2, 3, 4]) {
      await bench.write(spans);
      await bench.clock.advance(1);
    }
    expect(bench.spans).toEqual([2, 3, 4]);
    expect(bench.dropped).toEqual({ spool_full: 1 });
    expect(listBatches(dir)).toHaveLength(3);
  });

  it('in bytes: what alone passes them is not taken, and nothing gives way to it', async () => {
    const bench = createBench(makeSpoolDir(), { maxBytes: 3 * 4096 });
    await bench.write(1);
    expect(await bench.write(2, 20_000)).toBe(false);
    expect([bench.spans, bench.dropped]).toEqual([[1], {}]);
  });

  it('in bytes: hold for what was adopted too', async () => {
    const dir = makeSpoolDir();
    const dead = createBench(dir);
    for (const spans of [1, 2, 3, 4]) {
      await dead.write(spans);
      await dead.clock.advance(1);
    }
    ageOwners(dir);
    const next = createBench(dir, { maxBytes: 2 * 4096 });
    await next.store.tend();
    expect(next.spans).toEqual([3, 4]);
    expect(next.dropped).toEqual({ spool_full: 3 });
  });

  it('in time: what is too old is dropped', async () => {
    const dir = makeSpoolDir();
    const bench = createBench(dir, { maxAgeMs: 1_000 });
    await bench.write(1);
    await bench.clock.advance(600);
    await bench.write(2);
    await bench.clock.advance(600);
    await bench.store.tend();
    expect(bench.spans).toEqual([2]);
    expect(bench.dropped).toEqual({ spool_expired: 1 });
    expect(listBatches(dir)).toHaveLength(1);
  });

  it('hold for the quarantine as well', async () => {
    const dir = makeSpoolDir();
    const bench = createBench(dir, { maxBytes: 3 * 4096 });
    for (let round = 0; round < 5; round += 1) {
      await bench.write(1, 4_000, { fingerprint: 'other' });
      await bench.clock.advance(1);
      for (const file of Array.from(bench.store.files)) await bench.store.read(file);
    }
    expect(bench.dropped).toEqual({ quarantined: 5 });
    expect(listFiles(path.join(dir, 'standard', 'quarantine'))).toHaveLength(2);
  });
});

describe.each(['ENOSPC', 'EROFS', 'EACCES', 'EDQUOT', 'EIO'])('a disk that fails (%s)', (code) => {
  it('takes nothing, is told of once, and is tried again later', async () => {
    const failing = createFailing(code);
    const bench = createBench(makeSpoolDir(), { disk: failing.disk });
    expect(await bench.write(1)).toBe(false);
    expect(bench.store.isWritable).toBe(false);
    expect(bench.lines).toEqual([expect.stringContaining(code)]);
    failing.isFailing = false;
    await bench.clock.advance(60_000);
    expect(bench.store.isWritable).toBe(true);
    expect(await bench.write(2)).toBe(true);
    expect(bench.spans).toEqual([2]);
  });
});
