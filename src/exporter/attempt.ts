import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import type { Retryable, SendFailure, SendResult } from '../transport/result.js';
import { noteAnswer, noteFailure, noteWarning } from './answers.js';
import type { Backlog } from './backlog.js';
import { type Batch, isUnsettled } from './batch.js';
import type { Courier, Parcel } from './courier.js';
import type { Grace } from './grace.js';
import type { Pace } from './pace.js';
import { nameOf, type Pack } from './pack.js';

/** What an attempt is made with: all of one exporter. */
export interface AttemptParts<P extends Parcel> {
  readonly backend: Pick<Backend, 'name'>;
  readonly backlog: Backlog<P>;
  readonly courier: Courier<P>;
  readonly pack: Pack<P>;
  readonly pace: Pace;
  readonly grace: Pick<Grace<P>, 'hold'>;
  readonly log: Log;
  readonly clock: Clock;
  /** Saves a batch, or drops it for the reason: it has been retried for as long as it may be. */
  readonly giveUp: (batch: Batch<P>, reason: 'retry_exhausted') => void;
}

/**
 * Creates the function that makes one attempt at a batch: it encodes and compresses it, where that is
 * still to be done, sends it, and does what the answer asks for. Never rejects.
 *
 * A batch that is dropped meanwhile, at a shutdown's deadline, is left alone from then on.
 */
export function createAttempt<P extends Parcel>(
  parts: AttemptParts<P>,
): (batch: Batch<P>) => Promise<void> {
  const { backlog, courier, pack, pace, grace, clock, giveUp } = parts;

  async function attempt(batch: Batch<P>): Promise<void> {
    backlog.open(batch);
    try {
      const parcel = batch.parcel ?? (await pack(batch));
      // A shadow may have had to give way meanwhile.
      if (parcel === undefined || !isUnsettled(batch)) return;
      const { failuresEver } = pace;
      const result = await courier.send(parcel, backlog.send(batch, parcel));
      if (isUnsettled(batch)) conclude(batch, result, failuresEver);
    } catch (error) {
      // Nothing above throws but by a bug, which must not become the application's unhandled rejection.
      if (isUnsettled(batch))
        backlog.drop(batch, 'refused', `a bug of signalbox: ${nameOf(error)}`);
    }
  }

  function conclude(batch: Batch<P>, result: SendResult, failuresEverAsSent: number): void {
    if (result.status === 'retryable') {
      retry(batch, result, failuresEverAsSent);
      return;
    }
    noteAnswer(parts);
    if (result.status === 'success') {
      const { message, rejectedSpans } = result;
      // With spans that were rejected, the log says it with their drop.
      if (message !== undefined && rejectedSpans === 0) {
        noteWarning(parts, message);
      }
      backlog.deliver(batch, result);
      return;
    }
    if (result.status === 'unauthorized') {
      grace.hold(batch, result);
      return;
    }
    batch.failure = result.failure;
    if (result.status === 'refused') backlog.drop(batch, 'refused');
    else if (batch.spans === 1) backlog.drop(batch, 'too_large');
    else backlog.split(batch);
  }

  function retry(batch: Batch<P>, result: Retryable, failuresEverAsSent: number): void {
    const { failure, retryAfterMs } = result;
    const nowMs = clock.now();
    batch.failures += 1;
    batch.failure = failure;
    batch.isUnanswered ||= mayHaveArrived(failure);
    const { failures } = batch;
    const failed = { failuresEverAsSent, nowMs, failures, retryAfterMs };
    const waitMs = noteFailure(parts, failed, failure);
    if (nowMs + waitMs >= (batch.retryUntilMs ?? nowMs)) giveUp(batch, 'retry_exhausted');
    else backlog.requeue(batch, nowMs + waitMs);
  }

  return attempt;
}

/** Failures before a connection was there, in Node's words, undici's and ours: nothing has been sent. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
  'no_api_key',
]);

/** Answers of a gateway that got none, or none that it could read: what stands behind it may have taken the request. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([502, 504]);

/** Whether the backend may have taken what it gave no answer to. */
function mayHaveArrived({ httpStatus, errorType }: SendFailure): boolean {
  return httpStatus === undefined ? !UNSENT.has(errorType) : GATEWAY_STATUSES.has(httpStatus);
}
