import type { SpanContext } from '@opentelemetry/api';
import { isRouteKey } from '../config/route-key.js';
import { addLive, removeLive } from './live-traces.js';
import {
  type Attachment,
  type Decision,
  type DecisionOrigin,
  type LocalTrace,
  registry,
  type WireClaim,
} from './registry.js';

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
  return new OpenDecision(origin, outer, depth);
}

/**
 * A class, as is all that a request makes and that leads to its spans. Of objects that literals make V8 learns whether they
 * survive; where it takes them for long-lived it makes all later ones old at once, and each then keeps what it leads to until the
 * next full collection. Thirty requests that are under way side by side are enough for that.
 */
class OpenDecision implements Decision {
  outer: Decision | undefined;
  insideKeyed = false;
  readonly depth: number;
  readonly origin: DecisionOrigin;
  decided = false;
  key: string | undefined = undefined;
  given: unknown = undefined;
  settled = false;
  wire: WireClaim | undefined = undefined;
  ambiguous: boolean;
  failed = false;
  idle: (() => void)[] | undefined = undefined;
  holds = 0;
  boundaries = 0;
  openTraces = 0;
  firstTrace: LocalTrace | undefined = undefined;
  attachment: Attachment | undefined = undefined;

  constructor(origin: DecisionOrigin, outer: Decision | undefined, depth: number) {
    this.outer = outer;
    this.depth = depth;
    this.origin = origin;
    this.ambiguous = origin === 'ambiguous';
  }
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

/** Tells that a boundary's resolver found no key. */
export function reportUnresolved(decision: Decision): void {
  for (const listener of registry().listeners) listener.onUnresolved(decision);
}

/**
 * Tells that a boundary's resolver failed.
 *
 * @param drops - Whether its spans then go nowhere, unless a key still comes: whose they are is not known, so
 *   the default route may not have them.
 */
export function reportFailed(decision: Decision, error: unknown, drops: boolean): void {
  if (drops) decision.failed = true;
  for (const listener of registry().listeners) listener.onFailed(decision, error);
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

/**
 * Calls back, once, when no span of the decision is open, those of nested scopes included, and no hold is left: at
 * once where that is so. The span whose end it was has not been handed over then.
 */
export function whenIdle(decision: Decision, callback: () => void): void {
  if (isBusy(decision)) decision.idle = [...(decision.idle ?? []), callback];
  else callback();
}

/** Opens a local trace of `decision`; `root` is the one that a nested scope was entered from. */
export function openTrace(
  decision: Decision,
  rootSpan: SpanContext,
  root: LocalTrace | undefined,
): LocalTrace {
  const trace = new OpenTrace(decision, rootSpan, root);
  decision.firstTrace ??= trace;
  return trace;
}

/** A class for the reason that a decision is one. */
class OpenTrace implements LocalTrace {
  readonly traceId: string;
  readonly decision: Decision;
  readonly root: LocalTrace | undefined;
  readonly rootSpan: SpanContext;
  rootEnded = false;
  openSpans = 0;
  next: LocalTrace | undefined = undefined;
  previous: LocalTrace | undefined = undefined;
  indexed = false;

  constructor(decision: Decision, rootSpan: SpanContext, root: LocalTrace | undefined) {
    this.traceId = rootSpan.traceId;
    this.decision = decision;
    this.root = root;
    this.rootSpan = rootSpan;
  }
}

/** A span of the local trace has started. */
export function spanStarted(trace: LocalTrace): void {
  if (trace.openSpans === 0) {
    trace.decision.openTraces += 1;
    // A nested scope's spans belong to the local trace that it was entered from all the same.
    if (trace.root !== undefined) trace.root.decision.openTraces += 1;
    addLive(trace);
  }
  trace.openSpans += 1;
}

/** A span of the local trace has ended; the last one settles a decision that no key has come for. */
export function spanEnded(trace: LocalTrace, span: SpanContext): void {
  if (trace.rootSpan === span) trace.rootEnded = true;
  // A processor that was added after the span started has not counted it.
  if (trace.openSpans === 0) return;
  trace.openSpans -= 1;
  if (trace.openSpans > 0) return;
  trace.decision.openTraces -= 1;
  removeLive(trace);
  settleIfIdle(trace.decision);
  if (trace.root === undefined) return;
  trace.root.decision.openTraces -= 1;
  settleIfIdle(trace.root.decision);
}

/** Whether `decision` is `ancestor`, or lies inside it. */
export function isWithin(decision: Decision, ancestor: Decision): boolean {
  for (let each: Decision | undefined = decision; each !== undefined; each = each.outer) {
    if (each === ancestor) return true;
  }
  return false;
}

/** Whether a decision outside this one was decided, is poisoned, has a resolver that failed, or a key from the wire. */
export function isInsideKeyed(decision: Decision): boolean {
  let each = decision;
  while (each.outer !== undefined) {
    each = each.outer;
    if (each.decided || each.ambiguous || each.failed || hasCallersKey(each)) return true;
  }
  return each.insideKeyed;
}

function hasCallersKey({ wire }: Decision): boolean {
  return wire !== undefined && (wire.key !== undefined || wire.isDisputed);
}

/**
 * The key that the wire gives to a decision for which nobody here has named one. This is the one place that
 * says when it counts: not where callers disagree, nor inside a request that has a key of its own.
 */
export function wireKeyOf(decision: Decision): string | undefined {
  const { decided, ambiguous, failed, wire } = decision;
  if (wire?.key === undefined || wire.isDisputed) return undefined;
  // Who asked here and got no answer does not take another's.
  if (decided || ambiguous || failed) return undefined;
  return isInsideKeyed(decision) ? undefined : wire.key;
}

/**
 * Takes down what a remote caller says of the decision's key, for when nobody here names one.
 *
 * One decision may have several callers, such as those of a batch's messages in one boundary. Where they do not
 * agree, one of them having said nothing included, none of them speaks for all its spans.
 *
 * @returns `false` where the decision was settled otherwise: the caller's spans are another request's, in a
 * context that leaked out of this one.
 */
export function claim(decision: Decision, claimed: WireClaim): boolean {
  // What the boundary has named wins, whatever a caller says.
  if (decision.decided) return true;
  const { wire } = decision;
  if (decision.settled) return wire?.key === claimed.key && wire?.isDisputed !== true;
  if (wire === undefined) decision.wire = claimed;
  else if (wire.key !== claimed.key) decision.wire = { ...wire, isDisputed: true };
  return true;
}

function settleIfIdle(decision: Decision): void {
  if (isBusy(decision)) return;
  if (isOpen(decision)) {
    decision.settled = true;
    decision.key = wireKeyOf(decision);
    for (const listener of registry().listeners) listener.onSettled(decision);
  }
  const { idle } = decision;
  if (idle === undefined) return;
  decision.idle = undefined;
  for (const callback of idle) callback();
}

function isBusy({ openTraces, holds }: Decision): boolean {
  return openTraces > 0 || holds > 0;
}

function localRootEnded({ firstTrace }: Decision): boolean {
  return firstTrace !== undefined && (firstTrace.root ?? firstTrace).rootEnded;
}

function forgetBeyond(decision: Decision | undefined, depth: number): void {
  let each = decision;
  for (let i = 1; i < depth && each !== undefined; i += 1) each = each.outer;
  if (each === undefined) return;
  each.insideKeyed = isInsideKeyed(each);
  each.outer = undefined;
}
