import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { Backend } from '../config/resolved.js';
import type { Encoding, RoutedSpan } from '../encoding/routed-span.js';
import { copyContext } from '../encoding/snapshot.js';
import { withParts } from '../encoding/span-view.js';
import type { Exporter } from '../exporter/exporter.js';
import type { ReadableSpan } from '../sdk.js';
import { bindingOf } from './binding.js';
import { firstLive, nextLive } from './live-traces.js';
import type { Decision, LocalTrace } from './registry.js';
import type { Destination, RouteDestination } from './table.js';

/** A span whose parent some of its backends do not have, as each of them is to have it. */
export interface Orphan {
  /** For one of the destination's exporters: the span as it is, or as a root. */
  at(exporter: Exporter): RoutedSpan;
  /** Gives the encodings free, once every exporter has its copy. */
  release(): void;
}

/**
 * Finds whether a span that is about to leave is an orphan at a backend with `REROOT`. `undefined` where it is none,
 * which costs nothing that is kept.
 */
export type FindOrphan = (
  span: ReadableSpan,
  destination: RouteDestination,
  exporters: readonly Exporter[],
  trace: LocalTrace | undefined,
) => Orphan | undefined;

/** What it depends on. */
export interface OrphanOptions {
  /** Where the spans of a decision are, or will be; `undefined` where nobody can say yet. */
  readonly whereabouts: (decision: Decision) => Destination | undefined;
  /**
   * Whether a link to a span of that destination may stand at a backend. `undefined` is a destination that nobody knows:
   * the parent's decision is open, or was of another processor's time.
   *
   * @default () => true
   */
  readonly mayLink?: (backend: Backend, parents: Destination | undefined) => boolean;
}

/**
 * Creates the function that finds the orphans of one processor.
 *
 * A span is one at a backend unless it is certain that its parent is, or will be, there too: a backend may show two trees
 * where there could be one, but none whose root is missing. A remote parent is no business of this service's.
 */
export function createFindOrphan({ whereabouts, mayLink = () => true }: OrphanOptions): FindOrphan {
  return (span, destination, exporters, trace) => {
    const { rerooting } = destination;
    if (rerooting === undefined) return undefined;
    const parent = localParentOf(span);
    if (parent === undefined) return undefined;
    const decision = decisionOf(parent, trace);
    const isOfOne = decision !== undefined && decision === trace?.decision;
    const isSampled = (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
    if (isOfOne && isSampled) return undefined;
    const parents = isOfOne ? destination : decision && whereabouts(decision);
    const isThere = (exporter: Exporter, backend: Backend) =>
      isSampled &&
      leadsTo(parents, exporter, parent.traceId) &&
      (backend.parentHeader === undefined || parents?.lane?.parent === destination.lane?.parent);
    const formFor = (exporter: Exporter): Form => {
      const backend = rerooting.get(exporter);
      if (backend === undefined || isThere(exporter, backend)) return 'as it is';
      return mayLink(backend, parents) ? 'linked' : 'unlinked';
    };
    if (exporters.every((exporter) => formFor(exporter) === 'as it is')) return undefined;
    return createOrphan(span, parent, destination, exporters, formFor);
  };
}

/** How a backend is to have a span: with its parent, or as a root, with a link to the parent or without one. */
type Form = 'as it is' | 'linked' | 'unlinked';

function createOrphan(
  span: ReadableSpan,
  parent: SpanContext,
  { routeKey, lane }: RouteDestination,
  exporters: readonly Exporter[],
  formFor: (exporter: Exporter) => Form,
): Orphan {
  const forms = new Map<Form, RoutedSpan>();
  // Bytes are found by their encoder: each form has its own, which the backends that have this form share.
  const createEncodings = (): Encoding[] | undefined => (exporters.length === 1 ? undefined : []);
  return {
    at(exporter) {
      const form = formFor(exporter);
      let routed = forms.get(form);
      if (routed === undefined) {
        routed = { span: inForm(form, span, parent), routeKey, lane, encodings: createEncodings() };
        forms.set(form, routed);
      }
      return routed;
    },
    release() {
      for (const { encodings = [] } of forms.values()) {
        for (const { release } of encodings) release();
      }
    },
  };
}

function inForm(form: Form, span: ReadableSpan, parent: SpanContext): ReadableSpan {
  if (form === 'as it is') return span;
  try {
    return withParts(span, {
      parentSpanContext: undefined,
      ...(form === 'linked' && { links: [...span.links, { context: copyContext(parent) }] }),
    });
  } catch {
    // A getter of the application's own threw: it does again as the span is encoded, where that is counted.
    return span;
  }
}

/** The parent, where it is a span of this process. */
function localParentOf(span: ReadableSpan): SpanContext | undefined {
  try {
    const parent = span.parentSpanContext;
    return parent?.spanId && parent.isRemote !== true ? parent : undefined;
  } catch {
    // As above.
    return undefined;
  }
}

/**
 * Whose span the parent is; `undefined` where nobody can say.
 *
 * For one that was rebuilt from its ids a live local trace tells it where it began with that very span. That no other
 * one is live proves nothing: the parent's may have ended.
 */
function decisionOf(parent: SpanContext, trace: LocalTrace | undefined): Decision | undefined {
  const bound = bindingOf(parent);
  if (bound !== undefined) return bound.decision;
  for (const each of [trace, trace?.root]) {
    if (each?.rootSpan.spanId === parent.spanId) return each.decision;
  }
  let each = firstLive(parent.traceId);
  for (; each !== undefined; each = nextLive(each)) {
    if (each.rootSpan.spanId === parent.spanId) return each.decision;
  }
  return undefined;
}

/** Whether the spans of a trace come to an exporter, where they have this destination. */
function leadsTo(
  destination: Destination | undefined,
  exporter: Exporter,
  traceId: string,
): destination is RouteDestination {
  if (destination?.exporters === undefined) return false;
  const { exporters, choose } = destination;
  return (choose === undefined ? exporters : choose(traceId)).includes(exporter);
}
