import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BackendConfig, SignalboxConfig } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { makeFolder, replaceFile } from '../helpers/folder.js';
import { listBatches, listFiles, makeSpoolDir, readBatches } from '../helpers/spool-dir.js';
import { hang, startFaultReceiver } from './fault-receiver.js';
import { hangingBackends } from './hanging.js';
import { startWatchedService, type WatchedService } from './watched-service.js';

/** A receiver that is down until it is told otherwise. */
async function startDown(status = 503) {
  let isDown = true;
  const receiver = await startFaultReceiver({ answer: () => (isDown ? { status } : undefined) });
  return {
    receiver,
    url: receiver.url,
    restore() {
      isDown = false;
    },
  };
}

function startSpooled(sick: BackendConfig, others: Partial<SignalboxConfig> = {}): WatchedService {
  return startWatchedService({
    ...others,
    backends: { sick: { scheduleDelayMs: 0, ...sick }, ...others.backends },
  });
}

function spooled(service: WatchedService): number {
  return service.backend('sick').spooled;
}

describe('with a spool, an outage', () => {
  it('that is longer than the retries costs nothing: what was given up is sent later', async () => {
    const spoolDir = makeSpoolDir();
    const { url, receiver, restore } = await startDown();
    const service = startSpooled({ endpoint: url, spoolDir, retryMaxElapsedMs: 0 });

    const ids = service.makeSpans('sick', 20);
    await service.until(() => spooled(service) === 20);
    expect(service.backend('sick')).toMatchObject({ queued: 0, dropped: {} });
    restore();
    await service.until(({ backends }) => backends.sick?.delivered === 20);

    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
    expect(service.backend('sick')).toMatchObject({ spooled: 0, recovered: 0, state: 'up' });
    await eventually(() => listBatches(spoolDir).length === 0);
  });

  it.each([
    { limit: 'maxQueueSize', backend: { maxQueueSize: 40 }, others: {}, held: 30 },
    { limit: 'maxQueueBytes', backend: { maxQueueBytes: 12_000 }, others: {}, held: 75 },
    { limit: 'maxBufferedBytes', backend: {}, others: { maxBufferedBytes: 30_000 }, held: 55 },
  ])('loses nothing to a queue that would be full ($limit)', async ({ backend, others, held }) => {
    const spoolDir = makeSpoolDir();
    const { url, receiver, restore } = await startDown();
    const service = startSpooled(
      { endpoint: url, spoolDir, maxExportBatchSize: 10, maxConcurrentExports: 1, ...backend },
      others,
    );

    const ids = service.makeSpans('sick', 5);
    await service.until(({ backends }) => backends.sick?.state !== 'up');
    for (let round = 0; round < 30; round += 1) {
      ids.push(...service.makeSpans('sick', 10));
      // The next spans come when the disk has had its turn, as those of requests do.
      await service.until(({ backends }) => (backends.sick?.queued ?? 0) <= held);
    }
    expect(service.backend('sick').dropped).toEqual({});
    expect(spooled(service)).toBeGreaterThan(200);
    restore();
    await service.until(({ backends }) => backends.sick?.delivered === ids.length);

    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
    expect(service.backend('sick')).toMatchObject({ dropped: {}, spooled: 0 });
  });

  it('lets new spans go first when it is over', async () => {
    const spoolDir = makeSpoolDir();
    const { url, receiver, restore } = await startDown();
    const service = startSpooled({
      endpoint: url,
      spoolDir,
      retryMaxElapsedMs: 0,
      maxExportBatchSize: 1,
      maxConcurrentExports: 1,
    });
    const old = service.makeSpans('sick', 12);
    await service.until(() => spooled(service) === 12);
    restore();
    const young = service.makeSpans('sick', 12);
    await service.until(({ backends }) => backends.sick?.delivered === 24);

    const order = receiver.taken;
    expect(order.toSorted()).toEqual([...old, ...young].toSorted());
    // One file may be the probe that found the backend up, and one may be under way.
    const beforeLastYoung = order.slice(0, Math.max(...young.map((id) => order.indexOf(id))));
    expect(beforeLastYoung.filter((id) => old.includes(id)).length).toBeLessThanOrEqual(2);
  });

  it('settles a forceFlush with what is on disk', async () => {
    const spoolDir = makeSpoolDir();
    const { url } = await startDown();
    const service = startSpooled({ endpoint: url, spoolDir, retryMaxElapsedMs: 0 });
    service.makeSpans('sick', 20);
    await service.processor.forceFlush();
    expect(service.backend('sick')).toMatchObject({ queued: 0, inFlight: 0 });
    expect(spooled(service)).toBe(20);
  });
});

