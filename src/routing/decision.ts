import type { SpanContext } from '@opentelemetry/api';
import { isRouteKey } from '../config/route-key.js';
import { registry } from './registry.js';

/**
 * The route key of one local trace, or of one scope.
 *
 * Plain data, and functions beside it: two loaded copies of the package share decisions, so whichever copy
 * meets one must be able to work on it. A change of the shape needs a new version in `registry.ts`.
 */
export interface Decision {
  /** The decision that was in force where this one was opened. Decisions form a tree. */
  outer: Decision | undefined;
  /** How many decisions lie outside it, those included that `outer` no longer leads to. */
  readonly depth: number;
  /** Who opened it. */
  readonly origin: DecisionOrigin;
  /** The first key has come, valid or not. Final. */
  decided: boolean;
  /** The key, where the first one was valid. */
  key: string | undefined;
  /** The first key as it was given, to tell a repetition from a conflict. */
  given: unknown;
  /** Nothing keeps it open: unkeyed spans have left for the default route. Provisional. */
  settled: boolean;
  /** Nobody can know whose spans start under it from now on. */
  ambiguous: boolean;
  /** Boundaries that have not completed. */
  holds: number;
  /** Local traces of this decision that have an open span. */
  openTraces: number;
  /** The first of its local traces: its root is the local root that rule 4 asks for. */
  firstTrace: LocalTrace | undefined;
  /** What processors remember of it, one each. */
  attachment: Attachment | undefined;
}

/** Where a decision was opened: at a boundary, by `withRoute`, or by a local trace of its own. */
export type DecisionOrigin = 'boundary' | 'withRoute' | 'trace';

/** The spans of one trace under one decision. A span is bound to this. */
export interface LocalTrace {
  readonly traceId: string;
  readonly decision: Decision;
  /** The local trace that holds the local root, where a nested scope was entered from it; else it does itself. */
  readonly root: LocalTrace | undefined;
  /** The first span, by identity. */
  readonly rootSpan: SpanContext;
  rootEnded: boolean;
  openSpans: number;
  /** The live local traces of the same trace id: one, as a rule. */
  next: LocalTrace | undefined;
  previous: LocalTrace | undefined;
  /** In the map from trace ids. */
  indexed: boolean;
}

/** What one processor remembers of a decision: a list, since there is one processor as a rule. */
export interface Attachment {
  readonly owner: object;
  next: Attachment | undefined;
}

/** What a processor is told of decisions, whichever copy of the package made them. */
export interface DecisionListener {
  /** The first key has come. Returns whether the processor knows the key. */
  onDecided(decision: Decision): boolean;
  onConflict(decision: Decision): void;
  onSettled(decision: Decision): void;
  onNoRequest(): void;
}

/** What `setRoute` did. */
export type RouteOutcome = 'decided' | 'unchanged' | 'conflict' | 'unknown' | 'no_request';

/**
 * How many outer decisions are remembered, at least. A job that reschedules itself from inside its own
 * `withRoute` nests without end; past this depth a span whose parent belongs that far out is ambiguous.
 */
const MAX_DEPTH = 64;

/** Opens a decision inside `outer`. */
export function openDecision(origin: DecisionOrigin, outer: Decision | undefined): Decision {
  const depth = outer === undefined ? 0 : outer.depth + 1;
  if (depth > 0 && depth % MAX_DEPTH === 0) forgetBeyond(outer, MAX_DEPTH);
  return {
    outer,
    depth,
    origin,
    decided: false,
    key: undefined,
    given: undefined,
    settled: false,
    ambiguous: false,
    holds: 0,
    openTraces: 0,
    firstTrace: undefined,
    attachment: undefined,
  };
}

/** Whether a key may still decide it in time. */
export function isOpen(decision: Decision): boolean {
  return !decision.decided && !decision.settled && !decision.ambiguous;
}

