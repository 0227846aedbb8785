import { z } from 'zod';
import { readBoundedText } from '../bounded-text.js';
import type { Cancel, Clock } from '../clock.js';
import { parseJson } from '../parse-json.js';
import type { ServiceReport, ServiceStats } from './messages.js';

/** What a service says of itself, asked again and again. */
export interface ServiceStatsPoll {
  readonly report: ServiceReport;
  stop(): void;
}

const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 5_000;

const count = z.number().catch(0);
const reasons = z.record(z.string(), z.number()).catch({});
// Loose, as the service may be of another version.
const backend = z.object({
  state: z.enum(['up', 'degraded', 'down']).catch('up'),
  accepted: count,
  delivered: count,
  queued: count,
  inFlight: count,
  spooled: count,
  dropped: reasons,
});
const failure = z.object({
  at: z.number(),
  backend: z.string(),
  outcome: z.string(),
  message: z.string(),
});
const answer = z.object({
  ended: count,
  routed: count,
  parked: count,
  dropped: reasons,
  backends: z.record(z.string(), backend),
  // What a statsHandler tells beside its stats(); the JSON of a stats() alone will do.
  recentFailures: z.array(failure).catch([]),
});

/** Failures come the newest first. */
function toStats({ recentFailures, ...stats }: z.output<typeof answer>): ServiceStats {
  const backends = Object.entries(stats.backends).map(([name, figures]) => {
    const failures = recentFailures.filter((each) => each.backend === name);
    const [lastFailure] = failures;
    const recentRetries = failures.filter(({ outcome }) => outcome === 'retryable').length;
    return [name, { ...figures, recentRetries, lastFailure }] as const;
  });
  return { ...stats, backends: Object.fromEntries(backends) };
}

/**
 * Asks `url` for a service's `stats()` every second, as long as it is not stopped. It follows no redirect, and
 * problems are words: nothing of the URL's user-info or query, nor of an answer that is not understood, is in them.
 */
export function pollServiceStats(
  url: URL,
  clock: Pick<Clock, 'schedule'>,
  onChange: () => void,
): ServiceStatsPoll {
  let report: ServiceReport = { status: 'asking' };
  let cancel: Cancel = () => {};
  const stopped = new AbortController();

  async function poll(): Promise<void> {
    report = await ask(url, stopped.signal);
    if (stopped.signal.aborted) return;
    onChange();
    cancel = clock.schedule(() => void poll(), INTERVAL_MS);
  }
  cancel = clock.schedule(() => void poll(), 0);

  return {
    get report() {
      return report;
    },
    stop() {
      stopped.abort();
      cancel();
    },
  };
}

/** Never rejects: what goes wrong is the report. */
async function ask(url: URL, stopped: AbortSignal): Promise<ServiceReport> {
  try {
    const response = await fetch(url, {
      redirect: 'error',
      headers: { accept: 'application/json' },
      signal: AbortSignal.any([stopped, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return { status: 'unreachable', problem: `it answers with HTTP ${response.status}` };
    }
    const text = await readBoundedText(response.body ?? []);
    if (text === undefined) return { status: 'unreachable', problem: 'its answer is too large' };
    const parsed = answer.safeParse(parseJson(text));
    return parsed.success
      ? { status: 'answered', stats: toStats(parsed.data) }
      : { status: 'unreachable', problem: 'its answer is not what a statsHandler says' };
  } catch (error) {
    return { status: 'unreachable', problem: describe(error) };
  }
}

/** Codes and no messages: undici's messages quote URLs. */
function describe(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'it does not answer';
  const cause = error instanceof Error ? error.cause : undefined;
  const code =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
      ? cause.code
      : undefined;
  return code === undefined ? 'it can not be asked' : `it can not be reached (${code})`;
}
