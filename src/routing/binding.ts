import { type Context, isSpanContextValid, type SpanContext, trace } from '@opentelemetry/api';
import { claim, isWithin, openDecision, openTrace } from './decision.js';
import { firstLive, nextLive } from './live-traces.js';
import {
  BINDING,
  DECISION_KEY,
  type Decision,
  type LocalTrace,
  registry,
  WIRE_KEY,
  type WireClaim,
} from './registry.js';

/** A span context that may be bound. The binding stands on the object, so that re-wrapping it keeps it. */
interface Bindable extends SpanContext {
  [BINDING]?: LocalTrace;
}

/** The local trace that a span is bound to. */
export function bindingOf(span: SpanContext): LocalTrace | undefined {
  return (span as Bindable)[BINDING];
}

/**
 * Binds a span that starts in `context` to a local trace, by the rules of the decision.
 *
 * @returns `undefined` where the span's context object takes no property; its span is then nobody's.
 */
export function bind(span: SpanContext, context: Context): LocalTrace | undefined {
  if (!Object.isExtensible(span)) return undefined;
  const bound = chooseTrace(span, context);
  (span as Bindable)[BINDING] = bound;
  return bound;
}

/** The decision in force in `context`: the scope's, else the active span's. */
export function decisionInForce(context: Context): Decision | undefined {
  const scope = scopeOf(context);
  if (scope !== undefined) return scope;
  const parent = localParentOf(context);
  if (parent === undefined) return undefined;
  const bound = bindingOf(parent);
  return bound === undefined ? onlyDecisionOf(parent.traceId) : bound.decision;
}

/**
 * What is said in `context` of the key of a local trace that starts there: by its remote parent, or by that of a
 * local one which was not recorded. `undefined` where there is no such parent.
 *
 * A remote parent without a key says that too, so that one caller's key is not taken for another's.
 */
export function claimIn(context: Context): WireClaim | undefined {
  const parent = trace.getSpanContext(context);
  // In this order: most parents are bound, and whether one is valid takes two regular expressions' time.
  if (parent === undefined || bindingOf(parent) !== undefined || !isSpanContextValid(parent)) {
    return undefined;
  }
  const { traceId, isRemote } = parent;
  const claimed = context.getValue(WIRE_KEY) as WireClaim | undefined;
  if (claimed?.traceId === traceId) return claimed;
  return isRemote === true ? { traceId, key: undefined, isDisputed: false } : undefined;
}

function chooseTrace(span: SpanContext, context: Context): LocalTrace {
  const scope = scopeOf(context);
  const parent = localParentOf(context);
  if (parent === undefined) return openLocalTrace(span, scope, context);

  const bound = bindingOf(parent);
  if (bound !== undefined) return enter(choose(bound.decision, scope), span, bound);
  // An invalid parent is none: the SDK has given the span a trace of its own.
  if (parent.traceId !== span.traceId) return openLocalTrace(span, scope, context);
  return chooseAmongLive(span, scope, context);
}

/** For a parent that was rebuilt from its ids, or was not recorded: asks who is live in its trace. */
function chooseAmongLive(
  span: SpanContext,
  scope: Decision | undefined,
  context: Context,
): LocalTrace {
  const first = firstLive(span.traceId);
  if (first === undefined) {
    // While the map had no room for some traces, a miss does not prove that there is none.
    return registry().unindexed > 0 ? openAmbiguous(span) : openLocalTrace(span, scope, context);
  }
  const chosen = choose(first.decision, scope);
  for (let each = nextLive(first); each !== undefined; each = nextLive(each)) {
    if (choose(each.decision, scope) !== chosen) return openAmbiguous(span);
  }
  return enter(chosen, span, first);
}

/**
 * Whose a child span is: its parent's, or the scope's that was opened inside the parent's. `undefined` where
 * a pool runs the callback in another request's context: nobody can know.
 */
function choose(parent: Decision, scope: Decision | undefined): Decision | undefined {
  if (scope === undefined || scope === parent || isWithin(parent, scope)) return parent;
  return isWithin(scope, parent) ? scope : undefined;
}

/** The local trace of the chosen decision that a span belongs to whose parent belongs to `outer`. */
function enter(chosen: Decision | undefined, span: SpanContext, outer: LocalTrace): LocalTrace {
  if (chosen === undefined || isPoisoned(chosen)) return openAmbiguous(span);
  if (chosen === outer.decision) return outer;
  const root = outer.root ?? outer;
  if (chosen.openTraces > 0) {
    let each = firstLive(span.traceId);
    for (; each !== undefined; each = nextLive(each)) {
      if (each.decision === chosen && each.root === root) return each;
    }
  }
  return openTrace(chosen, span, root);
}

function openLocalTrace(
  span: SpanContext,
  scope: Decision | undefined,
  context: Context,
): LocalTrace {
  if (scope !== undefined && isPoisoned(scope)) return openAmbiguous(span);
  const decision = scope ?? openDecision('trace', undefined);
  const claimed = claimIn(context);
  if (claimed !== undefined && !claim(decision, claimed)) return openAmbiguous(span);
  return openTrace(decision, span, undefined);
}

/** A decision of its own for each: one span that is nobody's says nothing of another. */
function openAmbiguous(span: SpanContext): LocalTrace {
  return openTrace(openDecision('ambiguous', undefined), span, undefined);
}

/** What starts under it is nobody's, but what started earlier is its own. */
function isPoisoned({ ambiguous, origin }: Decision): boolean {
  return ambiguous && origin !== 'ambiguous';
}

/** The one decision that is live in a trace, where it is one. */
function onlyDecisionOf(traceId: string): Decision | undefined {
  const first = firstLive(traceId);
  let each = first;
  for (; each !== undefined; each = nextLive(each)) {
    if (each.decision !== first?.decision) return undefined;
  }
  return first?.decision;
}

function scopeOf(context: Context): Decision | undefined {
  return context.getValue(DECISION_KEY) as Decision | undefined;
}

function localParentOf(context: Context): SpanContext | undefined {
  const parent = trace.getSpanContext(context);
  return parent === undefined || parent.isRemote === true ? undefined : parent;
}
