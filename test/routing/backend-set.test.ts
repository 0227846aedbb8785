import { beforeEach, describe, expect, it } from 'vitest';
import { createLedger, type Ledger } from '../../src/accounting/ledger.js';
import { createLog } from '../../src/accounting/log.js';
import { createMetrics } from '../../src/accounting/metrics.js';
import type { Backend } from '../../src/config/resolved.js';
import { startDeadline } from '../../src/deadline.js';
import { createSpanEncoders } from '../../src/encoding/span-encoder.js';
import type { Exporter } from '../../src/exporter/exporter.js';
import { createMemory } from '../../src/exporter/memory.js';
import { openExporter } from '../../src/exporter/open.js';
import {
  type BackendSet,
  type ConfiguredBackends,
  createBackendSet,
} from '../../src/routing/backend-set.js';
import { createExporterOwners } from '../../src/routing/exporter-owners.js';
import type { SpanExporter } from '../../src/sdk.js';
import { makeRouted } from '../exporter/fixtures.js';
import { createBackend } from '../helpers/backend.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import { expectLaws } from '../helpers/laws.js';
import { recordingExporter } from '../helpers/service.js';

let clock: FakeClock;
let ledger: Ledger;

beforeEach(() => {
  clock = createFakeClock();
  ledger = createLedger({ clock, log: createLog(clock), metrics: createMetrics(undefined) });
});

function backend(
  name: string,
  exporter: SpanExporter = recordingExporter(),
  over: Partial<Backend> = {},
): Backend {
  const delivery = { kind: 'exporter', exporter } as const;
  return createBackend('http://127.0.0.1/', { name, delivery, ...over });
}

function mapOf(...backends: readonly Backend[]): ConfiguredBackends {
  return {
    backends: new Map(backends.map((each) => [each.name, each])),
    routes: new Map(),
    defaultRoute: undefined,
  };
}

function open(...backends: readonly Backend[]): BackendSet {
  const memory = createMemory(64 * 1024 * 1024);
  const encoderOf = createSpanEncoders(undefined);
  const log = createLog(clock);
  return createBackendSet(mapOf(...backends), {
    open(each, role) {
      const own = ledger.backend(each);
      const parts = { routeAttribute: undefined, encoderOf, memory, log, clock };
      const options = { ...parts, role, ledger: own };
      return {
        backend: each,
        ledger: own,
        exporter: openExporter(each, options),
      };
    },
    retire: (own) => ledger.retire(own),
    owners: createExporterOwners(),
    clock,
  });
}

/** Hands over a span as the router does. */
function hand(exporter: Exporter, id: number): void {
  ledger.routing.end();
  ledger.routing.route(1);
  exporter.accept(makeRouted(id));
  expectLaws(ledger.stats());
}

/** Has an exporter take over a span of another's. */
function takeOver({ failover }: Exporter, id: number): void {
  const routed = makeRouted(id);
  const { resource, instrumentationScope: scope } = routed.span;
  const kept = { chunk: undefined, index: 0, size: 500, routed } as const;
  const place = { from: 0, to: 1, sequence: id, acceptedAtMs: clock.now() };
  void failover?.takeOver({
    runs: [{ chunk: undefined, kept, resource, scope, ...place }],
    lane: { parent: undefined, countedKey: undefined, isGuest: true },
    keyOf: () => undefined,
    onTaken() {},
  });
}

