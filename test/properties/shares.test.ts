import { AlwaysOnSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type SignalboxConfig, withRoute } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import { startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import { startService } from '../helpers/service.js';

const { parameters, timeoutMs } = runs(20);

const TRACES = 1_500;
const names = ['a', 'b', 'c', 'd'];

/** A route whose shares add up, with a backend that gets everything and a shadow with a share, or without these. */
const route = fc
  .record({
    cuts: fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 2 }),
    shadow: fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined }),
    order: fc.boolean(),
  })
  .map(({ cuts, shadow, order }) => {
    const ends = [...cuts.sort((one, other) => one - other), 1_000];
    const shares = ends.map((end, index) => end - (ends[index - 1] ?? 0));
    const targets = [
      ...shares.map((share) => ({ role: 'primary' as const, share })),
      ...(shadow === undefined ? [] : [{ role: 'shadow' as const, share: shadow }]),
    ].map((target, index) => ({ ...target, backend: names[index] ?? '' }));
    return order ? targets : targets.toReversed();
  });

type Target = { backend: string; role: 'primary' | 'shadow'; share: number };

function configOf(url: string, key: string, targets: readonly Target[]): SignalboxConfig {
  return {
    backends: Object.fromEntries(
      targets.map(({ backend }) => [backend, { endpoint: `${url}/${backend}` }]),
    ),
    routes: {
      [key]: targets.map(({ share, ...target }) => ({ ...target, share: `${share / 10}%` })),
    },
  };
}

/** Which traces each backend has got, once all of them have arrived. */
async function tracesAt(
  receiver: TestReceiver,
  config: SignalboxConfig,
  key: string,
  sampler: AlwaysOnSampler | TraceIdRatioBasedSampler,
  traceIds?: readonly string[],
): Promise<Map<string, Set<string>>> {
  let made = 0;
  const idGenerator = {
    generateTraceId: () => traceIds?.[made++] ?? crypto.randomUUID().replaceAll('-', ''),
    generateSpanId: () => crypto.randomUUID().replaceAll('-', '').slice(0, 16),
  };
  const service = startService(config, { sampler, idGenerator });
  for (let trace = 0; trace < (traceIds?.length ?? TRACES); trace += 1) {
    withRoute(key, () =>
      service.inSpan('root', () => {
        service.inSpan('child', () => {});
        service.inSpan('child', () => {});
      }),
    );
  }
  await service.processor.forceFlush();
  const counts = Object.values(service.processor.stats().routes[key] ?? {});
  // Those of shadows too, for which a flush does not wait.
  await receiver.waitForSpans(counts.reduce((sum, { accepted }) => sum + accepted, 0));
  await service.stop();
  expectLaws(service.processor.stats());
  for (const [backend, { accepted, delivered }] of Object.entries(
    service.processor.stats().routes[key] ?? {},
  )) {
    expect([backend, delivered]).toEqual([backend, accepted]);
    expect(receiver.spans(backend)).toHaveLength(accepted);
  }
  return new Map(
    names.map((name) => [name, new Set(receiver.spans(name).map(({ traceId }) => traceId))]),
  );
}

it(
  'every share is as large as it says, of whole traces, the same in every service, whatever is sampled',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        route,
        fc.constantFrom('acme', 'eu:tenants/acme.corp-1_x', 'a'),
        fc.constantFrom(1, 0.5, 0.1),
        async (targets, key, ratio) => {
          const [receiver, second] = await Promise.all([startReceiver(), startReceiver()]);
          try {
            const sampler = new TraceIdRatioBasedSampler(ratio);
            const found = await tracesAt(
              receiver,
              configOf(receiver.url, key, targets),
              key,
              sampler,
            );
            const primaries = targets.filter(({ role }) => role === 'primary');
            const sets = primaries.map(({ backend }) => found.get(backend) ?? new Set());
            const all = sets.flatMap((set) => [...set]);
            // No trace is at two of those that exclude each other, and none is at neither.
            expect(new Set(all).size).toBe(all.length);
            for (const { backend, share } of targets) {
              const part = share / 1_000;
              const deviation = Math.sqrt(all.length * part * (1 - part));
              const count = found.get(backend)?.size ?? 0;
              expect(Math.abs(count - all.length * part)).toBeLessThanOrEqual(6 * deviation + 1);
            }
            // The same traces in another service, all of which it samples.
            const again = await tracesAt(
              second,
              configOf(second.url, key, targets),
              key,
              new AlwaysOnSampler(),
              all.map(String),
            );
            expect(again).toEqual(found);
          } finally {
            await Promise.all([receiver.stop(), second.stop()]);
          }
        },
      ),
      parameters,
    );
  },
  timeoutMs,
);
