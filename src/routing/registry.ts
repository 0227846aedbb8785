import { createContextKey, type SpanContext } from '@opentelemetry/api';

/**
 * The route key of one local trace, or of one scope.
 *
 * Plain data, and functions beside it: two loaded copies of the package share decisions, so whichever copy
 * meets one must be able to work on it. A change of the shape needs a new version in the names below.
 */
export interface Decision {
  /** The decision that was in force where this one was opened. Decisions form a tree. */
  outer: Decision | undefined;
  /** One further out than `outer` still leads to was decided, or poisoned. */
  insideKeyed: boolean;
  /** How many decisions lie outside it, those included that `outer` no longer leads to. */
  readonly depth: number;
  /** Who opened it. */
  readonly origin: DecisionOrigin;
  /** The first key has come, valid or not. Final. */
  decided: boolean;
  /** The key in force: the first one where that was valid; once settled, that of the wire where there is one. */
  key: string | undefined;
  /** The first key as it was given, to tell a repetition from a conflict. */
  given: unknown;
  /** Nothing keeps it open: unkeyed spans have left for the wire's key, or for the default route. Provisional. */
  settled: boolean;
  /** What its callers in other services say of its key; it counts only where nobody here names one. */
  wire: WireClaim | undefined;
  /** Nobody can know whose spans start under it from now on. */
  ambiguous: boolean;
  /** A boundary's resolver failed: while no key comes its spans go nowhere, a default route or not. */
  failed: boolean;
  /** Who is to be told when no span of it is open, and no hold is left. */
  idle: (() => void)[] | undefined;
  /** Boundaries that have not completed. */
  holds: number;
  /** How many boundaries, one inside the other, share it. */
  boundaries: number;
  /** Local traces with an open span: its own, and those that nested scopes have entered from its own. */
  openTraces: number;
  /** The first of its local traces: its root is the local root that rule 4 asks for. */
  firstTrace: LocalTrace | undefined;
  /** What processors remember of it, one each. */
  attachment: Attachment | undefined;
}

/**
 * Where a decision was opened: at a boundary, by `withRoute`, by a local trace of its own, or for a span of
 * which nobody can know whose it is.
 */
export type DecisionOrigin = 'boundary' | 'withRoute' | 'trace' | 'ambiguous';

/** What a caller in another service says of a trace's key. */
export interface WireClaim {
  /** The trace that it says it of. */
  readonly traceId: string;
  /** The key that its signature vouches for; `undefined` where there is no such signature. */
  readonly key: string | undefined;
  /** Another caller under the same decision said otherwise. */
  readonly isDisputed: boolean;
}

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
  /** Its neighbours among the live local traces whose ids have the same hash. */
  next: LocalTrace | undefined;
  previous: LocalTrace | undefined;
  /** Among the live local traces. */
  indexed: boolean;
}

/** What one processor remembers of a decision: a list, since there is one processor as a rule. */
export interface Attachment {
  readonly owner: object;
  next: Attachment | undefined;
}

/**
 * Why a route key from another service was not accepted: in the order in which it is asked.
 *
 * - `no_trace`: it came without a remote trace, to which it could belong;
 * - `oversized`, `duplicated`, `malformed`: it is none that any service here makes;
 * - `unknown_secret`: it names a secret that is not known here;
 * - `forged`: its signature is not that of its contents and of this trace;
 * - `expired`: its time is over; `premature`: it ends later than any that could have been made by now.
 */
export type RefusalCause =
  | 'no_trace'
  | 'oversized'
  | 'duplicated'
  | 'malformed'
  | 'unknown_secret'
  | 'forged'
  | 'expired'
  | 'premature';

/** What a processor is told of decisions, whichever copy of the package made them. */
export interface DecisionListener {
  /** The first key has come. Returns whether the processor knows the key. */
  onDecided(decision: Decision): boolean;
  onConflict(decision: Decision): void;
  onSettled(decision: Decision): void;
  /** A route key from another service was not accepted. */
  onRefused(refusal: RefusalCause, traceId: string | undefined): void;
  onNoRequest(): void;
  /** A boundary's resolver found no key, and none has come otherwise. */
  onUnresolved(decision: Decision): void;
  /** Resolves when what the decision has handed over is settled, or `deadline` does. Never rejects. */
  flush(decision: Decision, deadline: Promise<void>): Promise<unknown>;
  /** A boundary's resolver threw, or rejected. */
  onFailed(decision: Decision, error: unknown): void;
}

/**
 * What must be one per process, whatever the number of loaded copies of this package: bundlers load two
 * (Next.js's `instrumentation.ts` and its handlers do), and they must share decisions.
 *
 * The version in the names below is that of the shape of `Decision`, `LocalTrace` and `Registry`: copies that
 * differ in it do not see each other.
 */
interface Registry {
  /** The processors that are running. */
  readonly listeners: Set<DecisionListener>;
  /** Live local traces, in chains by the hash of their ids, for parents that were rebuilt from their ids. */
  readonly live: (LocalTrace | undefined)[];
  /** How many local traces `live` holds. */
  indexed: number;
  /** Bound of `indexed`. */
  readonly maxIndexed: number;
  /** Live local traces that found no room in `live`: while there are any, a miss proves nothing. */
  unindexed: number;
}

/** The context key under which `withRoute` and `withBoundary` put their decision. */
export const DECISION_KEY = createContextKey('signalbox.decision.v1');

/** The context key under which `withBoundary` puts how many boundaries share its decision, its own included: 1 by default. */
export const BOUNDARIES_KEY = createContextKey('signalbox.boundaries.v1');

/** The property of a server's request object that holds the boundary which the request has entered. */
export const REQUEST_BOUNDARY: unique symbol = Symbol.for('signalbox.request.v1') as never;
/** The context key under which `RoutePropagator` puts what a remote parent says of its trace: a `WireClaim`. */
export const WIRE_KEY = createContextKey('signalbox.wire.v1');

/** The property of a `SpanContext` object that binds its span to a local trace. */
export const BINDING: unique symbol = Symbol.for('signalbox.binding.v1') as never;

const REGISTRY = Symbol.for('signalbox.registry.v1');

// 65,536 traces that are open at once are some 10 MB, and more than one process serves.
const MAX_INDEXED = 65_536;

/** A power of two: 32 KiB, and chains of 16 where all are live that may be. */
const BUCKETS = 4_096;

/** The process's registry, made by the first copy of the package that asks. */
export function registry(): Registry {
  return shared;
}

const shared = obtain();

function obtain(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= {
    listeners: new Set(),
    live: new Array<LocalTrace | undefined>(BUCKETS).fill(undefined),
    indexed: 0,
    maxIndexed: MAX_INDEXED,
    unindexed: 0,
  };
  return holder[REGISTRY];
}
