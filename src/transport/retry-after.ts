// RFC 9110, 10.2.3 and 5.6.7: seconds, or one of three shapes of date. The shapes are checked before
// `Date.parse` sees them, because it takes nearly anything ("later 1" is a day in 2001).
const SECONDS = /^\d+$/;
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Reads `Retry-After`: how many milliseconds to wait, 0 for a date that has passed.
 *
 * `undefined` where the header is absent or can not be read (negative, fractional, words), so that the
 * caller falls back to its own backoff and never to an immediate retry.
 *
 * @param value The header as it came.
 * @param epochMs The time now, for dates.
 */
export function parseRetryAfter(
  value: string | readonly string[] | undefined,
  epochMs: number,
): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (SECONDS.test(text)) return Math.min(Number(text) * 1_000, Number.MAX_SAFE_INTEGER);

  const date = parseHttpDate(text);
  return date === undefined ? undefined : Math.max(0, date - epochMs);
}

function parseHttpDate(text: string): number | undefined {
  let date = Number.NaN;
  if (IMF_FIXDATE.test(text) || RFC_850_DATE.test(text)) date = Date.parse(text);
  // This shape names no zone, and means GMT all the same.
  else if (ASCTIME_DATE.test(text)) date = Date.parse(`${text} GMT`);
  return Number.isNaN(date) ? undefined : date;
}
