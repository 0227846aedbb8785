import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, RoutingSpanProcessor, type SignalboxConfig } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import { ageOwners, readBatches } from '../helpers/spool-dir.js';
import { breaksRule, crosses, mayBeSentFromDisk } from './residency-model.js';
import {
  type Addresses,
  backendNames,
  type ClassName,
  configsOf,
  type ParkingSetup,
  parkingSetup,
  type ResidencySetup,
  residencySetup,
  residencySetups,
} from './residency-setups.js';
import { createApplication, type Truth, type Work, work } from './residency-traffic.js';

let receiver: TestReceiver;
let dispatcher: Agent;
let isDown = false;
/** The one backend that is down, so that its standby takes over, where it has one. */
let sick: string | undefined;
let run = 0;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  receiver = await startReceiver({
    answer: ({ backend }) => (isDown || backend === `${sick}-${run}` ? { status: 503 } : undefined),
  });
  dispatcher = new Agent({
    connect: {
      lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    },
  });
});
afterAll(async () => {
  context.disable();
  await dispatcher.close();
  await receiver.stop();
});

/** Paths of the receiver tell backends of this run apart; those that are found are told by their class. */
function addressesIn(spoolDir: string | undefined): Addresses {
  const quick = { retryMaxElapsedMs: 0 };
  return {
    configured: (name) => ({
      ...quick,
      endpoint: `${receiver.url}/${name}-${run}`,
      ...(name < 'b2' && spoolDir !== undefined && { spoolDir, maxExportBatchSize: 2 }),
    }),
    found: (own) => ({ ...quick, endpoint: `${receiver.url}/found:${own}-${run}` }),
    template: (own) => ({
      ...quick,
      dispatcher,
      endpoint: `http://{route}.collectors.example:${receiver.port}/found:${own}-${run}`,
    }),
  };
}

