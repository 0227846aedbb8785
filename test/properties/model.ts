import type { RouteOutcome } from '../../src/index.js';
import type { ModelProcessor } from './model-processor.js';

/**
 * The rules of the decision, read literally and without a thought for speed: spans stand in one list, who is
 * live is found by looking through it, and a decision knows every decision around it. Nothing here is
 * taken from `src/`: where the two disagree, one of them has misread the contract.
 */

/** A route key as somebody gives it. */
export interface Key {
  readonly given: unknown;
  /** Whether the grammar of keys allows it. */
  readonly valid: boolean;
}

export interface Decision {
  /** Every decision around it, from the outermost in, and itself at the end. */
  readonly path: readonly Decision[];
  /** Whether it stands for a request that nobody can name: that of an ambiguous span. */
  readonly isUnknowable: boolean;
  /** The first key, whatever it is worth. */
  key: Key | undefined;
  settled: boolean;
  /** A second key came after the local root had ended. */
  leaked: boolean;
  runningBoundaries: number;
  /** Every boundary that was ever entered with it. */
  readonly boundaries: Boundary[];
}

/** One call of `withBoundary`. */
export interface Boundary {
  readonly decision: Decision;
  readonly enclosing: Boundary | undefined;
}

export interface ModelSpan {
  readonly id: number;
  readonly traceId: string;
  readonly decision: Decision;
  /** The first span of its local trace; itself where it opened one. */
  readonly localRoot: ModelSpan;
  readonly sampled: boolean;
  open: boolean;
}

/** What of a context counts: the innermost scope, and what stands as the active span. */
export interface ModelContext {
  readonly scope: Decision | undefined;
  /** The innermost boundary around it. */
  readonly boundary?: Boundary | undefined;
  readonly active: Active;
}

export type Active =
  /** None, a remote one, or an invalid one. */
  | { readonly kind: 'none' }
  /** A recorded span of this process, re-wrapped or not. */
  | { readonly kind: 'span'; readonly span: ModelSpan }
  /** A local span of which nothing is known but its ids: rebuilt from them, or not recorded. */
  | { readonly kind: 'ids'; readonly traceId: string };

export interface Model {
  readonly spans: readonly ModelSpan[];
  /** A recorded span starts; `traceId` is what the SDK gave it. */
  start(context: ModelContext, traceId: string, sampled: boolean): ModelSpan;
  end(span: ModelSpan): void;
  setRoute(context: ModelContext, key: Key): RouteOutcome;
  getRoute(context: ModelContext): unknown;
  enterRoute(context: ModelContext, key: Key): ModelContext;
  enterBoundary(context: ModelContext): ModelContext & { readonly scope: Decision };
  /** The function of a boundary with this decision has completed. */
  complete(decision: Decision): void;
  /**
   * Whether the contract leaves open which decision is in force: a parent known by its ids alone, in a trace
   * with live spans that are nobody's.
   */
  isUndefined(context: ModelContext): boolean;
}

function encloses(boundary: Boundary, inner: Boundary | undefined): boolean {
  return inner !== undefined && (inner === boundary || encloses(boundary, inner.enclosing));
}

