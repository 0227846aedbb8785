import type { RoutingLedger } from '../accounting/ledger.js';
import type { SpanView } from '../config/options.js';
import type { BackendView } from '../config/resolved.js';
import type { RoutedSpan } from '../encoding/routed-span.js';
import { asError } from '../encoding/span-encoder.js';
import { nameOf } from '../exporter/pack.js';
import { isAiSpan } from './ai-span.js';
import type { OpenBackend } from './idle-closer.js';
import { type Changed, createSpanChange } from './span-change.js';

/** Puts what the backend may see before its exporter, where that is not every span as it is. */
export type ApplyView = (open: OpenBackend) => OpenBackend;

/**
 * Creates the function that applies the views of one processor's backends, but for those of attributes, which are
 * applied as a span is encoded.
 *
 * A span that a view leaves out never reaches the exporter, and counts as filtered. One of which it can not be said what
 * the backend may see of it is dropped there as `encode_error`.
 */
export function createApplyView(ledger: Pick<RoutingLedger, 'filter'>): ApplyView {
  const changes = new WeakMap<SpanView, (routed: RoutedSpan) => Changed>();

  /** One for each function, so that a span that goes to several backends is changed once. */
  function changeOf(view: SpanView): (routed: RoutedSpan) => Changed {
    let change = changes.get(view);
    if (change === undefined) {
      change = createSpanChange(view);
      changes.set(view, change);
    }
    return change;
  }

  return (open) => {
    const { backend, exporter, ledger: own } = open;
    const show = backend.view && createShow(backend.view, changeOf);
    // Nothing stands before an exporter that may see every span.
    if (show === undefined) return open;
    return {
      ...open,
      exporter: {
        ...exporter,
        accept(routed) {
          const shown = show(routed);
          if (shown === undefined) {
            ledger.filter();
            return -1;
          }
          if (shown instanceof Error) {
            own.accept();
            own.drop('encode_error', 1, 'queued', nameOf(shown));
            countLost(own, routed);
            return -1;
          }
          return exporter.accept(shown);
        },
      },
    };
  };
}

function countLost(ledger: OpenBackend['ledger'], { lane }: RoutedSpan): void {
  if (lane?.countedKey === undefined) return;
  const tally = ledger.tally(lane.countedKey);
  tally.accepted += 1;
  tally.dropped += 1;
}

function createShow(
  { filter, change: view }: BackendView,
  changeOf: (view: SpanView) => (routed: RoutedSpan) => Changed,
): ((routed: RoutedSpan) => Changed) | undefined {
  const change = view && changeOf(view);
  if (filter === 'all') return change;
  return (routed) => {
    try {
      if (!isAiSpan(routed.span)) return undefined;
    } catch (error) {
      return asError(error);
    }
    return change === undefined ? routed : change(routed);
  };
}
