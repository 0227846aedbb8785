/** What the first wait is drawn from. */
const INITIAL_BACKOFF_MS = 500;
/** What no wait passes, unless the backend asks for a longer one by `Retry-After`. */
const MAX_BACKOFF_MS = 5_000;

/**
 * How long to wait after the given number of failures, at least 1, in a row: exponential backoff with
 * full jitter, 500 ms doubling to 5 s.
 *
 * Full jitter (anything from nothing to the whole wait), because all processes of a service lose a
 * backend at the same moment, and should not come back at the same moment.
 *
 * @param random - from 0 to 1, as `Math.random`.
 */
export function backoffMs(failures: number, random: () => number): number {
  return random() * Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** (failures - 1));
}