/** Creates the model of one process with these processors. */
export function createModel(processors: readonly ModelProcessor[]): Model {
  const spans: ModelSpan[] = [];

  function openDecision(around: Decision | undefined, isUnknowable = false): Decision {
    const path: Decision[] = [...(around?.path ?? [])];
    const decision: Decision = {
      path,
      isUnknowable,
      key: undefined,
      settled: false,
      leaked: false,
      runningBoundaries: 0,
      boundaries: [],
    };
    path.push(decision);
    return decision;
  }

  function liveSpans(traceId: string): ModelSpan[] {
    return spans.filter((span) => span.open && span.traceId === traceId);
  }

  function liveDecisions(traceId: string): Decision[] {
    return [...new Set(liveSpans(traceId).map(({ decision }) => decision))];
  }

  /** Rule 2; `undefined` where nobody can know. */
  function belongsTo(parent: Decision, scope: Decision | undefined): Decision | undefined {
    const decision =
      scope === undefined || parent.path.includes(scope)
        ? parent
        : scope.path.includes(parent)
          ? scope
          : undefined;
    return decision?.leaked ? undefined : decision;
  }

  /** The decision of a span that starts in this context, and where it has a local parent that one's trace. */
  function place(
    { scope, active }: ModelContext,
    traceId: string,
  ): { decision: Decision | undefined; parent?: ModelSpan } {
    if (active.kind === 'span') {
      return { decision: belongsTo(active.span.decision, scope), parent: active.span };
    }
    const live = active.kind === 'ids' ? liveSpans(traceId) : [];
    const [first, ...others] = live.map((span) => belongsTo(span.decision, scope));
    if (live.length === 0) {
      const decision = scope ?? openDecision(undefined);
      return { decision: decision.leaked ? undefined : decision };
    }
    if (others.some((other) => other !== first)) return { decision: undefined };
    const parent = live.findLast((span) => span.decision === first) ?? live.at(-1);
    return parent === undefined ? { decision: first } : { decision: first, parent };
  }

  /** Rule 3. */
  function inForce({ scope, active }: ModelContext): Decision | undefined {
    if (scope !== undefined) return scope;
    if (active.kind === 'span') return active.span.decision;
    if (active.kind === 'none') return undefined;
    const live = liveDecisions(active.traceId);
    return live.length === 1 ? live[0] : undefined;
  }

  function isOpen(decision: Decision): boolean {
    return decision.key === undefined && !decision.settled && !decision.isUnknowable;
  }

  function localRootEnded(decision: Decision): boolean {
    const first = spans.find((span) => span.decision === decision);
    return first !== undefined && !first.localRoot.open;
  }

  /** Rule 5. */
  function settleIfIdle(decision: Decision): void {
    // The spans of its local traces are those, too, that a nested scope made in them.
    const isBusy = spans.some(
      (span) => span.open && (span.decision === decision || span.localRoot.decision === decision),
    );
    if (isBusy || decision.runningBoundaries > 0 || !isOpen(decision)) return;
    decision.settled = true;
    for (const processor of processors) processor.settle(decision);
  }

  function decide(decision: Decision, key: Key): RouteOutcome {
    if (decision.key !== undefined || decision.isUnknowable) {
      if (Object.is(decision.key?.given, key.given) && decision.key !== undefined) {
        return 'unchanged';
      }
      // What starts under the decision of an ambiguous span is ambiguous in any case.
      if (!decision.isUnknowable && localRootEnded(decision)) decision.leaked = true;
      for (const processor of processors) processor.conflict();
      return 'conflict';
    }
    decision.key = key;
    const knowing = processors.filter((processor) => processor.decide(decision));
    return knowing.length > 0 ? 'decided' : 'unknown';
  }

  return {
    spans,
    start(context, traceId, sampled) {
      const { decision, parent } = place(context, traceId);
      const span: ModelSpan = {
        id: spans.length,
        traceId,
        // A stranger to every scope and every other span.
        decision: decision ?? openDecision(undefined, true),
        // Of which local trace an ambiguous span is, nobody can know either.
        get localRoot() {
          return (decision && parent?.localRoot) ?? span;
        },
        sampled,
        open: true,
      };
      spans.push(span);
      for (const processor of processors) processor.start(span.decision);
      return span;
    },
    end(span) {
      // A span has ended for all once it has for the last processor, which then knows what it settles.
      for (const processor of processors.slice(0, -1)) processor.end(span);
      span.open = false;
      settleIfIdle(span.decision);
      if (span.localRoot.decision !== span.decision) settleIfIdle(span.localRoot.decision);
      processors.at(-1)?.end(span);
    },
    setRoute(context, key) {
      const decision = inForce(context);
      if (decision !== undefined) return decide(decision, key);
      for (const processor of processors) processor.noRequest();
      return 'no_request';
    },
    getRoute(context) {
      const key = inForce(context)?.key;
      return key?.valid ? key.given : undefined;
    },
    enterRoute(context, key) {
      const scope = openDecision(inForce(context));
      decide(scope, key);
      return { ...context, scope };
    },
    enterBoundary(context) {
      const around = inForce(context);
      // The first boundary has the decision; of further ones only those inside it.
      const isShared =
        around !== undefined &&
        isOpen(around) &&
        around.boundaries.every((other) => encloses(other, context.boundary));
      const scope = isShared ? around : openDecision(around);
      const boundary = { decision: scope, enclosing: context.boundary };
      scope.boundaries.push(boundary);
      scope.runningBoundaries += 1;
      return { ...context, scope, boundary };
    },
    complete(decision) {
      decision.runningBoundaries -= 1;
      settleIfIdle(decision);
    },
    isUndefined({ scope, active }) {
      return (
        scope === undefined &&
        active.kind === 'ids' &&
        liveDecisions(active.traceId).some(({ isUnknowable }) => isUnknowable)
      );
    },
  };
}
