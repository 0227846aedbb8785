import type { Log } from '../accounting/log.js';
import type { DropReason } from '../accounting/reasons.js';
import type { Names } from './names.js';

/** What happened, how often since it was last told: all that is told of it. */
export interface Diagnostic {
  /** One of this module's own words. */
  readonly event: string;
  /** The name that it may be told under; `undefined` for none in particular. */
  readonly backend: string | undefined;
  readonly reason: DropReason | undefined;
  count: number;
}

/** The warnings of one processor, as events that are counted. */
export interface Diagnostics {
  /** The log, whose warnings are counted here as well. */
  watch(log: Log): Log;
  /** What has been counted since the last call. */
  take(): readonly Diagnostic[];
  /** What could not be told is told the next time. */
  putBack(diagnostics: readonly Diagnostic[]): void;
}

/**
 * The events, by the keys under which the log has its warnings. A key may have a backend's name, a path or words of the
 * configuration in it, so that none leaves: what leaves is the event of the pattern that it matches, and the first
 * group where it is the name of a configured backend.
 */
const EVENTS: readonly (readonly [RegExp, string])[] = [
  [/^on(?:Start|End)$|^lookup$/, 'bug'],
  [/^onAudit$/, 'audit.failed'],
  [/^audit log /, 'audit.failed'],
  [/^unresolved$/, 'route.unresolved'],
  [/^failed$/, 'route.failed'],
  [/^lookup failed$/, 'lookup.failed'],
  [/^no room$/, 'lookup.refused'],
  [/^(\S+) up$/, 'backend.up'],
  [/^(\S+) down$/, 'backend.down'],
  [/^(\S+) message$/, 'backend.warned'],
  [/^(\S+) credentials refused$/, 'credentials.refused'],
  [/^(\S+) credentials /, 'credentials.failed'],
  [/^(\S+) spool lost$/, 'spool.lost'],
  [/^(\S+) spool /, 'spool.failed'],
  [/^(\S+) quarantine /, 'spool.quarantined'],
  [/^(\S+) replay$/, 'bug'],
  [/^(\S+) (?:failed to (?:flush|shut down)|has not called back)/, 'exporter.failed'],
];

/** What matches none of them: files of credentials that can not be read, and warnings of the configuration. */
const OTHER = 'warning';

/** How many different ones are counted between two reports; backends and reasons bound them, but for thousands of backends. */
const MAX_DIAGNOSTICS = 1_000;

/** Creates the diagnostics of one processor, which tell of its backends under these names. */
export function createDiagnostics(names: Names): Diagnostics {
  let counted: Diagnostic[] = [];
  // Nested, and not keyed by a joined string, since a full queue comes here with every span.
  let byBackend = new Map<string | undefined, Map<string, Diagnostic>>();

  function count(event: string, backend?: string, reason?: DropReason, times = 1): void {
    let ofBackend = byBackend.get(backend);
    if (ofBackend === undefined) {
      ofBackend = new Map();
      byBackend.set(backend, ofBackend);
    }
    // No event is named as a reason is.
    const known = ofBackend.get(reason ?? event);
    if (known !== undefined) {
      known.count += times;
    } else if (counted.length < MAX_DIAGNOSTICS) {
      const diagnostic = { event, backend, reason, count: times };
      ofBackend.set(reason ?? event, diagnostic);
      counted.push(diagnostic);
    }
  }

  function countWarning(key: string): void {
    for (const [pattern, event] of EVENTS) {
      const match = pattern.exec(key);
      if (match === null) continue;
      const [, name] = match;
      count(event, name === undefined ? undefined : names.find(name));
      return;
    }
    count(OTHER);
  }

  return {
    watch: (log) => ({
      ...log,
      drop(backend, reason, spans, detail) {
        log.drop(backend, reason, spans, detail);
        const name = backend === undefined ? undefined : names.of(backend);
        count('spans.dropped', name, reason, spans);
      },
      warn(key, message) {
        log.warn(key, message);
        countWarning(key);
      },
      once(key, message) {
        log.once(key, message);
        countWarning(key);
      },
    }),
    take() {
      const taken = counted;
      counted = [];
      byBackend = new Map();
      return taken;
    },
    putBack(diagnostics) {
      for (const { event, backend, reason, count: times } of diagnostics) {
        count(event, backend, reason, times);
      }
    },
  };
}
