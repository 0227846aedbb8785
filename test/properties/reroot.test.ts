import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RoutingStats } from '../../src/accounting/stats.js';
import {
  type BackendConfig,
  RoutingSpanProcessor,
  type SignalboxConfig,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import { bindingOf, decisionInForce } from '../../src/routing/binding.js';
import type { ReadableSpan } from '../../src/sdk.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import { type RecordingExporter, recordingExporter } from '../helpers/service.js';
import { samplerByName } from './sampler-by-name.js';

const LINK_IS_REMOTE = 0x200;
const keys = ['k0', 'k1', 'k2', 'k3'] as const;
const names = ['b0', 'b1', 'b2', 'b3'] as const;
const { parameters, timeoutMs } = runs(200);
let receiver: TestReceiver;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  receiver = await startReceiver();
});
afterAll(async () => {
  context.disable();
  await receiver.stop();
});

/** Counted from the newest back. */
const place = fc.nat({ max: 5 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('start' as const),
      at: place,
      /** Of a route of its own. */
      key: fc.option(fc.constantFrom(...keys, 'nobody'), { nil: undefined, freq: 2 }),
      sampling: fc.constantFrom('sampled', 'sampled', 'sampled', 'recordedOnly', 'notRecorded'),
      // Past what is encoded as the span ends.
      padding: fc.constantFrom(0, 0, 0, 0, 0, 70_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withBoundary' as const), at: place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('setRoute' as const),
      at: place,
      key: fc.constantFrom(...keys),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('complete' as const), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('disguise' as const),
      at: place,
      as: fc.constantFrom('rewrapped', 'rebuilt', 'rebuilt', 'rebuilt', 'remote'),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const backend = fc.record({
  reroot: fc.constantFrom(true, true, false),
  protocol: fc.constantFrom('http/protobuf' as const, 'http/json' as const),
  isMade: fc.boolean(),
});

const configuration = fc.record({
  backends: fc.tuple(backend, backend, backend, backend),
  routes: fc.tuple(
    ...keys.map(() => fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })),
  ),
  hasDefault: fc.boolean(),
  hasParking: fc.constantFrom(true, true, true, false),
});
type Configuration = typeof configuration extends fc.Arbitrary<infer T> ? T : never;

interface SeenLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** A span as a backend got it. */
interface Seen {
  readonly id: string;
  readonly traceId: string;
  readonly parentId: string;
  readonly hasRemoteParent: boolean;
  readonly links: readonly SeenLink[];
  /** What else there is. */
  readonly rest: string;
}

/** A configuration's backends, and what each got. */
function createSide({ backends, routes, hasDefault, hasParking }: Configuration, prefix: string) {
  const made = new Map<string, RecordingExporter>();
  const pathOf = (name: string) => `${prefix}-${name}`;

  function configOf(reroots: boolean): SignalboxConfig {
    const entries = names.map((name, index): [string, BackendConfig] => {
      const { protocol, isMade, reroot } = backends[index] ?? backends[0];
      if (!isMade) {
        const endpoint = `${receiver.url}/${pathOf(name)}`;
        return [name, { endpoint, protocol, reroot: reroots && reroot }];
      }
      const exporter = recordingExporter();
      made.set(name, exporter);
      return [name, { exporter, reroot: reroots && reroot }];
    });
    return {
      backends: Object.fromEntries(entries),
      routes: Object.fromEntries(keys.map((key, index) => [key, routes[index] ?? ['b0']])),
      ...(hasDefault && { defaultRoute: 'k0' }),
      ...(!hasParking && { parkMaxSpans: 0 }),
    };
  }

  return {
    configOf,
    bytes: (name: string) =>
      receiver.requests
        .filter((request) => request.backend === pathOf(name))
        .map(({ body }) => Buffer.from(body).toString('base64')),
    seen: (name: string): Seen[] =>
      made.get(name)?.spans.map(seenByExporter) ??
      receiver
        .spans(pathOf(name))
        .map(({ spanId, traceId, parentSpanId, flags, links, resource, scope, ...rest }) => ({
          id: spanId,
          traceId,
          parentId: parentSpanId,
          hasRemoteParent: (flags & LINK_IS_REMOTE) !== 0,
          links: links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
          rest: JSON.stringify([resource, scope, rest], (_, value: unknown) =>
            typeof value === 'bigint' ? String(value) : value,
          ),
        })),
  };
}

function seenByExporter(span: ReadableSpan): Seen {
  const { spanId, traceId } = span.spanContext();
  const { name, kind, startTime, endTime, status, attributes, events } = span;
  return {
    id: spanId,
    traceId,
    parentId: span.parentSpanContext?.spanId ?? '',
    hasRemoteParent: span.parentSpanContext?.isRemote === true,
    links: span.links.map((link) => ({
      traceId: link.context.traceId,
      spanId: link.context.spanId,
    })),
    rest: JSON.stringify([name, kind, startTime, endTime, status, attributes, events]),
  };
}

/** Runs the steps, and then ends what is open: each time alike, ids and times included. */
async function work(
  steps: readonly Step[],
  config: SignalboxConfig,
): Promise<{ spans: Span[]; dropped: RoutingStats['dropped'] }> {
  const processor = new RoutingSpanProcessor(config);
  let ids = 0;
  const nextId = (digits: number) => String(++ids).padStart(digits, '0');
  const provider = new BasicTracerProvider({
    spanProcessors: [processor],
    sampler: samplerByName,
    idGenerator: { generateTraceId: () => nextId(32), generateSpanId: () => nextId(16) },
  });
  let timeMs = 1e12;
  const tick = () => ++timeMs;
  const tracer = provider.getTracer('test');
  const contexts: Context[] = [ROOT_CONTEXT];
  const all: Span[] = [];
  const open: Span[] = [];
  const boundaries: (() => void)[] = [];
  const completed: Promise<void>[] = [];
  const at = <T>(list: readonly T[], n: number): T | undefined =>
    list[list.length - 1 - (n % list.length)];
  const take = <T>(list: T[], n: number): T | undefined =>
    list.splice(list.length - 1 - (n % Math.max(1, list.length)), 1)[0];
  const enter = () => contexts.push(context.active());

  const does: { [Kind in Step['kind']]: (given: Extract<Step, { kind: Kind }>) => void } = {
    start({ at: n, key, sampling, padding }) {
      const outer = at(contexts, n) ?? ROOT_CONTEXT;
      const parent =
        key === undefined
          ? outer
          : context.with(outer, () => withRoute(key, () => context.active()));
      const span = tracer.startSpan(sampling, { startTime: tick() }, parent);
      if (padding > 0) span.setAttribute('padding', 'p'.repeat(padding));
      all.push(span);
      open.push(span);
      contexts.push(trace.setSpan(parent, span));
    },
    end({ at: n }) {
      take(open, n)?.end(tick());
    },
    withBoundary({ at: n }) {
      const completes = context.with(at(contexts, n) ?? ROOT_CONTEXT, () =>
        withBoundary(() => {
          enter();
          return new Promise<void>((resolve) => boundaries.push(resolve));
        }),
      );
      completed.push(completes);
    },
    setRoute({ at: n, key }) {
      const given = at(contexts, n) ?? ROOT_CONTEXT;
      // A key that comes late parts the spans of one decision, whatever is nested.
      if (config.parkMaxSpans === 0 || decisionInForce(given)?.settled === true) return;
      context.with(given, () => setRoute(key));
    },
    complete({ at: n }) {
      take(boundaries, n)?.();
    },
    disguise({ at: n, as }) {
      const given = at(contexts, n) ?? ROOT_CONTEXT;
      const parent = trace.getSpanContext(given);
      if (parent === undefined) return;
      const { traceId, spanId, traceFlags } = parent;
      const ids = { traceId, spanId, traceFlags };
      const disguises = { rewrapped: parent, rebuilt: ids, remote: { ...ids, isRemote: true } };
      contexts.push(trace.setSpanContext(given, disguises[as]));
    },
  };
  for (const each of steps) (does[each.kind] as (given: Step) => void)(each);
  // Neither in the order of their starts, nor in its reverse.
  for (const span of open.filter((_, index) => index % 3 === 1)) span.end(tick());
  for (const span of open.filter((_, index) => index % 3 !== 1)) span.end(tick());
  for (const complete of boundaries) complete();
  await Promise.all(completed);
  await provider.forceFlush();
  expectLaws(processor.stats());
  const { dropped } = processor.stats();
  await provider.shutdown();
  return { spans: all, dropped };
}

it(
  'shows no orphan to a backend with REROOT, loses no span, and changes nothing elsewhere',
  async () => {
    let run = 0;
    let rerooted = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.noBias(configuration),
        fc.noBias(fc.array(step, { minLength: 8, maxLength: 40 })),
        async (config, steps) => {
          run += 1;
          const sides = {
            with: createSide(config, `with-${run}`),
            without: createSide(config, `without-${run}`),
          };
          const { spans, dropped } = await work(steps, sides.with.configOf(true));
          const before = await work(steps, sides.without.configOf(false));
          expect(dropped).toEqual(before.dropped);

          const started = new Map(spans.map((span) => [span.spanContext().spanId, span]));
          for (const [index, name] of names.entries()) {
            const [shown, plain] = [sides.with.seen(name), sides.without.seen(name)];
            if (config.backends[index]?.reroot !== true) {
              expect(sides.with.bytes(name)).toEqual(sides.without.bytes(name));
              expect(shown).toEqual(plain);
              continue;
            }
            expect(shown.map(({ id }) => id)).toEqual(plain.map(({ id }) => id));
            const present = new Set(shown.map(({ id }) => id));
            for (const [position, each] of shown.entries()) {
              const original = plain[position];
              if (original?.parentId === each.parentId) {
                expect(each).toEqual(original);
                if (each.parentId !== '' && !each.hasRemoteParent) {
                  expect(present, `${name} has the parent`).toContain(each.parentId);
                }
                continue;
              }
              rerooted += 1;
              const { traceId, parentId, links = [] } = original ?? {};
              expect(each).toEqual({
                ...original,
                parentId: '',
                links: [...links, { traceId, spanId: parentId }],
              });
              expect(original?.hasRemoteParent).toBe(false);
              expect(isOfItsParent(started.get(each.id)), 'nothing was nested').toBe(false);
            }
          }
        },
      ),
      parameters,
    );
    expect(rerooted).toBeGreaterThan(0);
  },
  timeoutMs,
);

/** Whether a span has its parent's decision, and the parent is exported. */
function isOfItsParent(span: Span | undefined): boolean {
  if (span === undefined) return false;
  const { parentSpanContext } = span as unknown as ReadableSpan;
  if (parentSpanContext === undefined) return false;
  const parent = bindingOf(parentSpanContext);
  return (
    parentSpanContext.traceFlags === TraceFlags.SAMPLED &&
    parent !== undefined &&
    parent.decision === bindingOf(span.spanContext())?.decision
  );
}
