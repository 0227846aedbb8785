import { useLayoutEffect, useState } from 'preact/hooks';

/** What traces to list. `undefined` takes all, and the empty string those without a value. */
export interface Filter {
  readonly backend?: string | undefined;
  readonly key?: string | undefined;
  readonly service?: string | undefined;
  readonly text?: string | undefined;
  readonly isFlagged?: boolean | undefined;
}

/** Where in the page somebody is; it stands in the address, so that it can be kept and sent. */
export interface Place {
  readonly view: View;
  readonly filter: Filter;
  /** The trace that is open. */
  readonly traceId?: string | undefined;
  /** The number of the span that is open. */
  readonly span?: number | undefined;
}

/** The three views, in the order of their tabs. */
export const views = ['backends', 'flow', 'traces'] as const;
export type View = (typeof views)[number];

/** The place that a hash such as `#/traces?key=acme` names. */
export function parsePlace(hash: string): Place {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name, traceId] = path.split('/');
  const query = new URLSearchParams(search);
  const get = (field: string) => query.get(field) ?? undefined;
  const span = get('span');
  return {
    view: views.find((view) => view === name) ?? 'backends',
    filter: {
      backend: get('backend'),
      key: get('key'),
      service: get('service'),
      text: get('text'),
      isFlagged: get('flagged') === '1',
    },
    traceId: traceId !== undefined && /^[0-9a-f]{32}$/.test(traceId) ? traceId : undefined,
    span: span !== undefined && /^\d+$/.test(span) ? Number(span) : undefined,
  };
}

/** The hash of a place. */
export function hashOf({ view, filter, traceId, span }: Place): string {
  const query = filterQuery(filter);
  if (span !== undefined) query.set('span', String(span));
  const search = query.size === 0 ? '' : `?${query}`;
  return `#/${view}${traceId === undefined ? '' : `/${traceId}`}${search}`;
}

/** A filter as the parameters that the page and the API have for it. */
export function filterQuery(filter: Filter): URLSearchParams {
  const query = new URLSearchParams();
  for (const field of ['backend', 'key', 'service'] as const) {
    const value = filter[field];
    if (value !== undefined) query.set(field, value);
  }
  if (filter.text !== undefined && filter.text !== '') query.set('text', filter.text);
  if (filter.isFlagged === true) query.set('flagged', '1');
  return query;
}

/** Goes to a place. `replace` leaves no step for the browser's back button: for a filter that is being typed. */
export function goTo(place: Place, how: 'push' | 'replace' = 'push'): void {
  const hash = hashOf(place);
  if (how === 'push') {
    location.hash = hash;
  } else {
    history.replaceState(null, '', hash);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}

/** The place that the address names, now and whenever it changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => parsePlace(location.hash));
  // An effect runs after the first frame: where that is late, the address has changed by then.
  useLayoutEffect(() => {
    const update = () => setPlace(parsePlace(location.hash));
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return place;
}
