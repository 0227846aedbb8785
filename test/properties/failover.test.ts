import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RoutingSpanProcessor, type RoutingStats, withRoute } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { type RecordedRequest, startReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import {
  type Ailment,
  configure,
  type Key,
  keys,
  names,
  type Phase,
  parentOf,
  parentOfKey,
  type Scenario,
  scenario,
} from './failover-scenario.js';

// The waits between attempts are real: side by side they cost no more than one.
const LANES = 8;
const PHASE_MS = 1_000;
const STEP_MS = 100;
/** A request with more is refused where a backend takes little. */
const FEW = 2;
/** Of memory, in bytes, for all scenarios together: more than they need, and much less. */
const PLENTY = 64 * 2 ** 20;
const LITTLE = 2 ** 20;
const { parameters, timeoutMs } = runs(1);

interface Made {
  readonly key: Key;
  readonly parent: string | undefined;
  readonly hasShadow: boolean;
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterAll(() => {
  context.disable();
});

it(
  'brings each span to a backend or to its standby, once, under its own parent, whatever fails and whatever is updated',
  async () => {
    await runAll((each) => runScenario(each, PLENTY, expectSettled));
  },
  timeoutMs,
);

it(
  'loses only what it counts where memory is short and a shadow hangs, and nothing of the laws',
  async () => {
    await runAll((each) => runScenario(withHangingShadow(each), LITTLE, expectCounted));
  },
  timeoutMs,
);

async function runAll(run: (each: Scenario) => Promise<void>): Promise<void> {
  const lanes = Array.from({ length: LANES }, () =>
    fc.assert(fc.asyncProperty(scenario, run), { ...parameters, endOnFailure: true }),
  );
  const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

function withHangingShadow({ phases, wire }: Scenario): Scenario {
  return {
    phases: phases.map((phase) => ({
      ...phase,
      ailments: { ...phase.ailments, other: 'hangs' },
      variant: { ...phase.variant, hasShadow: true },
    })),
    wire,
  };
}

async function runScenario(
  { phases, wire }: Scenario,
  maxBufferedBytes: number,
  expectEnd: typeof expectSettled,
): Promise<void> {
  const [initial] = phases;
  if (initial === undefined) return;
  let now: Readonly<Record<string, Ailment>> = initial.ailments;
  const receiver = await startReceiver({
    intercept(request) {
      const [, backend = ''] = (request.url ?? '').split('/');
      if (now[backend] !== 'resets') return false;
      request.once('data', () => request.destroy());
      return true;
    },
    answer: ({ backend = '', spans }) => answerOf(now[backend], spans.length),
  });
  const processor = new RoutingSpanProcessor(
    configure(receiver.url, initial.variant, wire, maxBufferedBytes),
  );
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const made = new Map<string, Made>();
  try {
    for (const phase of phases) {
      now = phase.ailments;
      processor.update(configure(receiver.url, phase.variant, wire, maxBufferedBytes));
      for (let step = 0; step < PHASE_MS / STEP_MS; step += 1) {
        makeSpans(provider, phase, made, step);
        if (phase.flushesRequests) void processor.forceFlush().catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
        expectOrderly(processor.stats());
      }
    }
    now = {};
    await processor.forceFlush();
    await waitForShadows(processor);
    expectEnd(made, receiver.requests, processor.stats());
  } finally {
    await provider.shutdown();
    await receiver.stop();
  }
}

function answerOf(ailment: Ailment | undefined, spans: number) {
  if (ailment === 'hangs') return new Promise<never>(() => {});
  if (ailment === 'loses answers') return 'none' as const;
  if (ailment === 'is unavailable') return { status: 503, headers: { 'retry-after': '0' } };
  if (ailment === 'is behind a gateway that waits in vain') return { status: 504 };
  if (ailment === 'takes little' && spans > FEW) return { status: 413 };
  return undefined;
}

/** One request of each key; that of one in three steps has a large span. */
function makeSpans(
  provider: BasicTracerProvider,
  { variant }: Phase,
  made: Map<string, Made>,
  step: number,
): void {
  const tracer = provider.getTracer('test');
  for (const key of keys) {
    context.with(ROOT_CONTEXT, () =>
      withRoute(key, () => {
        for (let index = 0; index < 3; index += 1) {
          const isLarge = step % 3 === 0 && index === 0;
          const attributes = isLarge ? { payload: 'x'.repeat(100_000) } : {};
          const span = tracer.startSpan('work', { attributes, root: true });
          const parent = parentOfKey(key, variant);
          made.set(span.spanContext().spanId, { key, parent, hasShadow: variant.hasShadow });
          span.end();
        }
      }),
    );
  }
}

/** What must hold at any moment. */
function expectOrderly(stats: RoutingStats): void {
  expectLaws(stats);
  for (const [key, byBackend] of Object.entries(stats.routes)) {
    for (const [name, tally] of Object.entries(byBackend)) {
      const { accepted, movedIn, delivered, dropped, movedOut } = tally;
      const onItsWay = accepted + movedIn - delivered - dropped - movedOut;
      expect(onItsWay, `of ${key} on its way to ${name}`).toBeGreaterThanOrEqual(0);
    }
  }
}

/** Nobody waits for them, but this test. */
async function waitForShadows(processor: RoutingSpanProcessor): Promise<void> {
  for (;;) {
    const stats = processor.stats();
    expectOrderly(stats);
    const { queued = 0, inFlight = 0 } = stats.backends.other ?? {};
    if (queued + inFlight === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What must hold of whatever has been sent. */
function expectInPlace(
  made: ReadonlyMap<string, Made>,
  requests: readonly RecordedRequest[],
  { backends: { first, standby } }: RoutingStats,
): void {
  for (const { backend = '', headers, spans } of requests) {
    for (const { spanId } of spans) {
      const parent = made.get(spanId)?.parent ?? parentOf(backend);
      expect(headers['x-bt-parent'], `the parent at ${backend}`).toBe(parent);
    }
    expect(headers.authorization).toBe(`Bearer ${backend}`);
  }
  const taken = countBySpan(requests.filter(({ httpStatus }) => httpStatus === 200));
  const unclear = countBySpan(requests.filter(({ httpStatus = 504 }) => httpStatus === 504));
  const atBoth = [...made.keys()].filter((spanId) =>
    ['first', 'standby'].every(
      (name) => (taken.get(`${spanId} ${name}`) ?? 0) + (unclear.get(`${spanId} ${name}`) ?? 0) > 0,
    ),
  );
  const counted = (first?.movedUnanswered ?? 0) + (standby?.movedUnanswered ?? 0);
  expect(atBoth.length, 'spans that may be at both').toBeLessThanOrEqual(counted);
  const [movedOut, movedIn] = [first, standby].reduce(
    ([out, into], one) => [out + (one?.movedOut ?? 0), into + (one?.movedIn ?? 0)],
    [0, 0],
  );
  expect(movedOut, 'moved').toBe(movedIn);
}

/** What must hold once everything is settled, and nothing can have been lost. */
function expectSettled(
  made: ReadonlyMap<string, Made>,
  requests: readonly RecordedRequest[],
  stats: RoutingStats,
): void {
  expectInPlace(made, requests, stats);
  const taken = countBySpan(requests.filter(({ httpStatus }) => httpStatus === 200));
  const wrong: string[] = [];
  for (const [spanId, { key, hasShadow }] of made) {
    const at = (name: string) => taken.get(`${spanId} ${name}`) ?? 0;
    const mains = at('first') + at('standby');
    const isShared = key === 'initech';
    const expected = isShared ? mains + at('other') : mains;
    if (expected !== 1) wrong.push(`${key}: ${expected} times, not once`);
    const shadowed = isShared ? at('other') : key === 'globex' && hasShadow ? 1 : 0;
    if (at('other') !== shadowed) wrong.push(`${key}: ${at('other')} times at other`);
  }
  expect(wrong).toEqual([]);

  for (const name of names) {
    expect(stats.backends[name], name).toMatchObject({ queued: 0, inFlight: 0, dropped: {} });
  }
  for (const byBackend of Object.values(stats.routes)) {
    for (const tally of Object.values(byBackend)) {
      const { accepted, movedIn, delivered, movedOut, dropped } = tally;
      expect(accepted + movedIn).toBe(delivered + movedOut);
      expect(dropped).toBe(0);
    }
  }
}

/** What must hold once everything is settled, and memory was short meanwhile. */
function expectCounted(
  made: ReadonlyMap<string, Made>,
  requests: readonly RecordedRequest[],
  stats: RoutingStats,
): void {
  expectInPlace(made, requests, stats);
  const taken = countBySpan(requests.filter(({ httpStatus }) => httpStatus === 200));
  for (const name of ['first', 'standby'] as const) {
    const { delivered, queued, inFlight, dropped } = stats.backends[name] ?? {};
    const acknowledged = [...made.keys()].filter((spanId) => taken.has(`${spanId} ${name}`));
    expect(delivered, `delivered to ${name}`).toBe(acknowledged.length);
    expect({ queued, inFlight }).toEqual({ queued: 0, inFlight: 0 });
    expect(['', 'buffer_full']).toContain(Object.keys(dropped ?? {}).join());
  }
}

/** How often each span has come to each backend, by `<span id> <backend>`. */
function countBySpan(requests: readonly RecordedRequest[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { backend, spans } of requests) {
    for (const { spanId } of spans) {
      const id = `${spanId} ${backend}`;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}
