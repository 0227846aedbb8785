import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BackendConfig, RoutingStats, SignalboxConfig } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import { makeFolder } from '../helpers/folder.js';
import { expectLaws } from '../helpers/laws.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { type Child, startNode } from '../integration/child.js';
import { type Line, layLine } from './line.js';
import {
  type Arrivals,
  SICKNESSES,
  type Sickness,
  type SickReceiver,
  startSickReceiver,
} from './sick-receiver.js';

// A minute in which everything happens some times; ten, where somebody looks for what is rare.
const SECONDS = Number(process.env.SIGNALBOX_SOAK_SECONDS ?? 60);
const SICK_FOR_MS = 2_000;

const PLAIN = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'p11'];
const SECURE = ['t0', 't1', 't2', 't3', 't4', 't5'];
const HEALTHY = 'healthy';
/** With a short queue, and a disk that takes what does not fit. */
const SPOOLED = ['p4', 'p5', 'p6', 'p7'];
/** With a short queue, and a disk that is soon full: what fits in neither is lost, and counted. */
const CRAMPED = ['p8', 'p9'];
/** Its name resolves to nothing, ever. */
const NOWHERE = 'nowhere';

/** What a process holds when it has nothing to do. */
interface Rest {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly handles: number;
}

interface End {
  readonly stats: RoutingStats;
  /** How many spans each backend was sent. */
  readonly made: Readonly<Record<string, number>>;
}

type Message =
  | { readonly ready: true }
  | { readonly stats: RoutingStats }
  | { readonly rest: Rest }
  | { readonly end: End };

interface Backends {
  readonly receivers: Readonly<Record<string, SickReceiver>>;
  readonly line: Line;
}

it(
  'keeps its laws, its memory and every span while 20 backends are sick and well in turn',
  async () => {
    const plain = await startSickReceiver();
    const secure = await startSickReceiver(certificates.server);
    const line = await layLine(secure.port);
    const backends = { receivers: { plain, secure }, line };
    const service = startNode(['--expose-gc', './test/faults/fixtures/soak-service.mjs'], {
      SOAK_CONFIG: JSON.stringify(configure(backends)),
    });
    await next(service, backends, 'ready');

    const rests: Rest[] = [];
    const until = performance.now() + SECONDS * 1_000;
    for (let round = 0; performance.now() < until; round += 1) {
      service.send('load');
      await fallSick(backends, round);
      service.send('rest');
      rests.push((await next(service, backends, 'rest')).rest);
    }
    expectSteady(rests.slice(Math.floor(rests.length / 2)));
    service.send('end');
    const { end } = await next(service, backends, 'end');
    expectAccounted(end, backends);
  },
  SECONDS * 1_000 + 60_000,
);

function configure({ receivers, line }: Backends): SignalboxConfig {
  // Well above what a slow backend takes, on a busy machine too: an answer that comes too late is a lost one.
  const common = { timeoutMs: 3_000, scheduleDelayMs: 100, maxExportBatchSize: 64 };
  const secure = { certificate: pemPath('ca') };
  const disk = makeFolder();
  const smallDisk = mountSmallDisk(128) ?? disk;
  const own: Record<string, BackendConfig> = {};
  for (const name of SPOOLED) own[name] = { spoolDir: disk, maxQueueSize: 100 };
  for (const name of CRAMPED) own[name] = { spoolDir: smallDisk, maxQueueSize: 100 };
  const at = (url: string, names: readonly string[], more = {}) =>
    names.map(
      (name) => [name, { ...common, ...more, ...own[name], endpoint: `${url}/${name}` }] as const,
    );
  return {
    backends: Object.fromEntries([
      ...at(receivers.plain?.url ?? '', [...PLAIN, HEALTHY]),
      ...at(line.url.replace('http:', 'https:'), SECURE, secure),
      ...at('http://nowhere.invalid', [NOWHERE], { retryMaxElapsedMs: 1_000 }),
    ]),
    maxBufferedBytes: 256 * 1024 * 1024,
  };
}

/** Gives each backend but the healthy one something, cuts the line a few times, and heals them all. */
async function fallSick({ receivers, line }: Backends, round: number): Promise<void> {
  const sick = [...PLAIN, ...SECURE];
  const sicknesses = drawSicknesses(sick.length, round);
  const afflict = (sickness: (index: number) => Sickness | undefined): void => {
    for (const [index, name] of sick.entries()) {
      receivers[name.startsWith('t') ? 'secure' : 'plain']?.afflict(name, sickness(index));
    }
  };
  afflict((index) => sicknesses[index]);
  for (let cut = 0; cut < 4; cut += 1) {
    await wait(SICK_FOR_MS / 4);
    // What is torn here is a handshake, or a record, of TLS.
    await line.cut(cut % 2 === 0 ? 'reset' : 'refuse');
    await wait(20);
    await line.restore();
  }
  afflict(() => undefined);
}

