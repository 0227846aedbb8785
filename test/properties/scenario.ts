import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { expect } from 'vitest';
import { RoutingSpanProcessor } from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';
import type { TestReceiver } from '../helpers/receiver.js';
import { watchArrivals } from './arrivals.js';
import { createModel } from './model.js';
import { createModelProcessor } from './model-processor.js';
import type { Operation } from './operation.js';
import { samplerByName } from './sampler-by-name.js';
import { configOf, type Setup } from './setups.js';
import { createTwins } from './twins.js';

/** What is done to a service, from its start to its end. */
export interface Scenario {
  /** One for each processor of the service. */
  readonly setups: readonly Setup[];
  /** Span limits so low that hardly an attribute finds room. */
  readonly hasLowLimits: boolean;
  readonly operations: readonly Operation[];
  /** Whether every span ends, and every boundary completes, before the shutdown; otherwise after it. */
  readonly isDrained: boolean;
}

/**
 * Runs a scenario against the real thing and the model side by side, and asserts that they agree: after each
 * step on what was returned, on every counter before the backends and on both laws; after each flush, and at
 * the end, on every span that the receivers have decoded.
 */
export async function runScenario(
  { setups, hasLowLimits, operations, isDrained }: Scenario,
  receivers: ReadonlyMap<string, TestReceiver>,
): Promise<void> {
  const arrivals = watchArrivals(receivers);
  const pairs = setups.map((setup, index) => ({
    index,
    setup,
    real: new RoutingSpanProcessor(
      configOf(setup, (backend) => arrivals.endpointOf(index, backend)),
    ),
    model: createModelProcessor(setup),
    isRunning: true,
  }));
  const provider = new BasicTracerProvider({
    sampler: samplerByName,
    spanProcessors: pairs.map(({ real }) => real),
    ...(hasLowLimits && { spanLimits: { attributeCountLimit: 2, attributeValueLengthLimit: 4 } }),
  });
  const twins = createTwins({
    tracer: provider.getTracer('test'),
    model: createModel(pairs.map(({ model }) => model)),
    mayEnd: (span) => !pairs.some(({ model }) => model.hasTie(span)),
    isRunning: () => pairs.some((pair) => pair.isRunning),
  });

  async function run(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'turn':
        return new Promise((resolve) => setImmediate(resolve));
      case 'forceFlush':
        await provider.forceFlush();
        return expectFlushed();
      case 'shutdown': {
        const pair = pairs[operation.processor % pairs.length];
        return pair && shutdown(pair);
      }
      default:
        return twins.run(operation);
    }
  }

  async function shutdown(pair: (typeof pairs)[number]): Promise<void> {
    pair.isRunning = false;
    pair.model.shutdown();
    await pair.real.shutdown();
  }

  function expectAgreement(): void {
    for (const { index, setup, real, model } of pairs) {
      const { backends, ...routing } = real.stats();
      expectLaws({ backends, ...routing });
      expect(routing, `the counters of processor ${index}`).toEqual({
        ...model.stats(),
        routes: {},
      });
      for (const backend of setup.backends) {
        const { accepted, delivered, dropped } = backends[backend] ?? {};
        const counted = { accepted, dropped };
        const expected = { accepted: model.copies(backend).length, dropped: {} };
        expect(counted, `the counters of backend ${backend}`).toEqual(expected);
        expect(delivered).toBeLessThanOrEqual(arrivals.count(index, backend));
      }
    }
  }

  function expectFlushed(): void {
    for (const { index, setup, real, model } of pairs) {
      const { backends } = real.stats();
      for (const [name, { accepted, delivered }] of Object.entries(backends)) {
        expect(delivered, `what backend ${name} took`).toBe(accepted);
      }
      arrivals.expectAll(index, setup, model, twins.spans);
    }
    arrivals.expectNoStrays();
  }

  try {
    for (const operation of operations) {
      await run(operation);
      expectAgreement();
    }
    if (isDrained) await twins.drain();
    await run({ kind: 'forceFlush' });
    expectAgreement();
    for (const pair of pairs) await shutdown(pair);
    expectAgreement();
    expectFlushed();
  } finally {
    // Whatever happened: no decision, socket or promise is left to the next scenario.
    await twins.drain();
    await provider.shutdown();
  }
  expectAgreement();
  expectFlushed();
}