describe('with a spool, credentials that are refused', () => {
  /** A backend that is down at first, and then takes one key. */
  async function startKeyed(isDown = true) {
    const state = { isDown, key: 'old' };
    const receiver = await startFaultReceiver({
      answer({ headers }) {
        if (state.isDown) return { status: 503 };
        return headers.authorization === `Bearer ${state.key}` ? undefined : { status: 401 };
      },
    });
    const apiKeyFile = path.join(makeFolder(), 'key');
    writeFileSync(apiKeyFile, 'old');
    return { state, receiver, apiKeyFile, spoolDir: makeSpoolDir() };
  }

  it('leave what is on disk there, until there are others', async () => {
    const { state, receiver, apiKeyFile, spoolDir } = await startKeyed();
    const service = startSpooled({
      endpoint: receiver.url,
      spoolDir,
      apiKeyFile,
      retryMaxElapsedMs: 0,
    });
    const ids = service.makeSpans('sick', 20);
    await service.until(() => spooled(service) === 20);
    state.key = 'new';
    state.isDown = false;
    await eventually(() => service.log.some((line) => line.includes('refuses its credentials')));
    await service.until(() => spooled(service) === 20);

    replaceFile(apiKeyFile, 'new');
    await service.until(({ backends }) => backends.sick?.delivered === 20);
    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
    expect(service.backend('sick')).toMatchObject({ spooled: 0, dropped: {} });
  });

  it('leave what is held at a shutdown to the next process', async () => {
    const { state, receiver, apiKeyFile, spoolDir } = await startKeyed(false);
    state.key = 'new';
    const config = { endpoint: receiver.url, spoolDir, apiKeyFile };
    const first = startSpooled(config);
    const ids = first.makeSpans('sick', 20);
    await eventually(() => first.log.some((line) => line.includes('refuses its credentials')));
    await first.stop();
    expect(first.backend('sick')).toMatchObject({ spooled: 20, dropped: {} });

    replaceFile(apiKeyFile, 'new');
    const second = startSpooled(config);
    await second.until(({ backends }) => backends.sick?.delivered === 20);
    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
  });
});

describe('with a spool, a shutdown', () => {
  const signalboxOwn = hangingBackends.filter(({ way }) => !/exporter/.test(way));

  it.each(signalboxOwn)(
    'beside a backend that $way leaves its spans to the next process',
    async ({ start }) => {
      const spoolDir = makeSpoolDir();
      const { endpoint = '', ...sick } = await start();
      const first = startSpooled({ ...sick, endpoint, spoolDir, maxExportBatchSize: 7 });
      const ids = first.makeSpans('sick', 20);
      await first.stop();
      expect(first.backend('sick')).toMatchObject({ spooled: 20, dropped: {} });
      expect(readBatches(spoolDir).reduce((sum, { spans }) => sum + spans, 0)).toBe(20);
      expect(ids).toHaveLength(20);
    },
  );

  it('and a start: the next process delivers what the first one left', async () => {
    const spoolDir = makeSpoolDir();
    let isHanging = true;
    const receiver = await startFaultReceiver({
      answer: (request) => (isHanging ? hang.answer?.(request) : undefined),
    });
    const first = startSpooled({ endpoint: receiver.url, spoolDir, compression: 'gzip' });
    const ids = first.makeSpans('sick', 20);
    await first.stop();
    expect(first.backend('sick')).toMatchObject({ accepted: 20, spooled: 20, dropped: {} });

    isHanging = false;
    const arrivedBefore = receiver.arrived.length;
    const second = startSpooled({ endpoint: receiver.url, spoolDir });
    await second.until(({ backends }) => backends.sick?.delivered === 20);
    expect(second.backend('sick')).toMatchObject({ accepted: 0, recovered: 20, spooled: 0 });
    expect(receiver.arrived.slice(arrivedBefore).toSorted()).toEqual(ids.toSorted());
    await second.stop();
    expect(listFiles(spoolDir)).toEqual([]);
  });

  it('writes at once where the backend is known to be down', async () => {
    const spoolDir = makeSpoolDir();
    const { url } = await startDown();
    const service = startSpooled({ endpoint: url, spoolDir }, { shutdownTimeoutMs: 600_000 });
    service.makeSpans('sick', 20);
    await service.until(({ backends }) => backends.sick?.state === 'down');
    await service.stop();
    expect(service.backend('sick')).toMatchObject({ spooled: 20, dropped: {} });
  });
});

