import { useEffect, useState } from 'preact/hooks';
import type { Overview } from '../messages.js';
import { ask } from './api-client.js';

/** What the page knows of its server. */
export interface Live {
  readonly overview: Overview | undefined;
  /** Why nothing new comes. */
  readonly problem: string | undefined;
}

/** Twice a second: the numbers seem to move, and a busy server is asked no more than that. */
const INTERVAL_MS = 500;

/** Asks for the overview again and again, but not while paused or while nobody can see the page. */
export function useOverview(isPaused: boolean): Live {
  const [live, setLive] = useState<Live>({ overview: undefined, problem: undefined });
  useEffect(() => {
    if (isPaused) return;
    let revision: number | undefined;
    return repeat(INTERVAL_MS, async (signal) => {
      const since = revision === undefined ? '' : `?since=${revision}`;
      const answer = await ask<Overview>(`overview${since}`, signal);
      if (signal.aborted) return;
      if (answer.status !== 'answered') {
        const problem = answer.status === 'failed' ? answer.problem : 'no such page';
        setLive(({ overview }) => ({ overview, problem }));
        return;
      }
      revision = answer.value.revision;
      // Where nothing has changed the server says the revision alone.
      if ('backends' in answer.value) setLive({ overview: answer.value, problem: undefined });
      else
        setLive((before) =>
          before.problem === undefined ? before : { ...before, problem: undefined },
        );
    });
  }, [isPaused]);
  return live;
}

/**
 * Runs `fn` now, and again `intervalMs` after each time it has ended; while the page is hidden it waits.
 *
 * @returns what ends it, and aborts the run that is under way
 */
export function repeat(intervalMs: number, fn: (signal: AbortSignal) => Promise<void>): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function run(): Promise<void> {
    if (!document.hidden) await fn(signal);
    if (!signal.aborted) timer = setTimeout(() => void run(), intervalMs);
  }
  void run();
  return () => {
    ended.abort();
    clearTimeout(timer);
  };
}
