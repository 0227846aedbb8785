import { useEffect, useRef, useState } from 'preact/hooks';
import type { TracePage, TraceRow } from '../messages.js';
import { ask } from './api-client.js';
import { type Filter, filterQuery } from './place.js';

/** The traces that match a filter, of which those in sight are loaded. */
export interface TraceWindow {
  readonly total: number;
  /** How many have come since the list stands still. */
  readonly newer: number;
  readonly isLoaded: boolean;
  /** `undefined` while it is being loaded. */
  readonly row: (index: number) => TraceRow | undefined;
  readonly setRange: (first: number, last: number) => void;
}

const PAGE = 100;

/** Pages that are kept around those in sight. */
const KEPT_PAGES = 20;

interface Loaded {
  readonly total: number;
  readonly newer: number;
  readonly newest: number;
  readonly pages: ReadonlyMap<number, readonly TraceRow[]>;
}

const NOTHING: Loaded = { total: 0, newer: 0, newest: 0, pages: new Map() };

/**
 * Loads what is in sight of the traces that match, and loads it again when `revision` has changed. While
 * `isFollowing`, the newest stand at the top; else the list stands still, and new ones are counted only. While it
 * `isHidden` it asks for nothing.
 */
export function useTraces(
  filter: Filter,
  revision: number,
  isFollowing: boolean,
  isHidden: boolean,
): TraceWindow {
  const query = filterQuery(filter).toString();
  const [range, setRange] = useState<readonly [number, number]>([0, 0]);
  const [loaded, setLoaded] = useState<{ query: string; data: Loaded }>();
  const data = loaded?.query === query ? loaded.data : NOTHING;
  const latest = useRef(data);
  latest.current = data;

  const firstPage = Math.floor(range[0] / PAGE);
  const lastPage = Math.floor(range[1] / PAGE);
  useEffect(() => {
    if (isHidden) return;
    const ended = new AbortController();
    const { signal } = ended;
    async function load(): Promise<void> {
      let known = latest.current;
      const upTo = isFollowing || known.newest === 0 ? undefined : known.newest;
      const fresh = new Map<number, readonly TraceRow[]>();
      for (let page = firstPage; page <= lastPage; page += 1) {
        const parameters = new URLSearchParams(query);
        parameters.set('offset', String(page * PAGE));
        parameters.set('limit', String(PAGE));
        if (upTo !== undefined) parameters.set('upTo', String(upTo));
        const answer = await ask<TracePage>(`traces?${parameters}`, signal);
        if (signal.aborted || answer.status !== 'answered') return;
        const { rows, total, newer, newest } = answer.value;
        fresh.set(page, rows);
        known = { total, newer, newest: upTo ?? newest, pages: fresh };
      }
      // What has moved meanwhile is loaded again when it comes into sight.
      const kept = upTo === undefined ? [] : [...latest.current.pages].slice(-KEPT_PAGES);
      setLoaded({ query, data: { ...known, pages: new Map([...kept, ...fresh]) } });
    }
    void load();
    return () => ended.abort();
  }, [query, revision, isFollowing, isHidden, firstPage, lastPage]);

  return {
    total: data.total,
    newer: data.newer,
    isLoaded: loaded?.query === query,
    row: (index) => data.pages.get(Math.floor(index / PAGE))?.[index % PAGE],
    setRange: (first, last) => setRange([Math.max(0, first), Math.max(0, last)]),
  };
}
