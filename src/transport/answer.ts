import type { Answer } from './exchange.js';
import { readPartialSuccess } from './partial-success.js';
import { toPrintable } from './printable.js';
import type { SendResult } from './result.js';
import { parseRetryAfter } from './retry-after.js';

/** "Failures" of the OTLP/HTTP specification: the statuses that may be sent again. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What an answer is read against. */
export interface AnswerContext {
  /** The URL that was posted to: a relative `Location` starts there. */
  readonly url: URL;
  /** How a body is read whose `Content-Type` does not say. */
  readonly protocol: 'http/protobuf' | 'http/json';
  /** The time now, for a `Retry-After` that is a date. */
  readonly epochMs: number;
  /** Takes secrets out of the backend's own words. */
  readonly redact: (text: string) => string;
}

/**
 * What an answer means for its batch.
 *
 * The bodies of refusals are not read: their words are the backend's, and often repeat the credentials
 * that it refuses.
 */
export function readAnswer(answer: Answer, context: AnswerContext): SendResult {
  const { httpStatus, headers } = answer;
  if (httpStatus >= 200 && httpStatus < 300) {
    return {
      status: 'success',
      httpStatus,
      ...readPartialSuccess(answer, context.protocol, context.redact),
    };
  }

  const failure = { message: `HTTP ${httpStatus}`, errorType: String(httpStatus), httpStatus };
  if (RETRYABLE_STATUSES.has(httpStatus)) {
    const retryAfterMs = parseRetryAfter(headers['retry-after'], context.epochMs);
    return {
      status: 'retryable',
      failure,
      ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    };
  }
  if (httpStatus === 413) return { status: 'too_large', failure };
  if (httpStatus >= 300 && httpStatus < 400) {
    const redirect = describeRedirect(headers.location, context.url);
    // A receiver may put what it was sent even there.
    const message = toPrintable(context.redact(`HTTP ${httpStatus} ${redirect}`));
    return { status: 'refused', failure: { ...failure, message } };
  }
  return { status: 'refused', failure };
}

/** Names the host alone: the rest of a location may hold what a log must not. */
function describeRedirect(location: string | string[] | undefined, url: URL): string {
  const rule = 'and redirects are never followed';
  if (typeof location !== 'string' || !URL.canParse(location, url.href)) return `redirect, ${rule}`;
  return `redirect to ${new URL(location, url).host || 'elsewhere'}, ${rule}`;
}
