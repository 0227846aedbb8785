import { isPromise } from 'node:util/types';
import { context } from '@opentelemetry/api';
import { warnOnce } from '../accounting/warn-once.js';
import { decisionInForce } from '../routing/binding.js';
import { decide, hold, openDecision, type RouteOutcome, release } from '../routing/decision.js';
import { DECISION_KEY, type Decision, registry } from '../routing/registry.js';
import { enterBoundary, runInScope, withinBoundary } from './scope.js';

export type { RouteOutcome } from '../routing/decision.js';

/**
 * Runs one request: `fn`, and all that it starts, belongs to one decision, which stays open until `fn` has
 * completed. Spans that end before the key is known wait for it.
 *
 * Where the decision in force is still open it is shared, so that the server span that instrumentation
 * started before the boundary belongs to it too. It is shared once: the next boundary beside the first, such
 * as the next message of a batch, is another request, and opens a decision of its own. So does one inside a
 * decision that is not open any more. Where such a decision gets no key although it lies inside a keyed one,
 * its spans are dropped as `ambiguous`: nobody can know whose they are.
 *
 * @param fn - The request. A native promise that it returns is awaited; anything else completes at once.
 * @returns What `fn` returns; for a promise, one with the same outcome: handle its rejection there, as a handler
 *   that stands on the promise inside `fn` alone does not cover it.
 * @throws What `fn` throws, and nothing else.
 */
export function withBoundary<T>(fn: () => T): T {
  const active = context.active();
  const boundary = enterBoundary(active);
  const { decision } = boundary;
  hold(decision);
  let result: T;
  try {
    result = runInScope(withinBoundary(active, boundary), decision, fn);
  } catch (error) {
    release(decision);
    throw error;
  }
  // Only native promises: to call `then` on a query builder would run its query.
  if (isPromise(result)) return releaseAfter(result, decision);
  release(decision);
  return result;
}

/**
 * Runs `fn`, and all that it starts, under `key`: a scope inside the decision in force, whose own spans stay
 * where they are. For a queue worker that handles several tenants' messages under one batch span, say.
 *
 * A key that no route knows, or that is not a valid key, decides all the same: the scope's spans follow
 * `SIGNALBOX_UNKNOWN_ROUTE`, and `fn` runs.
 *
 * Without a context manager nothing can carry the key: `fn` runs, and a warning says once what to register.
 *
 * @param key - 1 to 128 characters of letters, digits, `.`, `_`, `-`, `:` and `/`, beginning with a letter or digit.
 * @returns What `fn` returns.
 * @throws What `fn` throws, and nothing else.
 */
export function withRoute<T>(key: string, fn: () => T): T {
  const active = context.active();
  const decision = openDecision('withRoute', decisionInForce(active));
  decide(decision, key);
  return runInScope(active.setValue(DECISION_KEY, decision), decision, fn);
}

/**
 * Decides the decision in force here: the innermost scope's, else the active span's. The first key is final.
 *
 * @param key - As for {@link withRoute}.
 * @returns
 * - `decided`: the key is the request's from now on, spans included that ended before;
 * - `unchanged`: it was already;
 * - `conflict`: another key was first, and stays. Once the local root has ended, what starts later under this
 *   decision is dropped as `ambiguous`: its context has leaked out of the request;
 * - `unknown`: no route knows the key, or it is not a valid key. It decides all the same;
 * - `no_request`: nothing is in force here. Counted, and warned of once.
 */
export function setRoute(key: string): RouteOutcome {
  const decision = decisionInForce(context.active());
  if (decision !== undefined) return decide(decision, key);
  for (const listener of registry().listeners) listener.onNoRequest();
  warnOnce(
    'no_request',
    'setRoute was called with no request in force: neither a recorded span nor a boundary is active here. ' +
      'Call it inside the request, or wrap the request in withBoundary.',
  );
  return 'no_request';
}

/** The key in force here, if it is decided and valid. One from another service is, once the request is settled. */
export function getRoute(): string | undefined {
  return decisionInForce(context.active())?.key;
}

function releaseAfter<T>(promise: T & Promise<unknown>, decision: Decision): T {
  const done = () => release(decision);
  if (promise.constructor !== Promise) {
    // An API client's own kind of promise has methods that a derived one would lack.
    promise.then(done, done);
    return promise;
  }
  // Derived, so that a rejection that nobody handles is still reported as unhandled.
  return promise.finally(done) as T & Promise<unknown>;
}