describe('a removed backend', () => {
  it('goes on with the spans that it is handed, and closes when none has come for a minute', async () => {
    let shutdowns = 0;
    const recording = recordingExporter();
    const shutdown = async () => {
      shutdowns += 1;
    };
    const set = open(backend('acme', { ...recording, shutdown }));
    const exporter = set.exporterOf('acme', 'primary');
    hand(exporter, 1);
    set.replace(mapOf(backend('other')));
    for (let id = 2; id < 5; id += 1) {
      await clock.advance(40_000);
      hand(exporter, id);
      expect(shutdowns).toBe(0);
    }
    await clock.advance(59_000);
    expect(shutdowns).toBe(0);
    expect(set.exporters()).toContain(exporter);
    await clock.advance(60_000);
    expect(shutdowns).toBe(1);
    expect(recording.names()).toEqual(['span 1', 'span 2', 'span 3', 'span 4']);
    expect(set.exporters()).not.toContain(exporter);
    expect(ledger.stats().backends).toMatchObject({
      other: { accepted: 0 },
      '(removed)': { accepted: 4, delivered: 4, dropped: {} },
    });
  });

  it('drops what is handed to it even later as backend_removed, and counts it', async () => {
    const set = open(backend('acme'), backend('idle'));
    const [acme, idle] = [set.exporterOf('acme', 'primary'), set.exporterOf('idle', 'primary')];
    hand(acme, 1);
    set.replace(mapOf(backend('other')));
    await clock.advance(200_000);
    hand(acme, 2);
    hand(idle, 3);
    expect(ledger.stats().backends).toMatchObject({
      '(removed)': { accepted: 3, delivered: 1, queued: 0, dropped: { backend_removed: 2 } },
    });
  });

  it('never opens a connection for a span that comes too late', async () => {
    const set = open(createBackend('http://127.0.0.1:1/', { name: 'wire' }));
    const exporter = set.exporterOf('wire', 'primary');
    set.replace(mapOf(backend('other')));
    await clock.advance(200_000);
    hand(exporter, 1);
    await clock.advance(10_000);
    expect(ledger.stats().backends['(removed)']).toMatchObject({ dropped: { backend_removed: 1 } });
  });

  it('drops what it still holds when its exporter does not answer in all the time there is', async () => {
    const stuck = { ...recordingExporter(), export() {} };
    const set = open(backend('acme', stuck));
    hand(set.exporterOf('acme', 'primary'), 1);
    set.replace(mapOf(backend('other')));
    await clock.advance(300_000);
    expect(ledger.stats().backends).toMatchObject({ acme: { inFlight: 1 } });
    await clock.advance(200_000);
    expect(ledger.stats().backends).toMatchObject({
      '(removed)': { accepted: 1, inFlight: 0, dropped: { backend_removed: 1 } },
    });
    expectLaws(ledger.stats());
  });

  it('stays open while spans come as it is being settled', async () => {
    const answers: (() => void)[] = [];
    const slow: SpanExporter = {
      ...recordingExporter(),
      export: (_, callback) => answers.push(() => callback({ code: 0 })),
    };
    const set = open(backend('acme', slow));
    const exporter = set.exporterOf('acme', 'primary');
    hand(exporter, 1);
    set.replace(mapOf(backend('other')));
    await clock.advance(100_000);
    hand(exporter, 2);
    for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) {
      answer();
      await clock.advance(10_000);
    }
    expect(ledger.stats().backends).toMatchObject({ acme: { accepted: 2, delivered: 2 } });
    await clock.advance(100_000);
    expect(ledger.stats().backends).toMatchObject({ '(removed)': { accepted: 2, dropped: {} } });
  });

  it('stays open while it takes over spans of another as it is being settled', async () => {
    const answers: (() => void)[] = [];
    const slow: SpanExporter = {
      ...recordingExporter(),
      export: (_, callback) => answers.push(() => callback({ code: 0 })),
    };
    const set = open(backend('acme', slow));
    const exporter = set.exporterOf('acme', 'primary');
    hand(exporter, 1);
    set.replace(mapOf(backend('other')));
    await clock.advance(100_000);
    takeOver(exporter, 2);
    for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) {
      answer();
      // Longer than what is closed has to settle the rest.
      await clock.advance(20_000);
    }
    expect(ledger.stats().backends).toMatchObject({ acme: { movedIn: 1, delivered: 2 } });
    await clock.advance(100_000);
    expect(ledger.stats().backends).toMatchObject({ '(removed)': { movedIn: 1, dropped: {} } });
  });

  it('that is being closed is shut down in time with the others', async () => {
    const stuck = { ...recordingExporter(), shutdown: () => new Promise<void>(() => {}) };
    const set = open(backend('acme', stuck, { timeoutMs: 600_000 }));
    hand(set.exporterOf('acme', 'primary'), 1);
    set.replace(mapOf());
    await clock.advance(90_000);
    expect(stuck.names()).toEqual(['span 1']);
    const deadline = startDeadline(clock, 5_000);
    set.close();
    let isDown = false;
    void Promise.all(set.exporters().map((each) => each.shutdown(deadline))).then(() => {
      isDown = true;
    });
    await clock.advance(5_000);
    expect(isDown).toBe(true);
  });

  it('waits as long as what it holds for other credentials may, before it is closed', async () => {
    const waiting = { export() {}, shutdown: async () => {} };
    const credentials = { apiKey: '/run/secrets/key', tls: undefined };
    const set = open(backend('acme', waiting, { credentials, authGraceMs: 600_000 }));
    hand(set.exporterOf('acme', 'primary'), 1);
    set.replace(mapOf());
    await clock.advance(900_000);
    expect(ledger.stats().backends).toMatchObject({ acme: { dropped: {} } });
    await clock.advance(200_000);
    expect(ledger.stats().backends['(removed)']).toMatchObject({ dropped: { backend_removed: 1 } });
  });

  it('comes back with its queue, if it does before it has closed', async () => {
    const recording = recordingExporter();
    const acme = backend('acme', recording);
    const set = open(acme);
    const exporter = set.exporterOf('acme', 'primary');
    hand(exporter, 1);
    set.replace(mapOf(backend('other')));
    const again = backend('acme', recording);
    expect(set.listProblems(mapOf(again))).toEqual([]);
    set.replace(mapOf(again));
    expect(set.exporterOf('acme', 'primary')).toBe(exporter);
    await clock.advance(500_000);
    hand(exporter, 2);
    await clock.advance(10_000);
    expect(recording.names()).toEqual(['span 1', 'span 2']);
    expect(ledger.stats().backends).toMatchObject({ acme: { delivered: 2 } });
  });

  it('can not come back with an exporter that has been shut down', async () => {
    const acme = backend('acme');
    const set = open(acme);
    set.replace(mapOf(backend('other')));
    await clock.advance(200_000);
    expect(set.listProblems(mapOf(acme))).toMatchObject([{ where: 'backends.acme.exporter' }]);
  });

  it('leaves its counts to the one that took its name', async () => {
    const set = open(backend('acme'));
    const before = set.exporterOf('acme', 'primary');
    hand(before, 1);
    set.replace(mapOf(backend('acme')));
    hand(set.exporterOf('acme', 'primary'), 2);
    expect(ledger.stats().backends).toMatchObject({ acme: { accepted: 2, queued: 2 } });
    await clock.advance(200_000);
    hand(before, 3);
    expect(ledger.stats().backends).toEqual({
      acme: expect.objectContaining({
        accepted: 3,
        delivered: 2,
        dropped: { backend_removed: 1 },
      }),
    });
    set.replace(mapOf(backend('other')));
    await clock.advance(200_000);
    hand(before, 4);
    expect(ledger.stats().backends).toMatchObject({
      '(removed)': { accepted: 4, delivered: 2, dropped: { backend_removed: 2 } },
    });
  });

  it('of thousands leaves nothing behind but its counts', async () => {
    const other = backend('other');
    const set = open(other);
    for (let tenant = 0; tenant < 2_000; tenant += 1) {
      const name = `tenant-${tenant}`;
      set.replace(mapOf(other, backend(name)));
      ledger.routing.end();
      ledger.routing.route(1);
      set.exporterOf(name, 'primary').accept(makeRouted(tenant));
    }
    set.replace(mapOf(other));
    await clock.advance(200_000);
    expect(set.exporters()).toHaveLength(1);
    expect(clock.pending).toBe(0);
    const { backends } = ledger.stats();
    expect(Object.keys(backends)).toEqual(['other', '(removed)']);
    expect(backends['(removed)']).toMatchObject({ accepted: 2_000, delivered: 2_000 });
  });
});