/** The processor; `undefined` for a configuration that is refused. */
function construct(config: SignalboxConfig): RoutingSpanProcessor | undefined {
  try {
    return new RoutingSpanProcessor(config);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Whether an update is taken. */
function tryUpdate(processor: RoutingSpanProcessor, config: SignalboxConfig): boolean {
  try {
    processor.update(config);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

interface Arrival {
  readonly name: string;
  /** A configured backend's name, or `found:` and a class. */
  readonly at: string;
  /** The key that it bears: the default route's, for a key that nobody knew. */
  readonly key: unknown;
}

function arrivals(): Arrival[] {
  return receiver.requests
    .filter(({ backend, httpStatus = 200 }) => backend?.endsWith(`-${run}`) && httpStatus < 300)
    .flatMap(({ backend = '', spans }) =>
      spans.map(({ name, attributes }) => ({
        name,
        at: backend.slice(0, backend.lastIndexOf('-')),
        key: plainAttributes(attributes)['signalbox.route'],
      })),
    );
}

/** The class of the receiver that a span was found at, as a configuration has it. */
function classAt(at: string, { classes }: ResidencySetup): ClassName {
  const name = backendNames.find((each) => each === at);
  if (name !== undefined) return classes[name];
  const own = at.slice('found:'.length);
  return own === 'eu' || own === 'us' || own === 'cn' ? own : undefined;
}

const counts = { taken: 0, refused: 0, classed: 0, fromDisk: 0, quarantined: 0, movedIn: 0 };

describe('residency', () => {
  const many = runs(400);
  it(
    'is broken by no configuration that is taken, and kept by all of them',
    async () => {
      await fc.assert(
        fc.asyncProperty(residencySetup, parkingSetup, async (setup, parking) => {
          const [config] = configsOf([setup], parking, addressesIn(undefined));
          const processor = config && construct(config);
          expect(processor === undefined).toBe(breaksRule(setup, parking));
          counts[processor === undefined ? 'refused' : 'taken'] += 1;
          await processor?.shutdown();
        }),
        many.parameters,
      );
      expect(counts.taken).toBeGreaterThan(20);
      expect(counts.refused).toBeGreaterThan(20);
    },
    many.timeoutMs,
  );

  const few = runs(40);
  it(
    'holds at the receivers, whatever is sent, updated, and sent from disk later',
    async () => {
      const scenario = fc.record({
        setups: residencySetups,
        parking: parkingSetup,
        isOneSick: fc.constantFrom(true, true, true, false),
        first: fc.array(work, { minLength: 3, maxLength: 15 }),
        whileDown: fc.array(work, { maxLength: 15 }),
        after: fc.array(work, { maxLength: 6 }),
      });
      await fc.assert(
        fc.asyncProperty(scenario, (given) => play(given)),
        few.parameters,
      );
      expect(counts.classed).toBeGreaterThan(0);
      expect(counts.fromDisk).toBeGreaterThan(0);
      expect(counts.quarantined).toBeGreaterThan(0);
      expect(counts.movedIn).toBeGreaterThan(0);
    },
    few.timeoutMs,
  );
});

interface Scenario {
  readonly setups: readonly ResidencySetup[];
  readonly parking: ParkingSetup;
  readonly isOneSick: boolean;
  readonly first: readonly Work[];
  readonly whileDown: readonly Work[];
  readonly after: readonly Work[];
}

async function play(scenario: Scenario): Promise<void> {
  const { setups, parking, isOneSick, first, whileDown, after } = scenario;
  run += 1;
  const sound = setups.flatMap((setup, index) => (breaksRule(setup, parking) ? [] : [index]));
  const [start, last] = [sound[0], sound.at(-1)];
  // The other property is about these.
  if (start === undefined || last === undefined) return;
  const spoolDir = mkdtempSync(join(tmpdir(), 'signalbox-residency-'));
  try {
    const configs = configsOf(setups, parking, addressesIn(spoolDir));
    const service = startProcess(configs, start, parking, 'a');
    const [covered] = Object.keys(setups[start]?.standbys ?? {});
    if (isOneSick) sick = covered;
    await service.perform(first);
    await service.processor.forceFlush();
    sick = undefined;
    for (const { movedIn } of Object.values(service.processor.stats().backends)) {
      counts.movedIn += movedIn;
    }
    isDown = true;
    await service.perform(whileDown);
    await service.stop();
    isDown = false;
    // A machine that is too busy may have let its shutdown run out of time.
    ageOwners(spoolDir);
    const onDisk = readBatches(spoolDir).reduce((sum, { spans }) => sum + spans, 0);
    judge(service.truths, arrivals(), setups);
    const before = arrivals().length;

    const later = startProcess(configs, last, parking, 'b');
    await later.perform(after.filter(({ kind }) => kind !== 'update'));
    await eventually(() => hasSent(later.processor, onDisk));
    await later.stop();
    const since = arrivals().slice(before);
    const truths = new Map([...service.truths, ...later.truths]);
    judge(truths, since, setups);
    judgeFromDisk(service.truths, since, setups[last]);
    for (const { dropped } of Object.values(later.processor.stats().backends)) {
      counts.quarantined += dropped.quarantined ?? 0;
    }
  } finally {
    isDown = false;
    sick = undefined;
    rmSync(spoolDir, { recursive: true, force: true });
  }
}

/** Whether so many spans of an earlier process were taken over, and are no longer on disk. */
function hasSent(processor: RoutingSpanProcessor, onDisk: number): boolean {
  const backends = Object.values(processor.stats().backends);
  const recovered = backends.reduce((sum, backend) => sum + backend.recovered, 0);
  return (
    recovered === onDisk && backends.every(({ spooled, inFlight }) => spooled + inFlight === 0)
  );
}

function startProcess(
  configs: readonly SignalboxConfig[],
  initial: number,
  parking: ParkingSetup,
  prefix: string,
) {
  let current = initial;
  const [config] = configs.slice(initial);
  const processor = config && construct(config);
  if (processor === undefined) throw new Error('the configuration should have been taken');
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const canPark = parking.parkMaxSpans > 1;
  const application = createApplication(provider.getTracer('test'), canPark, prefix);
  return {
    processor,
    truths: application.truths,
    async perform(all: readonly Work[]): Promise<void> {
      for (const each of all) {
        if (each.kind === 'turn') {
          await new Promise((resolve) => setImmediate(resolve));
        } else if (each.kind === 'update') {
          const next = configs[each.to];
          if (next !== undefined && tryUpdate(processor, next)) current = each.to;
        } else {
          application.run(each, current);
        }
        expectLaws(processor.stats());
      }
    },
    async stop(): Promise<void> {
      application.close();
      await provider.shutdown();
      expectLaws(processor.stats());
    },
  };
}

/** No span is where the configuration that it was decided under would not have it. */
function judge(
  truths: ReadonlyMap<string, Truth>,
  arrived: readonly Arrival[],
  setups: readonly ResidencySetup[],
): void {
  const reached = new Map<string, Set<ClassName>>();
  for (const { name, at } of arrived) {
    const { key, setup: index } = truths.get(name) ?? {};
    const setup = setups[index ?? -1];
    if (key === undefined || setup === undefined) continue;
    const found = classAt(at, setup);
    const wanted = setup.required[key];
    if (wanted !== undefined) {
      counts.classed += 1;
      expect(found, `the class of ${at}, where a span of ${key} arrived`).toBe(wanted);
    }
    const id = `${index} ${key}`;
    reached.set(id, (reached.get(id) ?? new Set()).add(found));
    expect(crosses(setup, reached.get(id) ?? []), `classes that ${key} has reached`).toBe(false);
  }
}

/** No span of an earlier process is where the configuration of today would not have it. */
function judgeFromDisk(
  earlier: ReadonlyMap<string, Truth>,
  arrived: readonly Arrival[],
  today: ResidencySetup | undefined,
): void {
  if (today === undefined) throw new Error('there is no configuration of today');
  for (const { name, at, key } of arrived) {
    if (!earlier.has(name)) continue;
    counts.fromDisk += 1;
    const found = classAt(at, today);
    const isAllowed = mayBeSentFromDisk(today, String(key), found);
    expect(isAllowed, `${key} from disk at ${at} (class ${found})`).toBe(true);
  }
}
