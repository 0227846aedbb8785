import { context } from '@opentelemetry/api';
import { emit } from '../accounting/log.js';
import { callContained } from '../contained.js';
import { decisionInForce } from '../routing/binding.js';
import {
  decide,
  hold,
  isWithin,
  release,
  reportFailed,
  reportUnresolved,
} from '../routing/decision.js';
import { type Decision, REQUEST_BOUNDARY } from '../routing/registry.js';
import { flushAfter } from './flush.js';
import { type Boundary, enterBoundary, runInScope, withinBoundary } from './scope.js';

/** What a resolver answers: the request's route key, or nothing. */
export type RouteAnswer = string | null | undefined;

/** Finds the route key of a request. Whatever else it returns than nothing is taken as a key, valid or not. */
export type RouteResolver<Request> = (request: Request) => RouteAnswer | PromiseLike<RouteAnswer>;

/** What `routeRequests` takes, in each framework. */
export interface RouteRequestsOptions<Request> {
  /**
   * Finds the route key of a request, from what the service trusts of it: verified claims, the host, a path,
   * a header that the caller may set as it likes only where that is meant. `fromHeader`, `fromHost`,
   * `fromPath` and `fromClaim` make such functions.
   *
   * It runs inside the boundary: its own spans are the request's. The request does not wait for a promise;
   * spans that end before it is answered do. Give look-ups a time limit: while none has answered, the spans
   * of a request stay parked, which `SIGNALBOX_PARK_TIMEOUT` bounds.
   *
   * Where it returns nothing the request stays unkeyed, counted as `decisions.unresolved`: `setRoute` may still
   * name a key, else its spans go to the default route.
   */
  readonly route: RouteResolver<Request>;
  /**
   * What becomes of the spans of a request whose `route` throws or rejects, and that gets no key otherwise:
   * dropped as `no_route`, or sent to the default route. The request itself goes on either way; the failure
   * is counted as `decisions.failed`, and logged without its message.
   *
   * Dropped, because a failure says nothing about whose the request is.
   *
   * @default 'drop'
   */
  readonly onError?: 'drop' | 'default' | undefined;
  /**
   * Is given, as each request begins, a promise that resolves when the request is over and its spans are
   * settled, the root included: for platforms that stop the process once the response is out. For Vercel it is
   * `waitUntil` of `@vercel/functions`; under Hono `(delivered, c) => c.executionCtx.waitUntil(delivered)`.
   *
   * The promise never rejects. It waits for no other request's spans, and for a span that stays open, or a backend
   * that hangs, no more than 5 s each.
   */
  readonly waitUntil?: ((delivered: Promise<void>, request: Request) => void) | undefined;
}

/** Runs requests inside boundaries of their own. */
export interface RequestBoundary<Request> {
  /**
   * Runs `next`, the rest of a request, inside the request's boundary, and asks for its route.
   *
   * The boundary is held until the request has closed and the route is answered. It is entered once for a
   * request: further in, `route` is asked only while no key has come, and decides only where none has come
   * meanwhile.
   *
   * @param request - What the resolver is given.
   * @param identity - The object that stands for the request in every framework it passes through.
   * @param onClose - Calls back, once, when the request has closed: at once where it has.
   * @returns What `next` returns.
   * @throws What `next` throws, and nothing else.
   */
  run<T>(
    request: Request,
    identity: object,
    onClose: (closed: () => void) => void,
    next: () => T,
  ): T;
}

/**
 * Creates what every `routeRequests` is made of.
 *
 * @throws TypeError where the options are none: once, as the application sets itself up.
 */
