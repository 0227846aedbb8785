import { useEffect, useRef, useState } from 'preact/hooks';
import type { TraceDetail, WaterfallSpan } from '../messages.js';
import { ask } from './api-client.js';
import { BackendName } from './backend-name.js';
import { Flags } from './flags.js';
import { formatCount, formatDuration, formatTime, keyLabel, serviceLabel } from './format.js';
import { repeat } from './live.js';
import { goTo, hashOf, type Place } from './place.js';
import { SpanPanel } from './span-panel.js';
import { Waterfall } from './waterfall-list.js';

/** One trace: its waterfall, and beside it the span that is open. */
export function TraceView({ place, revision }: { place: Place; revision: number }) {
  const { traceId = '', filter, span: open } = place;
  const { detail, isAbsent } = useTrace(traceId, revision);
  const back = hashOf({ view: 'traces', filter });
  if (isAbsent) {
    return (
      <section class="page empty" aria-label="Trace">
        <h1>This trace is not here</h1>
        <p>
          Older spans make room for newer ones. <a href={back}>All traces</a>
        </p>
      </section>
    );
  }
  if (detail === undefined) return <section class="page" aria-label="Trace" aria-busy="true" />;
  const { trace, spans } = detail;
  const opened = spans.find(({ copies }) => copies.some(({ number }) => number === open));
  const show = (number: number | undefined, how: 'push' | 'replace' = 'replace') =>
    goTo({ ...place, span: number }, how);
  return (
    <section class="page trace" aria-label={`Trace ${trace.name}`}>
      <header class="trace-head">
        <p class="crumbs">
          <a href={back}>Traces</a> <span aria-hidden="true">/</span> <code>{traceId}</code>
        </p>
        <h1>
          {trace.name} <span class="muted">{serviceLabel(trace.service)}</span>{' '}
          <Flags flags={trace.flags} />
        </h1>
        <dl class="figures">
          <Figure name="Started">{formatTime(trace.startMs)}</Figure>
          <Figure name="Duration">{formatDuration(trace.durationMs)}</Figure>
          <Figure name="Spans">{formatCount(trace.spans)}</Figure>
          <Figure name={trace.keys.length === 1 ? 'Key' : 'Keys'}>
            {trace.keys.map(keyLabel).join(', ')}
          </Figure>
          <Figure name={trace.backends.length === 1 ? 'Backend' : 'Backends'}>
            <span class="backend-names">
              {trace.backends.map((backend) => (
                <BackendName key={backend} name={backend} />
              ))}
            </span>
          </Figure>
        </dl>
        <Explanation detail={detail} />
      </header>
      <div class={opened === undefined ? 'panes' : 'panes two'}>
        <Waterfall
          trace={trace}
          spans={spans}
          opened={opened}
          onOpen={(span) => show(span.copies[0]?.number)}
          onLeave={() => {
            if (opened === undefined) location.hash = back;
            else show(undefined);
          }}
        />
        {opened !== undefined && open !== undefined && (
          <SpanPanel
            number={open}
            copies={opened.copies}
            place={place}
            onClose={() => show(undefined)}
          />
        )}
      </div>
    </section>
  );
}

function Figure({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What a flag means for this trace, with numbers. */
function Explanation({ detail: { trace, spans } }: { detail: TraceDetail }) {
  if (trace.flags.length === 0) return null;
  const counts = trace.backends.map((backend) => ({
    backend,
    count: spans.filter(({ copies }) => copies.some((copy) => copy.backend === backend)).length,
  }));
  const repeated = spans.filter(isRepeated).length;
  return (
    <div class="notice" role="note">
      {trace.flags.includes('split') && (
        <p>
          <b>Split over backends.</b> Of {formatCount(trace.spans)} spans,{' '}
          {counts.map(({ backend, count }, index) => (
            <span key={backend}>
              {index > 0 && ', '}
              <BackendName name={backend} /> has {formatCount(count)}
            </span>
          ))}
          . A trace belongs to one backend as a whole, or to each of its route’s.
        </p>
      )}
      {trace.flags.includes('repeated') && (
        <p>
          <b>Arrived twice.</b> {formatCount(repeated)} {repeated === 1 ? 'span' : 'spans'} arrived
          more than once at one backend: its answer was lost, or the span was exported twice.
        </p>
      )}
    </div>
  );
}

/** Whether one backend has the span more than once. */
export function isRepeated({ copies }: WaterfallSpan): boolean {
  return new Set(copies.map(({ backend }) => backend)).size < copies.length;
}

/** How often it is asked whether something has come. */
const INTERVAL_MS = 250;

/** A trace as it is now. One of 100,000 spans takes a while to load, and is loaded less often. */
function useTrace(traceId: string, revision: number) {
  const [state, setState] = useState<{ detail?: TraceDetail; isAbsent: boolean }>({
    isAbsent: false,
  });
  const wanted = useRef(revision);
  wanted.current = revision;
  useEffect(() => {
    let loaded: number | undefined;
    let nextAt = 0;
    return repeat(INTERVAL_MS, async (signal) => {
      const startedAt = performance.now();
      if (loaded === wanted.current || startedAt < nextAt) return;
      const asked = wanted.current;
      const answer = await ask<TraceDetail>(`traces/${traceId}`, signal);
      if (signal.aborted) return;
      const now = performance.now();
      nextAt = now + 10 * (now - startedAt);
      if (answer.status === 'failed') return;
      loaded = asked;
      if (answer.status === 'answered') setState({ detail: answer.value, isAbsent: false });
      else setState({ isAbsent: true });
    });
  }, [traceId]);
  return state;
}
