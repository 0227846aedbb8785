import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Overview, TraceRow } from '../messages.js';
import { BackendName } from './backend-name.js';
import { FilterBar } from './filter-bar.js';
import { Flags } from './flags.js';
import { formatCount, formatDuration, formatTime, keyLabel, serviceLabel } from './format.js';
import { type Filter, filterQuery, goTo } from './place.js';
import { useTraces } from './trace-window.js';
import { VirtualList } from './virtual-list.js';

const ROW_HEIGHT = 34;

/** While the pointer moves over the list nothing may move below it. */
const POINTER_REST_MS = 2_500;

export interface TracesViewProps {
  readonly overview: Overview;
  readonly filter: Filter;
  /** While a trace is open the list stays as it was, so that those who come back find their place. */
  readonly isHidden: boolean;
}

/** The traces that match a filter, newest first. */
export function TracesView({ overview, filter, isHidden }: TracesViewProps) {
  const section = useRef<HTMLElement>(null);
  const [isStill, holdStill, letMove] = useStillness();
  const [active, setActive] = useState(-1);
  const [isAtTop, setIsAtTop] = useState(true);
  const isFollowing = isAtTop && active <= 0 && !isStill;
  const traces = useTraces(filter, overview.revision, isFollowing, isHidden);
  const query = filterQuery(filter).toString();
  useEffect(() => setActive(-1), [query]);
  const wasHidden = useRef(isHidden);
  useLayoutEffect(() => {
    const list = section.current?.querySelector<HTMLElement>('.virtual-list');
    if (wasHidden.current && !isHidden) list?.focus({ preventScroll: true });
    wasHidden.current = isHidden;
  }, [isHidden]);

  function open(index: number): void {
    const row = traces.row(index);
    if (row !== undefined) goTo({ view: 'traces', filter, traceId: row.traceId });
  }

  function showNewest(): void {
    section.current?.querySelector('.virtual-list')?.scrollTo({ top: 0 });
    setActive(-1);
    letMove();
  }

  const { total, newer } = traces;
  return (
    <section ref={section} class="page traces" aria-label="Traces" hidden={isHidden}>
      <FilterBar overview={overview} filter={filter} />
      <div class="card list">
        <div class="list-head" aria-hidden="true">
          <span>Arrived</span>
          <span>Trace</span>
          <span>Keys</span>
          <span>Backends</span>
          <span class="number">Spans</span>
          <span class="number">Duration</span>
          <span />
        </div>
        <VirtualList
          id="trace"
          label="Traces, newest first"
          role="grid"
          count={total}
          rowHeight={ROW_HEIGHT}
          active={active}
          onActive={setActive}
          onOpen={open}
          onRange={(first, last) => {
            traces.setRange(first, last);
            setIsAtTop(first === 0);
          }}
          onPointerMove={holdStill}
        >
          {(index) => <Row row={traces.row(index)} />}
        </VirtualList>
        {traces.isLoaded && total === 0 && (
          <p class="nothing">
            {query === ''
              ? 'No trace has arrived yet.'
              : 'No trace that is held matches the filter.'}
          </p>
        )}
      </div>
      <footer class="list-foot">
        <span role="status">
          {formatCount(total)} {total === 1 ? 'trace' : 'traces'}
          {query !== '' && ` of ${formatCount(overview.traces)}`}
        </span>
        {newer > 0 && (
          <button type="button" class="link" onClick={showNewest}>
            ↑ {formatCount(newer)} newer
          </button>
        )}
        <span class="muted keys-hint">
          <kbd>/</kbd> search <kbd>↑</kbd> <kbd>↓</kbd> move <kbd>Enter</kbd> open
        </span>
      </footer>
    </section>
  );
}

function Row({ row }: { row: TraceRow | undefined }) {
  if (row === undefined) return <span class="loading" role="gridcell" />;
  const { name, service, keys, backends, spans, errors, arrivedAt, durationMs, flags } = row;
  return (
    <>
      <span role="gridcell" class="time">
        {formatTime(arrivedAt)}
      </span>
      <span role="gridcell" class="title">
        <span class="ellipsis">{name}</span>
        <span class="muted ellipsis">{serviceLabel(service)}</span>
        {errors > 0 && (
          <span class="bad">
            {formatCount(errors)} {errors === 1 ? 'error' : 'errors'}
          </span>
        )}
      </span>
      <span role="gridcell" class="ellipsis">
        {keys.map(keyLabel).join(', ')}
      </span>
      <span role="gridcell" class="backend-names">
        {backends.slice(0, 3).map((backend) => (
          <BackendName key={backend} name={backend} />
        ))}
        {backends.length > 3 && <span class="muted">+{backends.length - 3}</span>}
      </span>
      <span role="gridcell" class="number">
        {formatCount(spans)}
      </span>
      <span role="gridcell" class="number">
        {formatDuration(durationMs)}
      </span>
      <span role="gridcell">
        <Flags flags={flags} />
      </span>
    </>
  );
}

/** Whether the pointer has moved a moment ago. */
function useStillness(): readonly [boolean, () => void, () => void] {
  const [isStill, setIsStill] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  function letMove(): void {
    clearTimeout(timer.current);
    setIsStill(false);
  }
  function holdStill(): void {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setIsStill(false), POINTER_REST_MS);
    setIsStill(true);
  }
  return [isStill, holdStill, letMove];
}
