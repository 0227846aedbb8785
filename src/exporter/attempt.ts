import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { MessageTooLarge } from '../encoding/chunks.js';
import type { Retryable, SendResult } from '../transport/result.js';
import type { Backlog } from './backlog.js';
import type { Batch } from './batch.js';
import type { Courier, Parcel } from './courier.js';
import type { Grace } from './grace.js';
import type { Pace } from './pace.js';
import { createResourceWait } from './resource-attributes.js';

/** What an attempt is made with: all of one exporter. */
export interface AttemptParts<P extends Parcel> {
  readonly backend: Pick<Backend, 'name' | 'maxExportBatchBytes' | 'timeoutMs'>;
  readonly backlog: Backlog<P>;
  readonly courier: Courier<P>;
  readonly pace: Pace;
  readonly grace: Pick<Grace<P>, 'hold'>;
  readonly log: Log;
  readonly clock: Clock;
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
  const { backend, backlog, courier, pace, grace, log, clock } = parts;
  const waitForResources = createResourceWait(clock, backend.timeoutMs);

  async function attempt(batch: Batch<P>): Promise<void> {
    backlog.open(batch);
    try {
      const parcel = batch.parcel ?? (await pack(batch));
      if (parcel === undefined) return;
      const { failuresEver } = pace;
      const result = await courier.send(parcel, backlog.send(batch, parcel));
      if (isUnsettled(batch)) conclude(batch, result, failuresEver);
    } catch (error) {
      // Nothing above throws but by a bug, which must not become the application's unhandled rejection.
      if (isUnsettled(batch))
        backlog.drop(batch, 'refused', `a bug of signalbox: ${nameOf(error)}`);
    }
  }

  /** The batch's body; `undefined` if the batch does not travel, or not as it is. */
  async function pack(batch: Batch<P>): Promise<P | undefined> {
    const waiting = waitForResources(batch.runs.map(({ resource }) => resource));
    if (waiting !== undefined) await waiting;
    if (!isUnsettled(batch)) return undefined;
    const isOne = batch.spans === 1;
    const packed = courier.pack(batch.runs);
    if (packed instanceof Error) {
      // One span spoils the others' request: halving finds it in a few steps.
      if (isOne) backlog.drop(batch, reasonOf(packed), nameOf(packed));
      else backlog.split(batch);
      return undefined;
    }
    backlog.pack(batch, packed);
    const { parcel } = packed;
    if (parcel.bytes > backend.maxExportBatchBytes && !isOne) {
      backlog.split(batch);
      return undefined;
    }
    const compressed = await courier.compress(parcel);
    if (!isUnsettled(batch)) return undefined;
    backlog.repack(batch, compressed);
    return compressed;
  }

  function conclude(batch: Batch<P>, result: SendResult, failuresEverAsSent: number): void {
    if (result.status === 'retryable') {
      retry(batch, result, failuresEverAsSent);
      return;
    }
    if (pace.answered()) {
      log.warn(`${backend.name} up`, `backend ${backend.name} is up again`);
      // What waited for the backend to come back goes at once.
      for (const waiting of backlog.batches) waiting.notBeforeMs = Number.NEGATIVE_INFINITY;
    }
    if (result.status === 'success') {
      const { message, rejectedSpans } = result;
      // With spans that were rejected, the log says it with their drop.
      if (message !== undefined && rejectedSpans === 0) {
        log.warn(`${backend.name} message`, `backend ${backend.name} warns: ${message}`);
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
    const wasDown = pace.isDown;
    batch.failures += 1;
    batch.failure = failure;
    const { failures } = batch;
    const waitMs = pace.failed({ failuresEverAsSent, nowMs, failures, retryAfterMs });
    if (pace.isDown && !wasDown) {
      log.warn(
        `${backend.name} down`,
        `backend ${backend.name} is down (${failure.message}): its spans wait while it is probed`,
      );
    }
    if (nowMs + waitMs >= (batch.retryUntilMs ?? nowMs)) backlog.drop(batch, 'retry_exhausted');
    else backlog.requeue(batch, nowMs + waitMs);
  }

  return attempt;
}

function isUnsettled({ state }: Batch<Parcel>): boolean {
  return state !== 'settled';
}

/** Why a span that can not be encoded is dropped. */
export function reasonOf(error: Error): 'too_large' | 'encode_error' {
  return error instanceof MessageTooLarge ? 'too_large' : 'encode_error';
}

/** A message of an error that the application's own values caused may quote them. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}