/** The same in every run. */
function drawSicknesses(count: number, seed: number): (Sickness | undefined)[] {
  const one = fc.constantFrom<Sickness | undefined>(...SICKNESSES, undefined);
  const options = { numRuns: 1, seed };
  return fc.sample(fc.array(one, { minLength: count, maxLength: count }), options).flat();
}

/** The next message of a kind; the stats that come before it are looked at. */
async function next<K extends string>(
  service: Child,
  backends: Backends,
  kind: K,
): Promise<Extract<Message, Record<K, unknown>>> {
  for (;;) {
    const message = (await service.receive()) as Message;
    if ('stats' in message) expectOrderly(message.stats, backends);
    if (kind in message) return message as Extract<Message, Record<K, unknown>>;
  }
}

/** What holds at any moment. */
function expectOrderly(stats: RoutingStats, backends: Backends): void {
  expectLaws(stats);
  for (const name of Object.keys(stats.backends)) {
    const { acknowledged } = arrivalsOf(name, backends);
    const delivered = stats.backends[name]?.delivered;
    expect(delivered, `delivered to ${name}`).toBeLessThanOrEqual(total(acknowledged));
  }
}

/** What the process holds at rest does not grow by more than it varies. */
function expectSteady(rests: readonly Rest[]): void {
  for (const [held, allowed] of [
    ['heapUsed', 1024 * 1024],
    ['arrayBuffers', 1024 * 1024],
    ['handles', 8],
  ] as const) {
    const { rise, deviation } = fitLine(rests.map((rest) => rest[held]));
    expect(rise, `the rise of ${held}: ${rests.map((rest) => rest[held])}`).toBeLessThanOrEqual(
      Math.max(3 * deviation, allowed),
    );
  }
}

/** How much a line through the values rises from the first to the last, and how far they lie from it. */
function fitLine(values: readonly number[]): { rise: number; deviation: number } {
  const n = values.length;
  const middle = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const [upper, lower] = values.reduce(
    ([up, low], value, x) => [up + (x - middle) * (value - mean), low + (x - middle) ** 2],
    [0, 0],
  );
  const slope = lower === 0 ? 0 : upper / lower;
  const squares = values.reduce(
    (sum, value, x) => sum + (value - mean - slope * (x - middle)) ** 2,
    0,
  );
  return { rise: slope * (n - 1), deviation: Math.sqrt(squares / n) };
}

/** What holds in the end: each span has arrived, at its own backend, and twice only for want of an answer. */
function expectAccounted({ stats, made }: End, backends: Backends): void {
  expectLaws(stats);
  for (const [name, count] of Object.entries(made)) {
    const { accepted, delivered, dropped } = stats.backends[name] ?? {};
    expect(accepted, `accepted for ${name}`).toBe(count);
    if (name === NOWHERE) {
      expect({ delivered, dropped }).toEqual({ delivered: 0, dropped: { retry_exhausted: count } });
      continue;
    }
    const lost = CRAMPED.includes(name) ? (dropped?.queue_full ?? 0) : 0;
    const expected = { delivered: count - lost, dropped: lost === 0 ? {} : { queue_full: lost } };
    expect({ delivered, dropped }, name).toEqual(expected);
    const { read, acknowledged, foreign } = arrivalsOf(name, backends);
    expect(foreign, `spans of others at ${name}`).toBe(0);
    const missing = Array.from({ length: count }, (_, number) => number).filter(
      (number) => (acknowledged[number] ?? 0) < 1,
    );
    expect(missing.length, `spans that never arrived at ${name}: ${missing}`).toBe(lost);
    if (name === HEALTHY) expect(total(read)).toBe(count);
    // An answer can be lost on the line after the receiver gave it.
    if (!SECURE.includes(name))
      expect(total(acknowledged), `duplicates at ${name}`).toBe(count - lost);
  }
}

function arrivalsOf(name: string, { receivers }: Backends): Arrivals {
  const receiver = receivers[SECURE.includes(name) ? 'secure' : 'plain'];
  if (receiver === undefined) throw new Error(`no receiver of ${name}`);
  return receiver.arrivals(name);
}

function total(counts: readonly (number | undefined)[]): number {
  return counts.reduce((sum: number, count = 0) => sum + count, 0);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
