import { constants } from 'node:os';
import { emit } from '../accounting/log.js';
import type { RoutingStats } from '../accounting/stats.js';
import { startDeadline } from '../deadline.js';
import { createSystemClock } from '../system-clock.js';
import { undeliveredSpans } from './undelivered.js';

/** The signals that ask a process to end. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type EndSignal = (typeof SIGNALS)[number];

/** What of a process is used. */
export type Host = Pick<NodeJS.Process, 'pid' | 'listenerCount' | 'kill' | 'exit'> & {
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
};

/** What is drained; {@link RoutingSpanProcessor} is one. */
export interface Drainable {
  forceFlush(options: { readonly timeoutMillis: number }): Promise<void>;
  shutdown(options: { readonly timeoutMillis: number }): Promise<void>;
  stats(): RoutingStats;
}

/**
 * Drains the processor when the process is about to end, and otherwise lets it end as it would without.
 *
 * - On `SIGTERM` and `SIGINT` it flushes at once, and goes on taking spans. Where the application listens to the
 *   signal too, how to end is its affair. Where nobody does, the processor is shut down as soon as everything is
 *   delivered, and after half of the time in any case, so that what a backend does not take can be written to its spool;
 *   then the process ends by that same signal.
 * - On `beforeExit` it flushes, once for what has ended since the last time, so that an idle process ends.
 * - Spans that are lost for all that, as after `process.exit()`, are counted in a last line of the log.
 *
 * @param timeoutMs - Longest that the end of the process is put off.
 */
export function drainAtEnd(processor: Drainable, timeoutMs: number, host: Host): void {
  const clock = createSystemClock();
  let flushedUntil = 0;
  let isEnding = false;

  async function flush(timeoutMillis = timeoutMs): Promise<void> {
    flushedUntil = processor.stats().ended;
    try {
      await processor.forceFlush({ timeoutMillis });
    } catch {
      // Some backend did not settle in time: what that costs is told when the process ends.
    }
  }

  async function end(signal: EndSignal): Promise<void> {
    isEnding = true;
    const { passed, endsAtMs, cancel } = startDeadline(clock, timeoutMs);
    const drained = flush(timeoutMs / 2).then(() =>
      processor.shutdown({ timeoutMillis: Math.max(0, endsAtMs - clock.now()) }),
    );
    await Promise.race([drained, passed]);
    cancel();
    tellOfLoss();
    for (const [each, listener] of listeners) host.removeListener(each, listener);
    // The kernel keeps signals without a handler from the first process of a container, even its own.
    if (host.pid === 1) host.exit(128 + constants.signals[signal]);
    else host.kill(host.pid, signal);
  }

  function tellOfLoss(): void {
    const lost = undeliveredSpans(processor.stats());
    if (lost !== undefined) emit('warn', `the process ends with spans undelivered: ${lost}`);
  }

  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      if (isEnding || hasListenerBeside(host, signal)) void flush();
      else void end(signal);
    };
    return [signal, listener] as const;
  });
  for (const [signal, listener] of listeners) host.on(signal, listener);
  host.on('beforeExit', () => {
    if (processor.stats().ended > flushedUntil) void flush();
  });
  host.on('exit', tellOfLoss);
}

/** Whether the application listens to the signal, beside one listener of ours. */
function hasListenerBeside(host: Host, signal: EndSignal): boolean {
  return host.listenerCount(signal) > 1 + signalExitListeners(host);
}

/**
 * How many listeners of each signal belong to `signal-exit`, which many packages bring along. It ends the process
 * only where it finds nobody else listening: to take it for the application would be to wait for each other.
 */
function signalExitListeners(host: Host): number {
  const emitters: unknown[] = [
    Reflect.get(host, '__signal_exit_emitter__'),
    Reflect.get(globalThis, Symbol.for('signal-exit emitter')),
  ];
  return emitters.reduce<number>((sum, emitter) => {
    const count: unknown =
      typeof emitter === 'object' && emitter !== null ? Reflect.get(emitter, 'count') : 0;
    return sum + (typeof count === 'number' ? count : 0);
  }, 0);
}