describe('with a spool, a shutdown beside a backend that hangs', () => {
  it('writes to disk also where the lookup of another key takes half of the time', async () => {
    const { url } = await startFaultReceiver(hang);
    const service = startSpooled(
      { endpoint: url, spoolDir: makeSpoolDir() },
      { routes: { sick: ['sick'] }, resolveBackend: () => new Promise(() => {}) },
    );
    service.makeSpans('sick', 20);
    service.makeSpans('slow', 1);
    await service.until(({ backends }) => backends.sick?.inFlight === 20);
    await service.stop();
    expect(service.backend('sick')).toMatchObject({ spooled: 20, dropped: {} });
  });

  it('writes to disk also where update() has made the time shorter', async () => {
    const { url } = await startFaultReceiver(hang);
    const backends = { sick: { endpoint: url, spoolDir: makeSpoolDir(), scheduleDelayMs: 0 } };
    const service = startWatchedService({ backends, shutdownTimeoutMs: 5_000 });
    service.makeSpans('sick', 20);
    await service.until(() => service.backend('sick').inFlight === 20);
    service.processor.update({ backends, shutdownTimeoutMs: 500 });
    await service.stop();
    expect(service.backend('sick')).toMatchObject({ spooled: 20, dropped: {} });
  });
});

describe('with a spool, the backend of a key', () => {
  it('stays open until its files are sent, with the key of their own account', async () => {
    const { url, receiver, restore } = await startDown();
    const spoolDir = makeSpoolDir();
    let apiKey = 'key-of-one';
    const service = startWatchedService({
      backends: {},
      templateIdleTimeoutMs: 40,
      resolveBackendTtlMs: 0,
      resolveBackend: () => ({
        endpoint: url,
        apiKey,
        spoolDir,
        scheduleDelayMs: 0,
        retryMaxElapsedMs: 600,
      }),
    });
    const before = service.makeSpans('acme', 5);
    // By then it has been looked at several times, and was being settled as its spans went to disk.
    await service.until(({ backends }) =>
      Object.values(backends).some(({ spooled: onDisk }) => onDisk === 5),
    );
    apiKey = 'key-of-two';
    const after = service.makeSpans('acme', 1);
    restore();
    await service.until(({ backends }) => backends['(removed)']?.delivered === 6);
    const sentWith = (key: string) =>
      receiver.requests
        .filter(({ headers }) => headers.authorization === `Bearer ${key}`)
        .flatMap(({ spans }) => spans.map(({ spanId }) => spanId));
    expect(new Set(sentWith('key-of-one'))).toEqual(new Set(before));
    expect(new Set(sentWith('key-of-two'))).toEqual(new Set(after));
    expect(service.processor.stats().backends).toMatchObject({
      '(removed)': { accepted: 6, recovered: 0, movedOut: 0, spooled: 0 },
    });
  });
});

