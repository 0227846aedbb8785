import { type Context, context } from '@opentelemetry/api';
import { warnOnce } from '../accounting/warn-once.js';
import { claimIn, decisionInForce } from '../routing/binding.js';
import { claim, isOpen, openDecision } from '../routing/decision.js';
import { BOUNDARIES_KEY, DECISION_KEY, type Decision } from '../routing/registry.js';

/** A boundary that was entered, as its context carries it. */
export interface Boundary {
  readonly decision: Decision;
  /** How many boundaries, one inside the other, shared the decision when this one was entered, it included. */
  readonly depth: number;
}

/**
 * Enters a boundary in `active`. Its decision is the one in force where that is open, and shared by none but
 * the boundaries that enclose this one; else one of its own.
 */
export function enterBoundary(active: Context): Boundary {
  const inForce = decisionInForce(active);
  // Boundaries that enclose this one count themselves in its context; one more stands beside it.
  const isScope = active.getValue(DECISION_KEY) === inForce;
  const enclosing = isScope ? (active.getValue(BOUNDARIES_KEY) ?? 1) : 0;
  const decision =
    inForce !== undefined && isOpen(inForce) && inForce.boundaries === enclosing
      ? inForce
      : openDecision('boundary', inForce);
  const claimed = claimIn(active);
  if (claimed !== undefined) claim(decision, claimed);
  decision.boundaries += 1;
  return { decision, depth: decision.boundaries };
}

/** `active` inside the boundary. */
export function withinBoundary(active: Context, { decision, depth }: Boundary): Context {
  const scope = active.setValue(DECISION_KEY, decision);
  // Each value copies the context: what is as a rule, and is not said otherwise further out, goes without saying.
  if (depth === 1 && active.getValue(BOUNDARIES_KEY) === undefined) return scope;
  return scope.setValue(BOUNDARIES_KEY, depth);
}

/** Runs `fn` in `scope`, a context that carries `decision`, and warns where no context manager is there to do it. */
export function runInScope<T>(scope: Context, decision: Decision, fn: () => T): T {
  return context.with(scope, checked<T>, undefined, decision, fn);
}

function checked<T>(decision: Decision, fn: () => T): T {
  if (context.active().getValue(DECISION_KEY) !== decision) {
    warnOnce(
      'no_context_manager',
      'No context manager is registered, so withRoute, withBoundary and routeRequests can not work. Register one: ' +
        'NodeTracerProvider.register() and NodeSDK.start() do, or context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()).',
    );
  }
  return fn();
}
