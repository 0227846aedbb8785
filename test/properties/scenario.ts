import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  trace,
} from '@opentelemetry/api';
import { BasicTracerProvider, type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { expect } from 'vitest';
import {
  getRoute,
  RoutingSpanProcessor,
  setRoute,
  withBoundary,
  withRoute,
} from '../../src/index.js';
import type { TestReceiver } from '../helpers/receiver.js';
import { type Arrivals, MARKER, watchArrivals } from './arrivals.js';
import { forgedAttributes, writeHostile } from './hostile-write.js';
import {
  type Active,
  createModel,
  type Decision,
  type Key,
  type ModelContext,
  type ModelSpan,
} from './model.js';
import { createModelProcessor } from './model-processor.js';
import type { Disguise, Operation, Place } from './operations.js';
import { configOf, type Setup } from './setups.js';

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

/** A context, and what the model knows of it. */
interface Twin {
  readonly real: Context;
  readonly model: ModelContext;
}

interface Boundary {
  readonly decision: Decision;
  /** Completes it; resolves when whoever waits for it knows. */
  complete(): Promise<void>;
}

/**
 * Runs a scenario against the real thing and the model side by side, and asserts after every step that they
 * agree: on what `setRoute` and `getRoute` return, on every counter before the backends, on both laws. After
 * each flush the receivers must have got, span for span, what the model says.
 */
export async function runScenario(
  scenario: Scenario,
  receivers: ReadonlyMap<string, TestReceiver>,
): Promise<void> {
  const service = createService(scenario, watchArrivals(receivers));
  try {
    for (const operation of scenario.operations) {
      await service.run(operation);
      service.expectAgreement();
    }
    if (scenario.isDrained) await service.drain();
    await service.run({ kind: 'forceFlush' });
    service.expectAgreement();
  } finally {
    await service.stop();
  }
  await service.drain();
  service.expectAgreement();
  service.expectArrivals();
}

function createService({ setups, hasLowLimits }: Scenario, arrivals: Arrivals) {
  const pairs = setups.map((setup, index) => ({
    setup,
    index,
    real: new RoutingSpanProcessor(
      configOf(setup, (backend) => arrivals.endpointOf(index, backend)),
    ),
    model: createModelProcessor(setup),
    isRunning: true,
  }));
  const provider = new BasicTracerProvider({
    sampler: samplerByName,
    spanProcessors: pairs.map(({ real }) => real),
    ...(hasLowLimits && {
      spanLimits: { attributeCountLimit: 2, attributeValueLengthLimit: 4 },
    }),
  });
  const tracer = provider.getTracer('test');
  const model = createModel(pairs.map((pair) => pair.model));
  const root: Twin = { real: ROOT_CONTEXT, model: { scope: undefined, active: { kind: 'none' } } };
  const twins: Twin[] = [root];
  /** Spans that are recorded; the model's have the same places in its list. */
  const spans: Span[] = [];
  const boundaries: Boundary[] = [];
  const remoteTraces = Array.from({ length: 3 }, randomTraceId);

  function at(place: Place): Twin {
    return place === 'root' ? root : (newest(twins, place) ?? root);
  }

  function start({ in: place, root: isRoot, sampling, write }: Operation & { kind: 'start' }): void {
    const twin = at(place);
    const before: ModelContext = isRoot
      ? { ...twin.model, active: { kind: 'none' } }
      : twin.model;
    const isForgedAtStart = write === 'setAttributes';
    const attributes = { [MARKER]: spans.length, ...(isForgedAtStart && forgedAttributes()) };
    const span = tracer.startSpan(sampling, { root: isRoot, attributes }, twin.real);
    const { traceId } = span.spanContext();
    let active: Active = { kind: 'ids', traceId };
    if (sampling !== 'notRecorded') {
      spans.push(span);
      active = { kind: 'span', span: model.start(before, traceId, sampling === 'sampled') };
      if (write !== undefined) writeHostile(span, write);
    }
    twins.push({
      real: trace.setSpan(twin.real, span),
      model: { scope: twin.model.scope, active },
    });
  }

  function end(span: ModelSpan | undefined): void {
    if (span === undefined || pairs.some((pair) => pair.model.hasTie(span))) return;
    spans[span.id]?.end();
    model.end(span);
  }

  function enterBoundary({ in: place, end: how }: Operation & { kind: 'withBoundary' }): void {
    const twin = at(place);
    if (model.isUndefined(twin.model)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let inner = twin.real;
    const enter = () =>
      withBoundary(() => {
        inner = context.active();
        if (how === 'throws') throw new Refusal();
        return how === 'atOnce' ? undefined : promise;
      });
    const result = context.with(twin.real, how === 'throws' ? () => expectRefusal(enter) : enter);
    const entered = model.enterBoundary(twin.model);
    twins.push({ real: inner, model: entered });
    if (how === 'throws' || how === 'atOnce') {
      model.complete(entered.scope);
      return;
    }
    const outcome = expectOutcome(result, how);
    boundaries.push({
      decision: entered.scope,
      complete() {
        if (how === 'resolves') resolve();
        else reject(new Refusal());
        return outcome;
      },
    });
  }

  async function complete(boundary: Boundary | undefined): Promise<void> {
    if (boundary === undefined) return;
    boundaries.splice(boundaries.indexOf(boundary), 1);
    await boundary.complete();
    model.complete(boundary.decision);
  }
}
