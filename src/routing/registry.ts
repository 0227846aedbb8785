import { createContextKey } from '@opentelemetry/api';
import type { Decision, DecisionListener, LocalTrace } from './decision.js';

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
  /** Live local traces by trace id, for parents that were rebuilt from their ids. */
  readonly traces: Map<string, LocalTrace>;
  /** How many local traces `traces` holds. */
  indexed: number;
  /** Bound of `indexed`. */
  readonly maxIndexed: number;
  /** Live local traces that found no room in `traces`: while there are any, a miss proves nothing. */
  unindexed: number;
  /** The decision of spans of which nobody can know whose they are. */
  readonly ambiguous: Decision;
}

/** The context key under which `withRoute` and `withBoundary` put their decision. */
export const DECISION_KEY = createContextKey('signalbox.decision.v1');

/** The property of a `SpanContext` object that binds its span to a local trace. */
export const BINDING: unique symbol = Symbol.for('signalbox.binding.v1') as never;

const REGISTRY = Symbol.for('signalbox.registry.v1');

// 65,536 traces that are open at once are some 10 MB, and more than one process serves.
const MAX_INDEXED = 65_536;

/** The process's registry, made by the first copy of the package that asks. */
export function registry(): Registry {
  return shared;
}

const shared = obtain();

function obtain(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= {
    listeners: new Set(),
    traces: new Map(),
    indexed: 0,
    maxIndexed: MAX_INDEXED,
    unindexed: 0,
    ambiguous: {
      outer: undefined,
      depth: 0,
      origin: 'trace',
      decided: false,
      key: undefined,
      given: undefined,
      settled: false,
      ambiguous: true,
      holds: 0,
      openTraces: 0,
      firstTrace: undefined,
      attachment: undefined,
    },
  };
  return holder[REGISTRY];
}
