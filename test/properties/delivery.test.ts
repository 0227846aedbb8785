import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RoutingSpanProcessor, type RoutingStats, withRoute } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { type RecordedRequest, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import { createFaultScript, type Fault, type FaultScript, faults } from './fault-script.js';

// The waits between attempts are real: side by side they cost no more than one.
const LANES = 8;
const { parameters, timeoutMs } = runs(12);

const routes: Record<RouteKey, string[]> = {
  acme: ['a'],
  globex: ['b'],
  initech: ['a', 'b'],
  umbrella: ['a', 'b', 'c'],
};
type RouteKey = 'acme' | 'globex' | 'initech' | 'umbrella';

interface Work {
  /** How many spans, one after the other. */
  readonly spans: number;
  readonly key: RouteKey;
  /** Of an attribute, in characters: a large one makes a body of many packets. */
  readonly size: number;
  /** Whether the event loop turns afterwards. */
  readonly turns: boolean;
}

interface Scenario {
  readonly faults: Readonly<Record<string, readonly Fault[]>>;
  readonly work: readonly Work[];
  readonly wire: {
    readonly protocol: 'http/protobuf' | 'http/json';
    readonly compression: 'none' | 'gzip';
    readonly maxExportBatchSize: number;
    readonly maxConcurrentExports: number;
    readonly scheduleDelayMs: number;
    readonly retryMaxElapsedMs: number;
  };
}

interface Backend {
  readonly name: string;
  readonly receiver: TestReceiver;
  readonly script: FaultScript;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  faults: fc.record({ a: faults, b: faults, c: faults }),
  work: fc.array(
    fc.record({
      spans: fc.integer({ min: 1, max: 12 }),
      key: fc.constantFrom('acme', 'globex', 'initech', 'umbrella'),
      size: fc.constantFrom(0, 100_000),
      turns: fc.boolean(),
    }),
    { maxLength: 8 },
  ),
  wire: fc.record({
    protocol: fc.constantFrom('http/protobuf', 'http/json'),
    compression: fc.constantFrom('none', 'gzip'),
    maxExportBatchSize: fc.constantFrom(512, 4, 1),
    maxConcurrentExports: fc.constantFrom(1, 4),
    scheduleDelayMs: fc.constantFrom(5_000, 0),
    retryMaxElapsedMs: fc.constantFrom(300_000, 300_000, 0),
  }),
});

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterAll(() => {
  context.disable();
});

it(
  'loses nothing that it does not count, and repeats only what had no answer, whatever the backends do',
  async () => {
    const lanes = Array.from({ length: LANES }, () =>
      fc.assert(fc.asyncProperty(scenario, runScenario), parameters),
    );
    const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  },
  timeoutMs,
);

async function runScenario({ faults: scripts, work, wire }: Scenario): Promise<void> {
  const backends = await Promise.all(
    Object.entries(scripts).map(async ([name, faultsOfIt]): Promise<Backend> => {
      const script = createFaultScript(faultsOfIt);
      return { name, script, receiver: await startReceiver(script) };
    }),
  );
  const processor = new RoutingSpanProcessor({
    backends: Object.fromEntries(
      backends.map(({ name, receiver }) => [
        name,
        { endpoint: `${receiver.url}/${name}`, ...wire },
      ]),
    ),
    routes,
  });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  try {
    const keys = await doWork(provider, work, () => expectOrderly(processor, backends));
    const flushed = { done: false };
    const flush = provider.forceFlush().finally(() => {
      flushed.done = true;
    });
    while (!flushed.done) {
      expectOrderly(processor, backends);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await flush;
    for (const backend of backends) {
      expectSettled(backend, keys, processor.stats(), wire.retryMaxElapsedMs);
    }
  } finally {
    await provider.shutdown();
    await Promise.all(backends.map(({ receiver }) => receiver.stop()));
  }
}

/** Makes the spans, and returns each one's key by its id. */
async function doWork(
  provider: BasicTracerProvider,
  work: readonly Work[],
  afterEach: () => void,
): Promise<Map<string, RouteKey>> {
  const tracer = provider.getTracer('test');
  const keys = new Map<string, RouteKey>();
  for (const { spans, key, size, turns } of work) {
    for (let i = 0; i < spans; i += 1) {
      const attributes = { payload: 'x'.repeat(size) };
      const span = context.with(ROOT_CONTEXT, () =>
        withRoute(key, () => tracer.startSpan('work', { attributes })),
      );
      keys.set(span.spanContext().spanId, key);
      span.end();
    }
    afterEach();
    if (turns) await new Promise((resolve) => setImmediate(resolve));
  }
  return keys;
}

/** What must hold at any moment. */
function expectOrderly(processor: RoutingSpanProcessor, backends: readonly Backend[]): void {
  const stats = processor.stats();
  expectLaws(stats);
  for (const { name, receiver } of backends) {
    const acknowledged = countSpans(receiver.requests.filter(isAnsweredWith(200)));
    expect(stats.backends[name]?.delivered, `delivered to ${name}`).toBeLessThanOrEqual(
      acknowledged,
    );
  }
}

/** What must hold once everything is settled. */
function expectSettled(
  { name, receiver, script }: Backend,
  keys: ReadonlyMap<string, RouteKey>,
  stats: RoutingStats,
  retryMaxElapsedMs: number,
): void {
  const { requests } = receiver;
  const arrived = requests.flatMap(({ spans }) => spans);
  for (const { spanId } of arrived) {
    const key = keys.get(spanId);
    expect(key === undefined ? [] : routes[key], 'the backends of a span').toContain(name);
  }
  expect(requests.every((request) => request.backend === name)).toBe(true);

  const taken = requests.filter(isAnsweredWith(200));
  const refused = requests.filter(({ httpStatus = 0 }) =>
    [400, 401, 404, 500].includes(httpStatus),
  );
  const tooLarge = requests.filter(isAnsweredWith(413)).filter(({ spans }) => spans.length === 1);
  const own = [...keys].filter(([, key]) => routes[key].includes(name)).map(([spanId]) => spanId);
  const final = [...taken, ...refused, ...tooLarge].flatMap(({ spans }) => spans);
  const finalIds = final.map(({ spanId }) => spanId);
  // The one reason for which a span may come again is that nobody said what had become of it.
  expect(new Set(finalIds).size, 'spans with a second answer').toBe(finalIds.length);
  const unanswered = own.filter((spanId) => !finalIds.includes(spanId));
  if (retryMaxElapsedMs > 0) expect(unanswered, 'spans without a final answer').toEqual([]);

  const rejected = taken.reduce((total, request) => total + script.rejectedSpansOf(request), 0);
  const dropped = {
    rejected,
    refused: countSpans(refused),
    too_large: countSpans(tooLarge),
    retry_exhausted: unanswered.length,
  };
  const { accepted, delivered, dropped: counted, queued, inFlight } = stats.backends[name] ?? {};
  expect(
    { accepted, delivered, queued, inFlight, ...counted },
    `the counters of backend ${name}`,
  ).toEqual({
    accepted: own.length,
    delivered: countSpans(taken) - rejected,
    queued: 0,
    inFlight: 0,
    ...Object.fromEntries(Object.entries(dropped).filter(([, count]) => count > 0)),
  });
}

function isAnsweredWith(status: number): (request: RecordedRequest) => boolean {
  return ({ httpStatus }) => httpStatus === status;
}

function countSpans(requests: readonly RecordedRequest[]): number {
  return requests.reduce((total, { spans }) => total + spans.length, 0);
}
