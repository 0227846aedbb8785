import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { BackendOrder } from './backend-name.js';
import { BackendsView } from './backends-view.js';
import { FlowView } from './flow-view.js';
import { formatCount, formatRate, formatShort } from './format.js';
import { type Live, useOverview } from './live.js';
import { goTo, hashOf, type Place, usePlace, type View, views } from './place.js';
import { Shortcuts } from './shortcuts.js';
import { TraceView } from './trace-view.js';
import { TracesView } from './traces-view.js';

const TITLES: Readonly<Record<View, string>> = {
  backends: 'Backends',
  flow: 'Flow',
  traces: 'Traces',
};

/** The page: its bar, and the view that the address names. */
export function App() {
  const place = usePlace();
  const [isPaused, setIsPaused] = useState(false);
  const live = useOverview(isPaused);
  const { overview } = live;
  const help = useRef<HTMLDialogElement>(null);
  useShortcuts(
    () => help.current?.showModal(),
    () => setIsPaused((before) => !before),
  );
  useEffect(() => {
    document.title = `${TITLES[place.view]} · signalbox`;
  }, [place.view]);
  const names = overview?.backends.map(({ name }) => name).join('\n') ?? '';
  const order = useMemo(() => names.split('\n'), [names]);

  return (
    <BackendOrder.Provider value={order}>
      <header class="top">
        <a class="brand" href={hashOf({ view: 'backends', filter: {} })}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M6 16h6c5 0 4-7 9-7h5M12 16c5 0 4 7 9 7h5" />
          </svg>
          signalbox
        </a>
        <nav aria-label="Views">
          {views.map((view) => (
            <a
              key={view}
              href={hashOf({ view, filter: {} })}
              aria-current={place.view === view ? 'page' : undefined}
            >
              {TITLES[view]}
            </a>
          ))}
        </nav>
        <Status live={live} isPaused={isPaused} onPause={() => setIsPaused(!isPaused)} />
        <button
          type="button"
          class="round"
          aria-label="Keyboard shortcuts"
          onClick={() => help.current?.showModal()}
        >
          ?
        </button>
      </header>
      <main>{overview !== undefined && <Viewed place={place} overview={overview} />}</main>
      <Shortcuts dialog={help} />
    </BackendOrder.Provider>
  );
}

function Viewed({ place, overview }: { place: Place; overview: NonNullable<Live['overview']> }) {
  if (place.view === 'flow') return <FlowView overview={overview} />;
  if (place.view === 'backends') return <BackendsView overview={overview} />;
  const isTraceOpen = place.traceId !== undefined;
  return (
    <>
      <TracesView overview={overview} filter={place.filter} isHidden={isTraceOpen} />
      {isTraceOpen && <TraceView key={place.traceId} place={place} revision={overview.revision} />}
    </>
  );
}

interface StatusProps {
  readonly live: Live;
  readonly isPaused: boolean;
  readonly onPause: () => void;
}

function Status({ live: { overview, problem }, isPaused, onPause }: StatusProps) {
  return (
    <div class="status">
      {overview !== undefined && (
        <>
          <span title={`${formatCount(overview.received)} spans have arrived`}>
            <b>{formatShort(overview.held)}</b> spans held
          </span>
          <span>
            <b>{formatRate(overview.spansPerSecond)}</b> spans/s
          </span>
        </>
      )}
      {problem === undefined ? (
        <button
          type="button"
          class={isPaused ? 'live paused' : 'live'}
          aria-pressed={isPaused}
          onClick={onPause}
        >
          <i aria-hidden="true" />
          {isPaused ? 'Paused' : 'Live'}
        </button>
      ) : (
        <span class="health red" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}

/** Keys that work anywhere but where text is typed. */
function useShortcuts(showHelp: () => void, pause: () => void): void {
  useLayoutEffect(() => {
    function handle(event: KeyboardEvent): void {
      const { target, key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
        if (key === 'Escape') target.blur();
        return;
      }
      const view = views[Number(key) - 1];
      if (view !== undefined) goTo({ view, filter: {} });
      else if (key === '?') showHelp();
      else if (key === 'p') pause();
      else if (key === '/') {
        event.preventDefault();
        focusSearch();
      }
    }
    addEventListener('keydown', handle);
    return () => removeEventListener('keydown', handle);
  }, []);
}

function focusSearch(): void {
  const find = () => document.querySelector<HTMLElement>('section:not([hidden]) #search');
  if (find() === null) {
    goTo({ view: 'traces', filter: {} });
    // After the view has changed.
    requestAnimationFrame(() => requestAnimationFrame(() => find()?.focus()));
  } else {
    // At once: what is typed next must not be taken for a shortcut.
    find()?.focus();
  }
}