describe('a file', () => {
  it('is for this user alone, and bears what it is checked by', async () => {
    const spoolDir = makeSpoolDir();
    const { url } = await startDown();
    const service = startSpooled(
      { endpoint: url, spoolDir, retryMaxElapsedMs: 0 },
      { routes: { acme: ['sick'], globex: ['sick'] }, routeAttribute: '' },
    );
    service.makeSpans('acme', 2);
    service.makeSpans('globex', 1);
    await service.until(() => spooled(service) === 3);

    const [file = ''] = listBatches(spoolDir);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    expect(readBatches(spoolDir)).toMatchObject([
      { routeKeys: ['acme', 'globex'], spans: 3, contentType: 'application/x-protobuf' },
    ]);
  });

  it.each([
    { what: 'another URL', change: (url: string) => ({ endpoint: `${url}/other` }) },
    { what: 'another account', change: () => ({ headers: { 'x-scope-orgid': 'other' } }) },
    { what: 'another key, maybe another account’s', change: () => ({ apiKey: 'other' }) },
  ])('of $what is set aside, and never sent', async ({ change }) => {
    const spoolDir = makeSpoolDir();
    const { url, receiver, restore } = await startDown();
    const first = startSpooled({ endpoint: url, spoolDir, retryMaxElapsedMs: 0 });
    first.makeSpans('sick', 3);
    await first.until(() => spooled(first) === 3);
    await first.stop();
    restore();
    const second = startSpooled({ endpoint: url, spoolDir, ...change(url) });
    await second.until(({ backends }) => backends.sick?.dropped.quarantined === 3);

    await eventually(() => listFiles(path.join(spoolDir, 'sick', 'quarantine')).length === 1);
    expect(second.backend('sick')).toMatchObject({ recovered: 3, spooled: 0, delivered: 0 });
    expect(receiver.taken).toEqual([]);
    const told = second.log.filter((line) => line.includes('quarantine'));
    expect(told.length).toBeGreaterThan(0);
  });

  it('that is damaged is set aside, and never sent', async () => {
    const spoolDir = makeSpoolDir();
    const { url, receiver, restore } = await startDown();
    const first = startSpooled({ endpoint: url, spoolDir, retryMaxElapsedMs: 0 });
    first.makeSpans('sick', 3);
    await first.until(() => spooled(first) === 3);
    await first.stop();
    for (const file of listBatches(spoolDir)) {
      const content = readFileSync(file);
      content.writeUInt8(content.readUInt8(content.length - 60) ^ 1, content.length - 60);
      writeFileSync(file, content);
    }
    restore();
    const second = startSpooled({ endpoint: url, spoolDir });
    await second.until(({ backends }) => backends.sick?.dropped.quarantined === 3);
    expect(receiver.taken).toEqual([]);
  });

  it('that is too large for the backend is sent in parts', async () => {
    const spoolDir = makeSpoolDir();
    let isDown = true;
    const receiver = await startFaultReceiver({
      answer(request) {
        if (isDown) return { status: 503 };
        return request.spans.length > 3 ? { status: 413 } : undefined;
      },
    });
    const service = startSpooled({ endpoint: receiver.url, spoolDir, retryMaxElapsedMs: 0 });
    const ids = service.makeSpans('sick', 20);
    await service.until(() => spooled(service) === 20);
    isDown = false;
    await service.until(({ backends }) => backends.sick?.delivered === 20);
    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
  });

  it('that the backend refuses is dropped, and removed', async () => {
    const spoolDir = makeSpoolDir();
    let status = 503;
    const receiver = await startFaultReceiver({ answer: () => ({ status }) });
    const service = startSpooled({ endpoint: receiver.url, spoolDir, retryMaxElapsedMs: 0 });
    service.makeSpans('sick', 3);
    await service.until(() => spooled(service) === 3);
    status = 400;
    await service.until(({ backends }) => backends.sick?.dropped.refused === 3);
    await eventually(() => listBatches(spoolDir).length === 0);
  });
});

describe('a spool that can not be written', () => {
  it('leaves everything as it is without one, and says so', async () => {
    const spoolDir = path.join(makeSpoolDir(), 'spool');
    const { url, restore } = await startDown();
    const service = startSpooled({
      endpoint: url,
      spoolDir,
      maxQueueSize: 40,
      maxExportBatchSize: 10,
      maxConcurrentExports: 1,
    });
    // After the configuration has been checked.
    writeFileSync(spoolDir, '');
    service.makeSpans('sick', 60);
    await service.until(() => service.log.some((line) => line.includes('can not be written')));
    expect(service.backend('sick').dropped).toEqual({ queue_full: 20 });
    expect(service.log.filter((line) => line.includes('can not be written'))).toHaveLength(1);
    restore();
    await service.until(({ backends }) => backends.sick?.delivered === 40);
    expect(spooled(service)).toBe(0);
    rmSync(spoolDir);
    mkdirSync(spoolDir);
  });
});
