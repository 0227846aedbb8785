import { useLayoutEffect, useMemo, useState } from 'preact/hooks';
import type { TraceRow, WaterfallSpan } from '../messages.js';
import { BackendName, useBackendClass } from './backend-name.js';
import { formatDuration, keyLabel, serviceLabel } from './format.js';
import { VirtualList } from './virtual-list.js';

const ROW_HEIGHT = 28;
const HEAD_HEIGHT = 34;
/** Room below the last row: the card is no higher than its rows. */
const FOOT_HEIGHT = 10;
const INDENT = 14;
const MAX_INDENT = 14 * 12;

export interface WaterfallProps {
  readonly trace: TraceRow;
  readonly spans: readonly WaterfallSpan[];
  readonly opened: WaterfallSpan | undefined;
  readonly onOpen: (span: WaterfallSpan) => void;
  readonly onLeave: () => void;
}

/** The spans of a trace as a tree, each with its time and the backends that hold it. */
export function Waterfall({ trace, spans, opened, onOpen, onLeave }: WaterfallProps) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [activeId, setActiveId] = useState(opened?.spanId ?? spans[0]?.spanId);
  const visible = useMemo(() => withoutClosed(spans, closed), [spans, closed]);
  const active = visible.findIndex(({ spanId }) => spanId === activeId);
  const hasKeys = trace.keys.length > 1;
  const step = stepOf(trace.durationMs);
  const ticks =
    trace.durationMs === 0
      ? []
      : Array.from({ length: Math.ceil(trace.durationMs / step) }, (_, index) => index * step);

  useLayoutEffect(() => {
    // Where somebody came by the keyboard, the keyboard goes on from here.
    document.querySelector<HTMLElement>('.waterfall .virtual-list')?.focus({ preventScroll: true });
  }, [trace.traceId]);

  function toggle(span: WaterfallSpan): void {
    const next = new Set(closed);
    if (!next.delete(span.spanId)) next.add(span.spanId);
    setClosed(next);
  }

  function handleKey(key: string): boolean {
    const span = visible[active];
    if (key === 'Escape') onLeave();
    else if (span === undefined || span.descendants === 0) return false;
    else if (key === 'ArrowLeft' && !closed.has(span.spanId)) toggle(span);
    else if (key === 'ArrowRight' && closed.has(span.spanId)) toggle(span);
    else return false;
    return true;
  }

  return (
    <div
      class="card waterfall"
      style={{
        maxHeight: `${HEAD_HEIGHT + visible.length * ROW_HEIGHT + FOOT_HEIGHT}px`,
        '--step': `${trace.durationMs === 0 ? 100 : (step / trace.durationMs) * 100}%`,
      }}
    >
      <div class="list-head" aria-hidden="true">
        <span>Span</span>
        <span class="axis">
          {ticks.map((tick) => (
            <i key={tick} style={{ left: `${(tick / trace.durationMs) * 100}%` }}>
              {formatDuration(tick).replace(/\.0+ /, ' ')}
            </i>
          ))}
        </span>
        <span class="number">Duration</span>
        <span>Held by</span>
      </div>
      <VirtualList
        id="span"
        label="Spans"
        role="treegrid"
        count={visible.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActive={(index) => setActiveId(visible[index]?.spanId)}
        onOpen={(index) => {
          const span = visible[index];
          if (span !== undefined) onOpen(span);
        }}
        onKey={handleKey}
        rowAttributes={(index) => treeAttributes(visible[index], closed)}
        rowClass={(index) => (visible[index]?.spanId === opened?.spanId ? 'opened' : '')}
      >
        {(index) => {
          const span = visible[index];
          return (
            span !== undefined && (
              <Row
                span={span}
                trace={trace}
                hasKeys={hasKeys}
                isClosed={closed.has(span.spanId)}
                onToggle={() => toggle(span)}
              />
            )
          );
        }}
      </VirtualList>
    </div>
  );
}

function treeAttributes(span: WaterfallSpan | undefined, closed: ReadonlySet<string>) {
  if (span === undefined) return {};
  return {
    'aria-level': span.depth + 1,
    ...(span.descendants > 0 ? { 'aria-expanded': !closed.has(span.spanId) } : {}),
  };
}

/** A round time that fits three to five times into the trace's. */
function stepOf(durationMs: number): number {
  const least = durationMs / 5;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5].map((digit) => digit * power).find((step) => step >= least) ?? 10 * power;
}

/** The rows that are not below a closed one. */
function withoutClosed(
  spans: readonly WaterfallSpan[],
  closed: ReadonlySet<string>,
): readonly WaterfallSpan[] {
  if (closed.size === 0) return spans;
  const visible: WaterfallSpan[] = [];
  for (let index = 0; index < spans.length; index += 1) {
    const span = spans[index];
    if (span === undefined) continue;
    visible.push(span);
    if (closed.has(span.spanId)) index += span.descendants;
  }
  return visible;
}

interface RowProps {
  readonly span: WaterfallSpan;
  readonly trace: TraceRow;
  readonly hasKeys: boolean;
  readonly isClosed: boolean;
  readonly onToggle: () => void;
}

function Row({ span, trace, hasKeys, isClosed, onToggle }: RowProps) {
  const counts = new Map<string, number>();
  for (const { backend } of span.copies) counts.set(backend, (counts.get(backend) ?? 0) + 1);
  return (
    <>
      <span
        role="gridcell"
        class="tree"
        style={{ paddingLeft: `${Math.min(span.depth * INDENT, MAX_INDENT)}px` }}
      >
        <button
          type="button"
          class="caret"
          tabIndex={-1}
          aria-label={isClosed ? 'Expand' : 'Collapse'}
          disabled={span.descendants === 0}
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          {span.descendants > 0 && (isClosed ? '▸' : '▾')}
        </button>
        {span.isOrphan && (
          <span class="orphan" title="Its parent is not here">
            ↳?
          </span>
        )}
        <span class={`ellipsis ${span.isError ? 'bad' : ''}`}>{span.name}</span>
        {span.isError && <span class="bad">error</span>}
        <span class="muted ellipsis">
          {hasKeys
            ? keyLabel(span.key)
            : span.service !== trace.service && serviceLabel(span.service)}
        </span>
      </span>
      <Bar span={span} totalMs={trace.durationMs} />
      <span role="gridcell" class="number muted">
        {formatDuration(span.durationMs)}
      </span>
      <span role="gridcell" class="backend-names">
        {[...counts].slice(0, 3).map(([backend, count]) => (
          <BackendName key={backend} name={backend} count={count} />
        ))}
        {counts.size > 3 && <span class="muted">+{counts.size - 3}</span>}
      </span>
    </>
  );
}

/** When the span ran, in the colours of the backends that hold it. */
function Bar({ span, totalMs }: { span: WaterfallSpan; totalMs: number }) {
  const backendClass = useBackendClass();
  const start = totalMs === 0 ? 0 : Math.min(100, (span.offsetMs / totalMs) * 100);
  const width = totalMs === 0 ? 100 : Math.min(100 - start, (span.durationMs / totalMs) * 100);
  const backends = [...new Set(span.copies.map(({ backend }) => backend))].slice(0, 4);
  return (
    <span class="bars" role="presentation">
      <span class="span-bar" style={{ left: `${start}%`, width: `${width}%` }}>
        {backends.map((backend) => (
          <i key={backend} class={backendClass(backend)} />
        ))}
      </span>
    </span>
  );
}