export function createRequestBoundary<Request>(
  options: RouteRequestsOptions<Request>,
): RequestBoundary<Request> {
  const { route, onError = 'drop', waitUntil } = options;
  if (typeof route !== 'function') {
    throw new TypeError('signalbox: routeRequests needs route, a function from requests to keys');
  }
  if (onError !== 'drop' && onError !== 'default') {
    throw new TypeError(`signalbox: onError is 'drop' or 'default', not ${String(onError)}`);
  }

  function enter<T>(
    request: Request,
    identity: object,
    onClose: (closed: () => void) => void,
    next: () => T,
  ): T {
    const active = context.active();
    const boundary = enterBoundary(active);
    const { decision } = boundary;
    remember(identity, boundary);
    hold(decision);
    let close: (() => void) | undefined;
    if (waitUntil !== undefined) {
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      announce(request, flushAfter(decision, closed), waitUntil);
    }
    return runInScope(withinBoundary(active, boundary), decision, () => {
      ask(request, decision, false);
      // After that, since the request may have closed before it came here.
      onClose(() => {
        release(decision);
        close?.();
      });
      return next();
    });
  }

  function goOn<T>(request: Request, boundary: Boundary, next: () => T): T {
    const active = context.active();
    const { decision } = boundary;
    const inForce = decisionInForce(active);
    // Something may have lost the context on the way here; what was opened inside the boundary counts.
    const isInside = inForce !== undefined && isWithin(inForce, decision);
    const scope = isInside ? active : withinBoundary(active, boundary);
    if (!decision.decided) context.with(scope, ask, undefined, request, decision, true);
    return isInside ? next() : runInScope(scope, decision, next);
  }

  function ask(request: Request, decision: Decision, isFurtherIn: boolean): void {
    hold(decision);
    let answer: RouteAnswer | PromiseLike<RouteAnswer>;
    try {
      answer = route(request);
      if (isThenable(answer)) {
        // Wrapped, since a promise of another kind may call back twice, or throw when it is asked.
        Promise.resolve(answer).then(
          (key) => answered(decision, key, isFurtherIn),
          (error: unknown) => failed(decision, error),
        );
        return;
      }
    } catch (error) {
      failed(decision, error);
      return;
    }
    answered(decision, answer, isFurtherIn);
  }

  function failed(decision: Decision, error: unknown): void {
    try {
      reportFailed(decision, error, onError === 'drop');
    } catch (bug) {
      warnOfBug(bug);
    }
    release(decision);
  }

  return {
    run(request, identity, onClose, next) {
      const boundary = boundaryOf(identity);
      return boundary === undefined
        ? enter(request, identity, onClose, next)
        : goOn(request, boundary, next);
    },
  };
}

function announce<Request>(
  request: Request,
  delivered: Promise<void>,
  waitUntil: (delivered: Promise<void>, request: Request) => void,
): void {
  const warn = (error: unknown) =>
    emit('warn', `the waitUntil of routeRequests failed: ${nameOf(error)}`);
  callContained(() => waitUntil(delivered, request), warn);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function take(decision: Decision, key: RouteAnswer, isFurtherIn: boolean): void {
  if (key === undefined || key === null) {
    if (!decision.decided) reportUnresolved(decision);
  } else if (!isFurtherIn || !decision.decided) {
    decide(decision, key);
  }
}

/** Takes what a resolver has answered. A bug in it must reach neither the request nor, as a rejection, the process. */
function answered(decision: Decision, key: RouteAnswer, isFurtherIn: boolean): void {
  try {
    take(decision, key, isFurtherIn);
  } catch (bug) {
    warnOfBug(bug);
  }
  release(decision);
}

function warnOfBug(bug: unknown): void {
  emit('warn', `routeRequests failed, which is a bug of signalbox: ${String(bug)}`);
}

function isThenable<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof answer === 'object' && answer !== null && 'then' in answer;
}

/** On the object, and not in a map of this module: another copy of the package may have put it there. */
function boundaryOf(identity: object): Boundary | undefined {
  return (identity as { [REQUEST_BOUNDARY]?: Boundary })[REQUEST_BOUNDARY];
}

function remember(identity: object, boundary: Boundary): void {
  // Enumerable, as Node's own symbols on a request are: to define it otherwise takes ten times as long.
  if (Object.isExtensible(identity)) {
    (identity as { [REQUEST_BOUNDARY]?: Boundary })[REQUEST_BOUNDARY] = boundary;
  }
}
