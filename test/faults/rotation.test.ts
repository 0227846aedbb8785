import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import type { ReceivedRequest } from '../../src/receiver/received.js';
import { eventually } from '../helpers/eventually.js';
import { makeFolder, mountSecret, replaceFile } from '../helpers/folder.js';
import { partialSuccess } from '../helpers/receiver.js';
import { type FaultReceiver, startFaultReceiver } from './fault-receiver.js';
import { load, takenOf } from './load.js';
import { SECRET, startWatchedService } from './watched-service.js';

const [OLD, NEW] = [`${SECRET}-old`, `${SECRET}-new`];

/** A receiver that takes one key of the backend `rotated`, and all requests of others. */
async function startKeyed(first: string) {
  let valid = first;
  const refused: ReceivedRequest[] = [];
  const receiver = await startFaultReceiver({
    answer(request) {
      if (request.backend !== 'rotated') return undefined;
      if (request.headers.authorization === `Bearer ${valid}`) return undefined;
      refused.push(request);
      return { status: 401 };
    },
  });
  return {
    receiver,
    refused,
    take(key: string) {
      valid = key;
    },
  };
}

function config(receiver: FaultReceiver, name: string, more: BackendConfig): BackendConfig {
  return { endpoint: `${receiver.url}/${name}`, scheduleDelayMs: 5, ...more };
}

describe('an API key in a file, refused from a moment on before the file has another', () => {
  const ways: readonly {
    readonly way: string;
    readonly prepare: () => { readonly path: string; readonly change: (key: string) => void };
  }[] = [
    {
      way: 'written in place',
      prepare() {
        const path = join(makeFolder(), 'key');
        writeFileSync(path, `${OLD}\n`);
        return { path, change: (key) => writeFileSync(path, `${key}\n`) };
      },
    },
    {
      way: 'replaced by another file',
      prepare() {
        const path = join(makeFolder(), 'key');
        writeFileSync(path, OLD);
        return { path, change: (key) => replaceFile(path, key) };
      },
    },
    {
      way: 'swapped by Kubernetes',
      prepare() {
        const secret = mountSecret({ key: OLD });
        return { path: secret.path('key'), change: (key) => secret.swap({ key }) };
      },
    },
  ];

  it.each(ways)('costs no span, and sends none twice ($way)', async ({ prepare }) => {
    const { path, change } = prepare();
    const { receiver, refused, take } = await startKeyed(OLD);
    const service = startWatchedService({
      backends: {
        rotated: config(receiver, 'rotated', { apiKeyFile: path }),
        neighbour: config(receiver, 'neighbour', { apiKey: `${SECRET}-static` }),
      },
    });
    const made = load(service, 'rotated', 'neighbour');
    await service.until(({ backends }) => (backends.rotated?.delivered ?? 0) > 50);

    take(NEW);
    await eventually(() => refused.length > 10);
    const { delivered } = service.backend('neighbour');
    change(NEW);
    await service.until(({ backends }) => (backends.neighbour?.delivered ?? 0) > delivered + 50);
    made.stop();
    await service.processor.forceFlush();

    for (const name of ['rotated', 'neighbour']) {
      expect(takenOf(receiver, name).toSorted()).toEqual(made.of(name).toSorted());
      expect(service.backend(name)).toMatchObject({
        accepted: made.of(name).length,
        delivered: made.of(name).length,
        dropped: {},
        state: 'up',
      });
    }
    expect(refused.every(({ headers }) => headers.authorization === `Bearer ${OLD}`)).toBe(true);
    // Once for all: it was said a moment ago.
    expect(service.log.filter((line) => line.includes('refuses its credentials'))).toEqual([
      expect.stringContaining('backend rotated refuses its credentials (HTTP 401)'),
    ]);
  });

  it('is read once more when the first request is made', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, OLD);
    const { receiver, refused } = await startKeyed(NEW);
    const service = startWatchedService({
      backends: { rotated: config(receiver, 'rotated', { apiKeyFile: path }) },
    });
    writeFileSync(path, NEW);

    const ids = service.makeSpans('rotated', 5);
    await service.processor.forceFlush();

    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
    expect(refused).toEqual([]);
  });

  it.each([
    ['is empty', ''],
    ['has characters that no header can carry', `${SECRET}\n${SECRET}`],
  ])('keeps the last good key while the file %s', async (what, content) => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, OLD);
    const { receiver } = await startKeyed(OLD);
    const service = startWatchedService({
      backends: { rotated: config(receiver, 'rotated', { apiKeyFile: path }) },
    });
    service.makeSpans('rotated', 5);
    await service.processor.forceFlush();

    writeFileSync(path, content);
    await eventually(() => service.log.some((line) => line.includes(what)));
    service.makeSpans('rotated', 5);
    await service.processor.forceFlush();

    expect(service.backend('rotated')).toMatchObject({ delivered: 10, dropped: {} });
  });

  it('is told to nobody, also where the backend repeats a key that is new', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, OLD);
    const receiver = await startFaultReceiver({
      answer: (request) => partialSuccess(request, 0, `hello ${request.headers.authorization}`),
    });
    const service = startWatchedService({
      backends: { rotated: config(receiver, 'rotated', { apiKeyFile: path }) },
    });
    service.makeSpans('rotated', 1);
    await service.processor.forceFlush();
    writeFileSync(path, NEW);
    await eventually(async () => {
      service.makeSpans('rotated', 1);
      await service.processor.forceFlush();
      return receiver.requests.at(-1)?.headers.authorization === `Bearer ${NEW}`;
    });
    // That no line has the secret is asserted of every service.
    expect(service.log.join()).toContain('warns: hello');
  });
});

