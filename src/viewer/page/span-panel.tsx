import { useEffect, useState } from 'preact/hooks';
import type { AttributeText, SpanCopy, SpanDetail } from '../messages.js';
import { ask } from './api-client.js';
import { BackendName } from './backend-name.js';
import { formatBytes, formatCount, formatDuration, formatTime } from './format.js';
import { goTo, hashOf, type Place } from './place.js';

export interface SpanPanelProps {
  readonly number: number;
  /** All arrivals of the span, this one among them. */
  readonly copies: readonly SpanCopy[];
  readonly place: Place;
  readonly onClose: () => void;
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['unset', 'ok', 'error'];

/** Everything about one span. All that came with it is set as text. */
export function SpanPanel({ number, copies, place, onClose }: SpanPanelProps) {
  const { detail, problem } = useSpan(number);
  return (
    <aside class="card panel" aria-label="Span">
      <header>
        <h2 class="ellipsis">{detail?.name ?? ' '}</h2>
        <button type="button" class="close" aria-label="Close" onClick={onClose}>
          ✕
        </button>
        {copies.length > 0 && (
          <div class="copies" role="group" aria-label="Arrivals of this span">
            {copies.map((copy, index) => (
              <button
                key={copy.number}
                type="button"
                aria-pressed={copy.number === number}
                onClick={() => goTo({ ...place, span: copy.number }, 'replace')}
              >
                <BackendName name={copy.backend} />
                {copies.some((other) => other !== copy && other.backend === copy.backend) && (
                  <span class="muted"> #{index + 1}</span>
                )}
              </button>
            ))}
          </div>
        )}
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by the keyboard */}
      <div class="panel-body" tabIndex={0} role="region" aria-label="Details of the span">
        {problem !== undefined && <p class="nothing">{problem}</p>}
        {detail !== undefined && <Details detail={detail} />}
      </div>
    </aside>
  );
}

function Details({ detail }: { detail: SpanDetail }) {
  const { status, events, links, request, scope } = detail;
  const durationMs = Number(BigInt(detail.endUnixNano) - BigInt(detail.startUnixNano)) / 1e6;
  const startMs = Number(BigInt(detail.startUnixNano) / 1_000n) / 1e3;
  return (
    <>
      <dl class="pairs">
        <Pair name="Started">{formatTime(startMs)}</Pair>
        <Pair name="Duration">{formatDuration(durationMs)}</Pair>
        <Pair name="Kind">{KINDS[detail.kind] ?? detail.kind}</Pair>
        <Pair name="Status">
          <span class={status.code === 2 ? 'bad' : ''}>{STATUSES[status.code] ?? status.code}</span>
          {status.message !== '' && ` ${status.message}`}
        </Pair>
        <Pair name="Span id">
          <code>{detail.spanId}</code>
        </Pair>
        {detail.parentSpanId !== '' && (
          <Pair name="Parent id">
            <code>{detail.parentSpanId}</code>
          </Pair>
        )}
        {detail.traceState !== '' && <Pair name="Trace state">{detail.traceState}</Pair>}
      </dl>
      {detail.omittedEntries > 0 && (
        <small class="muted">
          {formatCount(detail.omittedEntries)} attributes, events and links are not shown
        </small>
      )}
      <Section
        title="Attributes"
        count={detail.attributes.length}
        dropped={detail.droppedAttributes}
      >
        <Attributes attributes={detail.attributes} />
      </Section>
      <Section title="Events" count={events.length} dropped={detail.droppedEvents}>
        {events.map((event, index) => (
          <div key={index} class="item">
            <p>
              <b>{event.name}</b> <span class="muted">at {formatDuration(event.offsetMs)}</span>
            </p>
            <Attributes attributes={event.attributes} />
          </div>
        ))}
      </Section>
      <Section title="Links" count={links.length} dropped={detail.droppedLinks}>
        {links.map(({ traceId, spanId, attributes }) => (
          <div key={`${traceId}${spanId}`} class="item">
            <p>
              <a href={hashOf({ view: 'traces', filter: {}, traceId })}>
                <code>{traceId}</code>
              </a>{' '}
              <code class="muted">{spanId}</code>
            </p>
            <Attributes attributes={attributes} />
          </div>
        ))}
      </Section>
      <Section title="Resource" count={detail.resource.length}>
        <Attributes attributes={detail.resource} />
      </Section>
      <Section title="Scope">
        <dl class="pairs">
          <Pair name="Name">{scope.name}</Pair>
          {scope.version !== '' && <Pair name="Version">{scope.version}</Pair>}
        </dl>
        <Attributes attributes={detail.scopeAttributes} />
      </Section>
      <Section title="Request that carried it">
        <dl class="pairs">
          <Pair name="URL">
            <code>POST {request.url}</code>
          </Pair>
          <Pair name="Received">{formatTime(request.receivedAt)}</Pair>
          <Pair name="Answered">{request.httpStatus}</Pair>
          <Pair name="Body">
            {formatBytes(request.wireBytes)}
            {request.wireBytes !== request.bodyBytes &&
              `, inflated ${formatBytes(request.bodyBytes)}`}
            , {formatCount(request.spans)} {request.spans === 1 ? 'span' : 'spans'}
          </Pair>
          {request.headers.map(({ name, value }) => (
            <Pair key={name} name={name}>
              {value}
            </Pair>
          ))}
        </dl>
      </Section>
    </>
  );
}

