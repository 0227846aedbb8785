import type { Log } from '../accounting/log.js';
import type { Backend } from '../config/resolved.js';
import type { SendFailure, Success } from '../transport/result.js';
import type { Backlog } from './backlog.js';
import type { Parcel } from './courier.js';
import type { FailedAttempt, Pace } from './pace.js';

/** Who is told of a backend's answers, whatever was sent: a batch, or a file of its spool. */
export interface Told<P extends Parcel> {
  readonly backend: Pick<Backend, 'name'>;
  readonly backlog: Pick<Backlog<P>, 'batches'>;
  readonly pace: Pace;
  readonly log: Pick<Log, 'warn'>;
}

/** The backend has answered, be it to refuse. */
export function noteAnswer<P extends Parcel>({ backend, backlog, pace, log }: Told<P>): void {
  if (!pace.answered()) return;
  log.warn(`${backend.name} up`, `backend ${backend.name} is up again`);
  // What waited for the backend to come back goes at once.
  for (const waiting of backlog.batches) waiting.notBeforeMs = Number.NEGATIVE_INFINITY;
}

/** An attempt has failed in a way that may pass; returns how long to wait, in milliseconds. */
export function noteFailure<P extends Parcel>(
  { backend, pace, log }: Told<P>,
  attempt: FailedAttempt,
  failure: SendFailure,
): number {
  const wasDown = pace.isDown;
  const waitMs = pace.failed(attempt);
  if (pace.isDown && !wasDown) {
    log.warn(
      `${backend.name} down`,
      `backend ${backend.name} is down (${failure.message}): its spans wait while it is probed`,
    );
  }
  return waitMs;
}

/** The backend has refused the credentials, and what it refused waits for others. */
export function noteRefusal(
  { backend, log }: Pick<Told<Parcel>, 'backend' | 'log'>,
  failure: SendFailure,
): void {
  log.warn(
    `${backend.name} credentials refused`,
    `backend ${backend.name} refuses its credentials (${failure.message}): what it refuses waits for others`,
  );
}

/** The backend has taken everything, and says something all the same. */
export function noteWarning(
  { backend, log }: Pick<Told<Parcel>, 'backend' | 'log'>,
  message: string,
): void {
  log.warn(`${backend.name} message`, `backend ${backend.name} warns: ${message}`);
}

/** How many spans were rejected: a backend that claims more than it was sent has rejected all of it. */
export function countRejected(spans: number, { rejectedSpans }: Success): number {
  return Math.min(Math.max(rejectedSpans, 0), spans);
}