describe('a batch that is refused', () => {
  const refuseAll = { answer: () => ({ status: 403 }) };

  it('with a key that can not change is lost at once', async () => {
    const receiver = await startFaultReceiver(refuseAll);
    const service = startWatchedService({
      backends: { rotated: config(receiver, 'rotated', { apiKey: OLD }) },
    });
    service.makeSpans('rotated', 5);
    await service.processor.forceFlush();
    expect(service.backend('rotated')).toMatchObject({ dropped: { refused: 5 } });
    expect(receiver.attempts).toBe(1);
  });

  it('until its grace is over is lost then', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, OLD);
    const receiver = await startFaultReceiver(refuseAll);
    const service = startWatchedService({
      backends: {
        rotated: config(receiver, 'rotated', { apiKeyFile: path, authGraceMs: 100 }),
      },
    });
    service.makeSpans('rotated', 5);
    await service.until(({ backends }) => (backends.rotated?.queued ?? 0) === 5);
    await service.processor.forceFlush();
    expect(service.backend('rotated')).toMatchObject({ dropped: { refused: 5 } });
    expect(service.log.join()).toContain('as refused (HTTP 403)');
    expect(receiver.attempts).toBe(1);
  });

  it('holds up no other of its backend', async () => {
    const path = join(makeFolder(), 'key');
    writeFileSync(path, OLD);
    const receiver = await startFaultReceiver({
      answer: ({ spans }) =>
        spans.some(({ name }) => name.includes('refused')) ? { status: 403 } : undefined,
    });
    const rotated = config(receiver, 'rotated', { apiKeyFile: path, maxExportBatchSize: 1 });
    const service = startWatchedService({
      backends: { rotated },
      routes: { refused: ['rotated'], taken: ['rotated'] },
    });
    service.makeSpans('refused', 10);
    const ids = service.makeSpans('taken', 10);
    await service.until(({ backends }) => backends.rotated?.delivered === 10);
    expect(service.backend('rotated')).toMatchObject({ queued: 10, inFlight: 0, dropped: {} });
    expect(takenOf(receiver, 'rotated').toSorted()).toEqual(ids.toSorted());
  });
});

