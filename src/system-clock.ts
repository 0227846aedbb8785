import { performance } from 'node:perf_hooks';
import { emit } from './accounting/log.js';
import type { Clock } from './clock.js';
import { runDetached } from './detached.js';

/** The longest delay that a timer of Node takes; beyond it fires after 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Creates the clock that is real time.
 *
 * What it schedules runs detached from whoever calls: with no store of any `AsyncLocalStorage`, the context
 * manager's among them, and in OpenTelemetry's root context with tracing suppressed. Otherwise a timer that
 * a request's span starts would keep that request's stores alive for as long as it, and the sockets it
 * opens, live.
 *
 * A throw in what it runs is a bug: it is logged with its stack, and goes no further.
 */
export function createSystemClock(): Clock {
  function run(fn: () => void): void {
    try {
      // Again, although the timer was made detached: the context manager may be younger than it.
      runDetached(fn);
    } catch (error) {
      emit('error', 'a scheduled task threw', error instanceof Error ? error : { thrown: error });
    }
  }

  function start(fn: () => void, delayMs: number, keepAlive: boolean): () => void {
    if (delayMs <= 0) {
      // Never unref'd: an event loop with nothing else to do would sleep over it until the next timer or
      // socket, and this one keeps it alive for a single turn.
      const immediate = setImmediate(run, fn);
      return () => clearImmediate(immediate);
    }
    // Rounded up: a timer drops the fraction, and would be early by it.
    const timeout = setTimeout(run, Math.min(Math.ceil(delayMs), MAX_DELAY_MS), fn);
    if (!keepAlive) timeout.unref();
    return () => clearTimeout(timeout);
  }

  return {
    now: () => performance.now(),
    epochMs: () => Date.now(),
    schedule: (fn, delayMs, keepAlive = false) => runDetached(() => start(fn, delayMs, keepAlive)),
  };
}
