import type { Clock } from '../clock.js';
import type { HeldSpans, TraceDetail } from './messages.js';
import { detailOf } from './span-detail.js';
import type { SpanStore } from './span-store.js';
import { createTraceQuery, type TraceFilter, type TraceWindow, toRow } from './trace-query.js';
import { type HeldTrace, summarize } from './trace-summary.js';
import { layOut } from './waterfall.js';

/** Answers a path of the API with what is to be written as JSON, or `undefined` for what is not there. */
export type Api = (path: string, query: URLSearchParams) => object | undefined;

const MAX_ROWS = 500;

/** Creates the API of the page. `overview` and `revision` are asked at each request. */
export function createApi(
  store: SpanStore,
  clock: Pick<Clock, 'epochMs'>,
  overview: () => object,
  revision: () => number,
): Api {
  const queryTraces = createTraceQuery(store);

  function detail(trace: HeldTrace): TraceDetail {
    const summary = summarize(trace, clock.epochMs());
    return {
      revision: revision(),
      trace: toRow(trace, summary),
      spans: layOut(trace.spans, summary.startMs),
    };
  }

  return (path, query) => {
    if (path === '/api/overview') {
      // A page that has seen the latest is told no more than that.
      return query.get('since') === String(revision()) ? { revision: revision() } : overview();
    }
    if (path === '/api/traces') {
      const page = queryTraces(filterOf(query), windowOf(query), clock.epochMs());
      return { revision: revision(), ...page };
    }
    if (path === '/api/spans') return spansOf(store.trace(query.get('trace') ?? ''));
    const [, traceId] = /^\/api\/traces\/([0-9a-f]{32})$/.exec(path) ?? [];
    if (traceId !== undefined) {
      const trace = store.trace(traceId);
      return trace === undefined ? undefined : detail(trace);
    }
    const [, number] = /^\/api\/spans\/(\d{1,15})$/.exec(path) ?? [];
    const span = number === undefined ? undefined : store.span(Number(number));
    return span === undefined ? undefined : detailOf(span);
  };
}

function spansOf(trace: HeldTrace | undefined): HeldSpans {
  return {
    spans: (trace?.spans ?? []).map(
      ({ number, traceId, spanId, parentSpanId, name, service, key, backend }) => ({
        number,
        traceId,
        spanId,
        parentSpanId,
        name,
        service,
        key,
        backend,
      }),
    ),
  };
}

function filterOf(query: URLSearchParams): TraceFilter {
  return {
    backend: query.get('backend') ?? undefined,
    key: query.get('key') ?? undefined,
    service: query.get('service') ?? undefined,
    text: (query.get('text') ?? '').toLowerCase(),
    isFlagged: query.get('flagged') === '1',
  };
}

function windowOf(query: URLSearchParams): TraceWindow {
  return {
    upTo: countOf(query.get('upTo')) ?? Number.MAX_SAFE_INTEGER,
    offset: countOf(query.get('offset')) ?? 0,
    limit: Math.min(countOf(query.get('limit')) ?? 100, MAX_ROWS),
  };
}

function countOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