/** Decides with the first key; any later one changes nothing. */
export function decide(decision: Decision, key: unknown): RouteOutcome {
  if (decision.decided || decision.ambiguous) {
    if (decision.decided && Object.is(decision.given, key)) return 'unchanged';
    // After the local root a second key means a context that leaked out of its request.
    if (localRootEnded(decision)) decision.ambiguous = true;
    for (const listener of registry().listeners) listener.onConflict(decision);
    return 'conflict';
  }
  decision.decided = true;
  decision.given = key;
  decision.key = isRouteKey(key) ? key : undefined;
  const { listeners } = registry();
  let known = decision.key !== undefined && listeners.size === 0;
  for (const listener of listeners) known = listener.onDecided(decision) || known;
  return known ? 'decided' : 'unknown';
}

/** Keeps it open although no span of it is. */
export function hold(decision: Decision): void {
  decision.holds += 1;
}

/** Ends one hold; the last one to go settles the decision where no span of it is open. */
export function release(decision: Decision): void {
  decision.holds -= 1;
  settleIfIdle(decision);
}

/** Opens a local trace of `decision`, entered from `outer` where its first span's parent belongs to an outer decision. */
export function openTrace(
  decision: Decision,
  traceId: string,
  rootSpan: SpanContext,
  outer: LocalTrace | undefined,
): LocalTrace {
  const trace: LocalTrace = {
    traceId,
    decision,
    root: outer === undefined ? undefined : (outer.root ?? outer),
    rootSpan,
    rootEnded: false,
    openSpans: 0,
    next: undefined,
    previous: undefined,
    indexed: false,
  };
  decision.firstTrace ??= trace;
  return trace;
}

/** A span of the local trace has started. */
export function spanStarted(trace: LocalTrace): void {
  if (trace.openSpans === 0) {
    trace.decision.openTraces += 1;
    index(trace);
  }
  trace.openSpans += 1;
}

/** A span of the local trace has ended, and its processor has dealt with it. */
export function spanEnded(trace: LocalTrace, span: SpanContext): void {
  if (trace.rootSpan === span) trace.rootEnded = true;
  // A processor that was added after the span started has not counted it.
  if (trace.openSpans === 0) return;
  trace.openSpans -= 1;
  if (trace.openSpans > 0) return;
  trace.decision.openTraces -= 1;
  unindex(trace);
  settleIfIdle(trace.decision);
}

/** Whether `decision` is `ancestor`, or lies inside it. */
export function isWithin(decision: Decision, ancestor: Decision): boolean {
  for (let each: Decision | undefined = decision; each !== undefined; each = each.outer) {
    if (each === ancestor) return true;
  }
  return false;
}

function settleIfIdle(decision: Decision): void {
  if (decision.openTraces > 0 || decision.holds > 0 || !isOpen(decision)) return;
  decision.settled = true;
  for (const listener of registry().listeners) listener.onSettled(decision);
}

function localRootEnded({ firstTrace }: Decision): boolean {
  return firstTrace !== undefined && (firstTrace.root ?? firstTrace).rootEnded;
}

function forgetBeyond(decision: Decision | undefined, depth: number): void {
  let each = decision;
  for (let i = 1; i < depth && each !== undefined; i += 1) each = each.outer;
  if (each !== undefined) each.outer = undefined;
}

function index(trace: LocalTrace): void {
  const state = registry();
  if (state.indexed >= state.maxIndexed) {
    state.unindexed += 1;
    return;
  }
  state.indexed += 1;
  trace.indexed = true;
  trace.next = state.traces.get(trace.traceId);
  if (trace.next !== undefined) trace.next.previous = trace;
  state.traces.set(trace.traceId, trace);
}

function unindex(trace: LocalTrace): void {
  const state = registry();
  if (!trace.indexed) {
    state.unindexed -= 1;
    return;
  }
  state.indexed -= 1;
  trace.indexed = false;
  const { next, previous } = trace;
  if (next !== undefined) next.previous = previous;
  if (previous !== undefined) previous.next = next;
  else if (next !== undefined) state.traces.set(trace.traceId, next);
  else state.traces.delete(trace.traceId);
  trace.next = undefined;
  trace.previous = undefined;
}
