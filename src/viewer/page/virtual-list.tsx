import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A list of which only the rows in sight are in the page. */
export interface VirtualListProps {
  readonly id: string;
  readonly label: string;
  readonly role: 'grid' | 'treegrid';
  readonly count: number;
  readonly rowHeight: number;
  /** The row that the keyboard is at; -1 for none. */
  readonly active: number;
  readonly onActive: (index: number) => void;
  readonly onOpen: (index: number) => void;
  /** Keys that the list itself has no use for; `true` says that the key was used. */
  readonly onKey?: (key: string) => boolean;
  /** Which rows are in sight, whenever that changes. */
  readonly onRange?: (first: number, last: number) => void;
  readonly onPointerMove?: () => void;
  /** Extra attributes of a row, for trees. */
  readonly rowAttributes?: (index: number) => Readonly<Record<string, string | number | boolean>>;
  readonly rowClass?: (index: number) => string;
  readonly children: (index: number) => ComponentChildren;
}

/** Rows beyond the edges, so that a quick scroll shows no gap before the next frame. */
const OVERSCAN = 12;

/** A scrolling list with a keyboard: arrows, page keys, Home, End, Enter. */
export function VirtualList(props: VirtualListProps) {
  const { id, label, role, count, rowHeight, active, children } = props;
  const { onActive, onOpen, onKey, onRange, onPointerMove, rowAttributes, rowClass } = props;
  const box = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 600 });

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () => {
      // A list that is hidden has no height, and keeps its place.
      if (element.clientHeight === 0) return;
      setScroll({ top: element.scrollTop, height: element.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  const firstInSight = Math.floor(scroll.top / rowHeight);
  const lastInSight = Math.min(count - 1, Math.ceil((scroll.top + scroll.height) / rowHeight));
  const first = Math.max(0, firstInSight - OVERSCAN);
  const last = Math.min(count - 1, lastInSight + OVERSCAN);
  useEffect(() => onRange?.(first, last), [first, last]);

  function moveTo(index: number): void {
    if (count === 0) return;
    const next = Math.max(0, Math.min(count - 1, index));
    onActive(next);
    const element = box.current;
    if (element === null) return;
    const top = next * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight - element.clientHeight;
    }
  }

  function handleKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(scroll.height / rowHeight) - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: active + 1,
      j: active + 1,
      ArrowUp: active - 1,
      k: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: count - 1,
    };
    const target = moves[event.key];
    if (target !== undefined) moveTo(target);
    else if (event.key === 'Enter' && active >= 0) onOpen(active);
    else if (onKey?.(event.key) !== true) return;
    event.preventDefault();
  }

  const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, row) => first + row);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is a grid or a treegrid
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: as above
    <div
      ref={box}
      class="virtual-list"
      role={role}
      aria-label={label}
      aria-rowcount={count}
      aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
      tabIndex={0}
      onKeyDown={handleKey}
      onPointerMove={onPointerMove}
    >
      <div class="virtual-space" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {indexes.map((index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the list, which has the focus
          <div
            key={index}
            id={`${id}-${index}`}
            role="row"
            aria-rowindex={index + 1}
            aria-selected={index === active}
            class={`row ${rowClass?.(index) ?? ''}`}
            style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
            onClick={() => {
              onActive(index);
              onOpen(index);
            }}
            {...rowAttributes?.(index)}
          >
            {children(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
