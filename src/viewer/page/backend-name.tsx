import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { backendLabel } from './format.js';

/** Backends by the order in which they appeared: it gives each its colour, which then stays. */
export const BackendOrder = createContext<readonly string[]>([]);

const COLORS = 8;

/** The class that sets `--backend`, the colour of a backend. */
export function useBackendClass(): (name: string) => string {
  const order = useContext(BackendOrder);
  return (name) => {
    const index = order.indexOf(name);
    return index < 0 ? 'backend-unknown' : `backend-${index % COLORS}`;
  };
}

/** A backend's name with its colour. The colour is never all that tells them apart. */
export function BackendName({ name, count = 1 }: { name: string; count?: number }) {
  const backendClass = useBackendClass();
  return (
    <span class={`backend ${backendClass(name)}`} title={backendLabel(name)}>
      <i aria-hidden="true" />
      <span class="ellipsis">{backendLabel(name)}</span>
      {count > 1 && <b class="times">×{count}</b>}
    </span>
  );
}