describe('a credentials function', () => {
  it('gives the first key, and the next one when that is refused, without a loss', async () => {
    const { receiver, refused, take } = await startKeyed(OLD);
    const keys = [OLD, NEW];
    const asked: boolean[] = [];
    const service = startWatchedService({
      backends: {
        rotated: config(receiver, 'rotated', {
          async credentials({ isRefused }) {
            asked.push(isRefused);
            return keys.shift() ?? '';
          },
        }),
      },
    });
    const made = load(service, 'rotated');
    await service.until(({ backends }) => (backends.rotated?.delivered ?? 0) > 50);
    take(NEW);
    await eventually(() => refused.length > 0);
    const { delivered } = service.backend('rotated');
    await service.until(({ backends }) => (backends.rotated?.delivered ?? 0) > delivered + 50);
    made.stop();
    await service.processor.forceFlush();

    expect(takenOf(receiver, 'rotated').toSorted()).toEqual(made.of('rotated').toSorted());
    expect(service.backend('rotated')).toMatchObject({ dropped: {} });
    expect(asked).toEqual([false, true]);
  });

  it('that fails keeps the spans waiting, as in an outage, until it gives a key', async () => {
    const { receiver } = await startKeyed(NEW);
    let failures = 0;
    const service = startWatchedService({
      backends: {
        rotated: config(receiver, 'rotated', {
          credentials() {
            failures += 1;
            if (failures <= 2) throw new Error(`no ${SECRET}`);
            return NEW;
          },
        }),
      },
    });
    const ids = service.makeSpans('rotated', 5);
    await service.processor.forceFlush();
    expect(receiver.taken.toSorted()).toEqual(ids.toSorted());
    expect(receiver.attempts).toBe(1);
    expect(service.log.join()).toContain('its credentials function failed (Error)');
  });

  it('that hangs holds up neither its neighbour nor the shutdown', async () => {
    const { receiver } = await startKeyed(NEW);
    let signal: AbortSignal | undefined;
    const service = startWatchedService({
      shutdownTimeoutMs: 100,
      backends: {
        rotated: config(receiver, 'rotated', {
          credentials(request) {
            signal = request.signal;
            return new Promise(() => {});
          },
        }),
        neighbour: config(receiver, 'neighbour', {}),
      },
    });
    service.makeSpans('rotated', 5);
    service.makeSpans('neighbour', 5);
    await service.until(({ backends }) => backends.neighbour?.delivered === 5);
    await eventually(() => signal !== undefined);
    await service.stop();
    expect(signal?.aborted).toBe(true);
    expect(service.backend('rotated')).toMatchObject({ dropped: { shutdown_timeout: 5 } });
  });
});

describe('keys in one folder', () => {
  it.runIf(process.platform === 'linux')(
    'are watched once, however many backends of however many processors read them',
    async () => {
      const receiver = await startFaultReceiver();
      const folder = makeFolder();
      const backends = Object.fromEntries(
        Array.from({ length: 200 }, (_, index) => {
          const path = join(folder, `key-${index}`);
          writeFileSync(path, OLD);
          return [`b${index}`, config(receiver, `b${index}`, { apiKeyFile: path })];
        }),
      );
      const before = countWatches();
      const service = startWatchedService({ backends });
      expect(countWatches()).toBe(before);

      for (const name of Object.keys(backends)) service.makeSpans(name, 1);
      await service.processor.forceFlush();
      expect(receiver.taken).toHaveLength(200);
      expect(countWatches()).toBe(before + 1);

      await service.stop();
      await eventually(() => countWatches() === before);
    },
  );
});

/** How many things the kernel watches for this process. */
function countWatches(): number {
  const texts = readdirSync('/proc/self/fdinfo').map((file) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${file}`, 'utf8');
    } catch {
      // The descriptor that the folder itself was read by.
      return '';
    }
  });
  return texts.join('\n').match(/^inotify wd:/gm)?.length ?? 0;
}
