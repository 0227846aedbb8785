import { randomBytes } from 'node:crypto';
import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { expect } from 'vitest';
import { getRoute, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { MARKER } from './arrivals.js';
import { createBoundaryWork } from './boundary-work.js';
import { forgedAttributes, writeHostile } from './hostile-write.js';
import type { Active, Decision, Key, Model, ModelContext, ModelSpan } from './model.js';
import type { Disguise, Operation, Place } from './operation.js';

/** A service's requests, each real context and span with its twin in the model. */
export interface Twins {
  /** Recorded spans; the model's have the same places in its own list. */
  readonly spans: readonly Span[];
  run(operation: RequestOperation): Promise<void>;
  /** Ends every span and completes every boundary. */
  drain(): Promise<void>;
}

/** An operation that is part of a request, and not of the service's own life. */
export type RequestOperation = Exclude<
  Operation,
  { readonly kind: 'turn' | 'forceFlush' | 'shutdown' }
>;

export interface TwinsOptions {
  readonly tracer: Tracer;
  readonly model: Model;
  /** Whether the contract says what happens when the span ends. */
  readonly mayEnd: (span: ModelSpan) => boolean;
  /** Whether a processor runs; without one nobody can say what `setRoute` returns. */
  readonly isRunning: () => boolean;
}

type Step<Kind> = Extract<Operation, { readonly kind: Kind }>;

interface Twin {
  readonly real: Context;
  readonly model: ModelContext;
}

interface Boundary {
  readonly decision: Decision;
  /** Completes the function; resolves when whoever waits for the boundary knows. */
  readonly complete: () => Promise<void>;
}

/** Creates the twins of a service in which nothing has happened. */
export function createTwins({ tracer, model, mayEnd, isRunning }: TwinsOptions): Twins {
  const root: Twin = { real: ROOT_CONTEXT, model: { scope: undefined, active: { kind: 'none' } } };
  const contexts: Twin[] = [root];
  const spans: Span[] = [];
  const boundaries: Boundary[] = [];
  const remoteTraceIds = Array.from({ length: 3 }, () => randomBytes(16).toString('hex'));

  function at(place: Place): Twin {
    return (place === 'root' ? undefined : newest(contexts, place)) ?? root;
  }

  function start({ in: place, root: isRoot, sampling, write }: Step<'start'>): void {
    const twin = at(place);
    const attributes = {
      [MARKER]: spans.length,
      ...(write === 'setAttributes' && forgedAttributes()),
    };
    const span = tracer.startSpan(sampling, { root: isRoot, attributes }, twin.real);
    const { traceId } = span.spanContext();
    let active: Active = { kind: 'ids', traceId };
    if (sampling !== 'notRecorded') {
      const from = isRoot ? withActive(twin.model, { kind: 'none' }) : twin.model;
      active = { kind: 'span', span: model.start(from, traceId, sampling === 'sampled') };
      spans.push(span);
      if (write !== undefined) writeHostile(span, write);
    }
    contexts.push({
      real: trace.setSpan(twin.real, span),
      model: withActive(twin.model, active),
    });
  }

  function end(span: ModelSpan | undefined): void {
    if (span === undefined || !mayEnd(span)) return;
    spans[span.id]?.end();
    model.end(span);
  }

  function remoteParent({ in: place, trace: index }: Step<'remoteParent'>): void {
    const twin = at(place);
    const remote = {
      traceId: newest(remoteTraceIds, index) ?? '',
      spanId: randomBytes(8).toString('hex'),
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
    };
    contexts.push({
      real: trace.setSpanContext(twin.real, remote),
      model: withActive(twin.model, { kind: 'none' }),
    });
  }

  function disguise({ in: place, as }: Step<'disguise'>): void {
    const twin = at(place);
    const parent = trace.getSpanContext(twin.real);
    if (parent === undefined) return;
    const ids = { traceId: parent.traceId, spanId: parent.spanId, traceFlags: parent.traceFlags };
    const disguises: Record<Disguise, () => [Context, Active]> = {
      rewrapped: () => [trace.setSpanContext(twin.real, parent), twin.model.active],
      rebuilt: () => [
        trace.setSpanContext(twin.real, ids),
        isSpanContextValid(ids) ? { kind: 'ids', traceId: ids.traceId } : { kind: 'none' },
      ],
      remote: () => [trace.setSpanContext(twin.real, { ...ids, isRemote: true }), { kind: 'none' }],
      invalid: () => [trace.setSpanContext(twin.real, INVALID_SPAN_CONTEXT), { kind: 'none' }],
      none: () => [trace.deleteSpan(twin.real), { kind: 'none' }],
    };
    const [real, active] = disguises[as]();
    contexts.push({ real, model: withActive(twin.model, active) });
  }

  function mix({ scopeOf, spanOf }: Step<'mix'>): void {
    const scope = at(scopeOf);
    const active = at(spanOf);
    const span = trace.getSpan(active.real);
    contexts.push({
      real: span === undefined ? trace.deleteSpan(scope.real) : trace.setSpan(scope.real, span),
      model: withActive(scope.model, active.model.active),
    });
  }

  function decide({ in: place, key }: Step<'setRoute'>): void {
    const twin = at(place);
    if (model.isUndefined(twin.model)) return;
    const outcome = context.with(twin.real, () => setRoute(asString(key)));
    const expected = model.setRoute(twin.model, key);
    if (isRunning()) expect(outcome, `setRoute(${String(key.given)})`).toBe(expected);
    const inForce = context.with(twin.real, getRoute);
    expect(inForce, 'getRoute() after it').toBe(model.getRoute(twin.model));
  }

  function enterRoute({ in: place, key }: Step<'withRoute'>): void {
    const twin = at(place);
    if (model.isUndefined(twin.model)) return;
    const real = context.with(twin.real, () =>
      withRoute(asString(key), () => {
        expect(getRoute(), 'getRoute() inside withRoute').toBe(key.valid ? key.given : undefined);
        return context.active();
      }),
    );
    contexts.push({ real, model: model.enterRoute(twin.model, key) });
  }

  function enterBoundary({ in: place, end: how }: Step<'withBoundary'>): void {
    const twin = at(place);
    if (model.isUndefined(twin.model)) return;
    const work = createBoundaryWork(how);
    let real = twin.real;
    const isRunning = context.with(twin.real, () =>
      work.enter(() =>
        withBoundary(() => {
          real = context.active();
          return work.run();
        }),
      ),
    );
    const entered = model.enterBoundary(twin.model);
    const decision = entered.scope;
    contexts.push({ real, model: entered });
    if (isRunning) boundaries.push({ decision, complete: work.complete });
    else model.complete(decision);
  }

  async function complete(boundary: Boundary | undefined): Promise<void> {
    if (boundary === undefined) return;
    boundaries.splice(boundaries.indexOf(boundary), 1);
    await boundary.complete();
    model.complete(boundary.decision);
  }

  function openSpans(): ModelSpan[] {
    return model.spans.filter((span) => span.open);
  }

  return {
    spans,
    async run(operation) {
      switch (operation.kind) {
        case 'start':
          return start(operation);
        case 'end':
          return end(newest(openSpans(), operation.span));
        case 'remoteParent':
          return remoteParent(operation);
        case 'setRoute':
          return decide(operation);
        case 'withRoute':
          return enterRoute(operation);
        case 'withBoundary':
          return enterBoundary(operation);
        case 'complete':
          return complete(newest(boundaries, operation.boundary));
        case 'mix':
          return mix(operation);
        case 'disguise':
          return disguise(operation);
        case 'write': {
          const span = newest(spans, operation.span);
          return span && writeHostile(span, operation.write);
        }
      }
    },
    async drain() {
      for (const span of openSpans()) end(span);
      for (const boundary of [...boundaries]) await complete(boundary);
    },
  };
}

function withActive(context: ModelContext, active: Active): ModelContext {
  return { ...context, active };
}

/** The n-th of the list from its end, and again from the end where it is shorter. */
function newest<T>(list: readonly T[], n: number): T | undefined {
  return list[list.length - 1 - (n % list.length)];
}

/** JavaScript callers pass what they like. */
function asString({ given }: Key): string {
  return given as string;
}
