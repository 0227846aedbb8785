import { AsyncResource } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { globalErrorHandler, suppressTracing } from '@opentelemetry/core';
import type { Clock } from './clock.js';

/** The longest delay that a timer of Node takes; beyond it fires after 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Creates the clock that is real time.
 *
 * What it schedules runs detached from whoever calls: every `AsyncLocalStorage`, the context manager's
 * among them, is back to what it held when the clock was made, and OpenTelemetry's context is the root one
 * with tracing suppressed. Otherwise a timer that a request's span starts would keep that request's stores
 * alive for as long as it, and the sockets it opens, live.
 *
 * A throw in what it runs is reported to OpenTelemetry's global error handler (by default `diag.error`)
 * and goes no further.
 */
export function createSystemClock(): Clock {
  const detached = new AsyncResource('signalbox.clock', { requireManualDestroy: true });
  const suppressed = suppressTracing(ROOT_CONTEXT);

  function run(fn: () => void): void {
    try {
      // Again, although the timer was made in this context: the context manager may be younger than it.
      context.with(suppressed, fn);
    } catch (error) {
      globalErrorHandler(error instanceof Error ? error : new Error(String(error)));
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
    schedule: (fn, delayMs, keepAlive = false) =>
      detached.runInAsyncScope(() =>
        context.with(suppressed, start, undefined, fn, delayMs, keepAlive),
      ),
  };
}
