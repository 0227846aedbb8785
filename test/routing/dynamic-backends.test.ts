import { beforeEach, describe, expect, it } from 'vitest';
import { createLedger, type ExporterLedger, type Ledger } from '../../src/accounting/ledger.js';
import { createMetrics } from '../../src/accounting/metrics.js';
import type { Backend, DynamicConfig } from '../../src/config/resolved.js';
import type { Exporter } from '../../src/exporter/exporter.js';
import { createDynamicBackends, type DynamicBackends } from '../../src/routing/dynamic-backends.js';
import { createExporterOwners } from '../../src/routing/exporter-owners.js';
import { isPending } from '../../src/routing/table.js';
import { createRecordingLog, makeRouted } from '../exporter/fixtures.js';
import { createBackend } from '../helpers/backend.js';
import { now } from '../helpers/deadline.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';

const IDLE_MS = 600_000;

let clock: FakeClock;
let ledger: Ledger;
/** The keys whose spans go to disk, as their backend is away. */
let away: Set<string>;
let opened: Map<string, ExporterLedger>;
let closed: string[];
let maxBackends: number;

beforeEach(() => {
  clock = createFakeClock();
  const { log } = createRecordingLog();
  ledger = createLedger({ clock, log, metrics: createMetrics(undefined) });
  away = new Set();
  opened = new Map();
  closed = [];
  maxBackends = 3;
});

/** An exporter that settles each span at once: it is delivered, or on disk where its backend is away. */
function openExporter(backend: Backend, own: ExporterLedger): Exporter {
  const { name } = backend;
  return {
    name,
    role: 'primary',
    oldestQueuedAtMs: () => undefined,
    accept() {
      own.accept();
      if (away.has(name)) {
        own.spool(1, 'queued');
      } else {
        own.start(1, 'queued');
        own.deliver(1);
      }
      return 0;
    },
    settle: async () => true,
    flush: async () => true,
    async shutdown() {
      closed.push(name);
      own.moveOut(own.unsettled, 'spooled');
    },
  };
}

function create(lookUp?: DynamicConfig['lookUp']): DynamicBackends {
  const config: DynamicConfig = {
    classes: new Map(),
    lookUp: lookUp ?? ((key) => createBackend(`http://127.0.0.1/${key}`, { name: key })),
    source: createBackend('http://127.0.0.1/'),
    hosts: { allowed: undefined, refusePrivate: false },
    ttlMs: Number.POSITIVE_INFINITY,
    idleTimeoutMs: IDLE_MS,
    maxBackends,
  };
  return createDynamicBackends(config, {
    lookupTimeoutMs: 30_000,
    open(backend) {
      const own = ledger.backend(backend);
      opened.set(backend.name, own);
      return { backend, ledger: own, exporter: openExporter(backend, own) };
    },
    retire: (own) => ledger.retire(own),
    owners: createExporterOwners(),
    log: createRecordingLog().log,
    clock,
  });
}

/** Hands over a span of a key; `false` where the key leads nowhere. */
function hand(backends: DynamicBackends, key: string): boolean {
  const found = backends.find(key);
  if (found === undefined || isPending(found) || found.exporters === undefined) return false;
  for (const exporter of found.exporters) exporter.accept(makeRouted(1));
  return true;
}

describe('a backend with files on disk', () => {
  it('is not idle before these have been sent', async () => {
    const backends = create();
    away.add('acme');
    hand(backends, 'acme');
    hand(backends, 'globex');
    await clock.advance(3 * IDLE_MS);
    expect(closed).toEqual(['globex']);
    // On its way from the disk.
    opened.get('acme')?.start(1, 'spooled');
    await clock.advance(IDLE_MS);
    expect(closed).toEqual(['globex']);
    opened.get('acme')?.deliver(1);
    await clock.advance(IDLE_MS);
    expect(closed).toEqual(['globex', 'acme']);
    expect(ledger.stats().backends).toMatchObject({ '(removed)': { delivered: 2, movedOut: 0 } });
  });

  it('gives way to another key where no more may be open, the one that was quiet longest first', async () => {
    const backends = create();
    for (const key of ['b', 'a', 'c']) {
      away.add(key);
      hand(backends, key);
      await clock.advance(1_000);
    }
    // None of them is idle yet.
    expect(hand(backends, 'd')).toBe(false);
    await clock.advance(2 * IDLE_MS);
    hand(backends, 'c');
    expect(closed).toEqual([]);

    expect(hand(backends, 'd')).toBe(true);
    expect(hand(backends, 'e')).toBe(true);
    expect(hand(backends, 'f')).toBe(false);
    await clock.advance(0);
    expect(closed).toEqual(['b', 'a']);
    expect(ledger.stats().backends).toMatchObject({
      '(removed)': { accepted: 2, movedOut: 2, spooled: 0 },
      c: { spooled: 2 },
      d: { delivered: 1 },
    });
    expect(backends.exporters().map(({ name }) => name)).toEqual(['c', 'd', 'e']);
  });

  it('gives way to no key that has no backend', async () => {
    const backends = create((key) =>
      key === 'nobody' ? undefined : createBackend('http://127.0.0.1/', { name: key }),
    );
    for (const key of ['a', 'b', 'c']) {
      away.add(key);
      hand(backends, key);
    }
    await clock.advance(2 * IDLE_MS);
    expect(hand(backends, 'nobody')).toBe(false);
    await clock.advance(0);
    expect(closed).toEqual([]);
  });
});

describe('backends of a source that is replaced', () => {
  it('are closed after a minute, also where they were to be kept for longer', async () => {
    const backends = create();
    hand(backends, 'acme');
    await clock.advance(1_000);
    backends.retire();
    await clock.advance(90_000);
    expect(closed).toEqual(['acme']);
    expect(backends.isDrained()).toBe(true);
  });

  it('are not forgotten while one of them is being looked up', () => {
    const drained: boolean[] = [];
    const backends: DynamicBackends = create((key) => {
      backends.retire();
      drained.push(backends.isDrained());
      return createBackend('http://127.0.0.1/', { name: key });
    });
    expect(hand(backends, 'acme')).toBe(true);
    expect([...drained, backends.isDrained()]).toEqual([false, false]);
  });
});

describe('an exporter that is being closed', () => {
  it('is shut down with the processor, beside the one that was opened for the same key', async () => {
    let isDown = false;
    const backends = create();
    hand(backends, 'acme');
    const [tenant] = backends.exporters();
    void tenant?.shutdown(now(), 'backend_removed');
    hand(backends, 'acme');
    void tenant?.shutdown(now()).then(() => {
      isDown = true;
    });
    await clock.advance(0);
    expect(isDown).toBe(true);
    expect(closed).toEqual(['acme', 'acme', 'acme']);
  });
});