function Pair({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

interface SectionProps {
  readonly title: string;
  readonly count?: number;
  readonly dropped?: number;
  readonly children: preact.ComponentChildren;
}

function Section({ title, count, dropped = 0, children }: SectionProps) {
  if (count === 0 && dropped === 0) return null;
  return (
    <details open>
      <summary>
        {title} {count !== undefined && <span class="muted">{formatCount(count)}</span>}
        {dropped > 0 && <span class="bad">{formatCount(dropped)} dropped by the SDK</span>}
      </summary>
      {children}
    </details>
  );
}

function Attributes({ attributes }: { attributes: readonly AttributeText[] }) {
  if (attributes.length === 0) return null;
  return (
    <dl class="pairs attributes">
      {attributes.map((attribute, index) => (
        <Pair key={index} name={attribute.key}>
          <Value attribute={attribute} />
        </Pair>
      ))}
    </dl>
  );
}

/** Longer values are shown in part, until asked for. */
const SHORT_LENGTH = 600;

function Value({ attribute: { type, text, omitted } }: { attribute: AttributeText }) {
  const [isWhole, setIsWhole] = useState(false);
  const isLong = text.length > SHORT_LENGTH;
  return (
    <>
      <span class={`value ${type}`} title={type}>
        {isLong && !isWhole ? `${text.slice(0, SHORT_LENGTH)}…` : text}
        {type === 'empty' && <i class="muted">empty</i>}
      </span>
      {isLong && (
        <button type="button" class="link" onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? 'Show less' : `Show all ${formatCount(text.length)} characters`}
        </button>
      )}
      {omitted > 0 && (
        <small class="muted">{formatCount(omitted)} more characters are not shown</small>
      )}
    </>
  );
}

function useSpan(number: number) {
  const [state, setState] = useState<{ detail?: SpanDetail; problem?: string }>({});
  useEffect(() => {
    const ended = new AbortController();
    ask<SpanDetail>(`spans/${number}`, ended.signal).then((answer) => {
      if (ended.signal.aborted) return;
      if (answer.status === 'answered') setState({ detail: answer.value });
      else if (answer.status === 'absent')
        setState({ problem: 'This span has made room for newer ones.' });
      else setState({ problem: `It can not be loaded: ${answer.problem}.` });
    });
    return () => ended.abort();
  }, [number]);
  return state;
}
