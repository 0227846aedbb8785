import { diag } from '@opentelemetry/api';
import type { Cancel, Clock } from '../clock.js';
import { DROP_ADVICE, type DropReason } from './reasons.js';

/** For how long a line keeps others like it back. */
const WINDOW_MS = 60_000;

/**
 * How many different keys `warn` and `once` remember each. Keys come from code and configuration, and are
 * few; the bound is there so that one which is made of traffic by mistake can not fill the memory.
 */
const MAX_KEYS = 1000;

/** Longest detail that is logged, in characters: a backend's own words can be any length. */
const MAX_DETAIL_LENGTH = 500;

/** What signalbox says, through OpenTelemetry's `diag`. Nothing here throws, whatever the logger does. */
export interface Log {
  /**
   * Spans were dropped. Once per reason and backend per minute: the first at once, what follows within the
   * minute in one line when it is over.
   *
   * @param backend - Its name; `undefined` for a drop before the backends.
   * @param detail - What happened in particular, without secrets or span contents. Of several, the last is logged.
   */
  drop(backend: string | undefined, reason: DropReason, spans: number, detail?: string): void;
  /** Warns, once per key per minute; what is kept back is counted in the next line. */
  warn(key: string, message: string): void;
  /** Warns, once per key. */
  once(key: string, message: string): void;
  /**
   * Says what became of one decision. `details` goes to the logger as it is: `diag` hides its level, and to
   * put it into words would cost each request more than the decision.
   */
  debug(event: string, details: object): void;
  /** Logs what waits for its minute to end. For shutdown: the timer may not come any more. */
  flush(): void;
}

/** Drops of one reason at one backend, within the minute that the first of them opened. */
interface DropWindow {
  readonly backend: string | undefined;
  readonly reason: DropReason;
  /** Not logged yet. */
  spans: number;
  detail: string | undefined;
  cancel: Cancel | undefined;
}

interface WarnWindow {
  until: number;
  keptBack: number;
}

/** Creates the log of one processor. */
export function createLog(clock: Clock): Log {
  // Nested, and not keyed by a joined string, since a full queue comes here with every span.
  const drops = new Map<string | undefined, Map<DropReason, DropWindow>>();
  const warnings = new Map<string, WarnWindow>();
  let isDebugging = false;
  const said = new Set<string>();

  function windowsOf(backend: string | undefined): Map<DropReason, DropWindow> {
    let windows = drops.get(backend);
    if (windows === undefined) {
      windows = new Map();
      drops.set(backend, windows);
    }
    return windows;
  }

  function openWindow(backend: string | undefined, reason: DropReason): DropWindow {
    const window: DropWindow = { backend, reason, spans: 0, detail: undefined, cancel: undefined };
    startMinute(window);
    return window;
  }

  function startMinute(window: DropWindow): void {
    window.cancel = clock.schedule(() => endMinute(window), WINDOW_MS);
  }

  function endMinute(window: DropWindow): void {
    if (window.spans === 0) {
      const windows = windowsOf(window.backend);
      windows.delete(window.reason);
      // Backends come and go: one that is gone leaves nothing here.
      if (windows.size === 0) drops.delete(window.backend);
      return;
    }
    startMinute(window);
    emitKeptBack(window);
  }

  return {
    drop(backend, reason, spans, detail) {
      const windows = windowsOf(backend);
      const open = windows.get(reason);
      if (open !== undefined) {
        open.spans += spans;
        open.detail = detail ?? open.detail;
        return;
      }
      // In place before the line is written: a logger that ends a span of its own may drop that one too.
      windows.set(reason, openWindow(backend, reason));
      emit('warn', describeDrop(backend, reason, `${spans}`, spans, detail));
    },

    warn(key, message) {
      const now = clock.now();
      const window = warnings.get(key);
      if (window !== undefined && now < window.until) {
        window.keptBack += 1;
        return;
      }
      if (window === undefined && !hasRoom(warnings, now)) return;
      warnings.set(key, { until: now + WINDOW_MS, keptBack: 0 });
      const keptBack = window?.keptBack ?? 0;
      emit('warn', keptBack === 0 ? message : `${message} (and ${keptBack} times since last said)`);
    },

    once(key, message) {
      if (said.has(key) || said.size >= MAX_KEYS) return;
      said.add(key);
      emit('warn', message);
    },

    debug(event, details) {
      // A logger that makes a span of its own for each line makes a decision with it, which is a line.
      if (isDebugging) return;
      isDebugging = true;
      emit('debug', event, details);
      isDebugging = false;
    },

    flush() {
      const open = Array.from(drops.values()).flatMap((windows) => Array.from(windows.values()));
      drops.clear();
      for (const window of open) {
        window.cancel?.();
        if (window.spans > 0) emitKeptBack(window);
      }
    },
  };
}

function emitKeptBack(window: DropWindow): void {
  const { backend, reason, spans, detail } = window;
  window.spans = 0;
  window.detail = undefined;
  emit('warn', describeDrop(backend, reason, `${spans} more`, spans, detail));
}

function hasRoom(warnings: Map<string, WarnWindow>, now: number): boolean {
  if (warnings.size < MAX_KEYS) return true;
  for (const [key, { until }] of warnings) {
    if (until <= now) warnings.delete(key);
  }
  return warnings.size < MAX_KEYS;
}

function describeDrop(
  backend: string | undefined,
  reason: DropReason,
  count: string,
  spans: number,
  detail: string | undefined,
): string {
  const noun = spans === 1 ? 'span' : 'spans';
  const owner = backend === undefined ? '' : ` of backend ${backend}`;
  const last = detail === undefined || detail === '' ? '' : ` (${oneLine(detail)})`;
  return `dropped ${count} ${noun}${owner} as ${reason}${last}: ${DROP_ADVICE[reason]}`;
}

/** A backend's own words must not look like further lines of the log, or steer a terminal. */
function oneLine(text: string): string {
  const line = text.slice(0, MAX_DETAIL_LENGTH).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return text.length > MAX_DETAIL_LENGTH ? `${line}...` : line;
}

/** Says one line through `diag`, whatever the logger does. */
export function emit(
  level: 'error' | 'warn' | 'debug',
  message: string,
  ...details: object[]
): void {
  try {
    diag[level](`signalbox: ${message}`, ...details);
  } catch {
    // The application's own logger threw. There is nowhere left to say so, and whoever is above us on the
    // stack is the application's request, which must not pay for it.
  }
}
