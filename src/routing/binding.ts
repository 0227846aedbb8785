import { type Context, type SpanContext, trace } from '@opentelemetry/api';
import { isWithin, openDecision, openTrace } from './decision.js';
import { BINDING, DECISION_KEY, type Decision, type LocalTrace, registry } from './registry.js';

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

function chooseTrace(span: SpanContext, context: Context): LocalTrace {
  const scope = scopeOf(context);
  const parent = localParentOf(context);
  if (parent === undefined) return enter(scope ?? openDecision('trace', undefined), span);

  const bound = bindingOf(parent);
  if (bound !== undefined) {
    const chosen = choose(bound.decision, scope);
    return chosen === bound.decision ? bound : enter(chosen, span, bound);
  }
  // An invalid parent is none: the SDK has given the span a trace of its own.
  if (parent.traceId !== span.traceId) {
    return enter(scope ?? openDecision('trace', undefined), span);
  }
  return chooseAmongLive(span, scope);
}

/** For a parent that was rebuilt from its ids, or was not recorded: asks who is live in its trace. */
function chooseAmongLive(span: SpanContext, scope: Decision | undefined): LocalTrace {
  const { traces, unindexed, ambiguous } = registry();
  const first = traces.get(span.traceId);
  if (first === undefined) {
    // While the map had no room for some traces, a miss does not prove that there is none.
    const opened = unindexed > 0 ? ambiguous : (scope ?? openDecision('trace', undefined));
    return enter(opened, span);
  }
  const chosen = choose(first.decision, scope);
  for (let each = first.next; each !== undefined; each = each.next) {
    if (choose(each.decision, scope) !== chosen) return enter(ambiguous, span);
  }
  return enter(chosen, span, first);
}

/** Whose a child span is: its parent's, or the scope's that was opened inside the parent's. */
function choose(parent: Decision, scope: Decision | undefined): Decision {
  let chosen = registry().ambiguous;
  if (scope === undefined || scope === parent || isWithin(parent, scope)) chosen = parent;
  else if (isWithin(scope, parent)) chosen = scope;
  // Otherwise a pool runs the callback in another request's context: nobody can know whose span it is.
  return chosen.ambiguous ? registry().ambiguous : chosen;
}

/** The local trace of `decision` that the span belongs to: a live one of its trace, or a new one. */
function enter(decision: Decision, span: SpanContext, outer?: LocalTrace): LocalTrace {
  const entered = decision.ambiguous ? registry().ambiguous : decision;
  if (entered.openTraces > 0) {
    let each = registry().traces.get(span.traceId);
    for (; each !== undefined; each = each.next) {
      if (each.decision === entered) return each;
    }
  }
  return openTrace(entered, span.traceId, span, outer);
}

/** The one decision that is live in a trace, where it is one. */
function onlyDecisionOf(traceId: string): Decision | undefined {
  const first = registry().traces.get(traceId);
  for (let each = first?.next; each !== undefined; each = each.next) {
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
