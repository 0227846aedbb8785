import type { BackendLedger } from '../../accounting/ledger.js';
import type { Log } from '../../accounting/log.js';
import type { Clock } from '../../clock.js';
import type { Backend } from '../../config/resolved.js';
import type { SendFailure, SendResult, Success, Unauthorized } from '../../transport/result.js';
import { noteAnswer, noteFailure } from '../attempt.js';
import { nameOf } from '../pack.js';
import type { Body } from '../wire.js';
import { halveBody } from './body-halves.js';
import type { SpoolInside } from './spool.js';
import type { SpoolFile } from './spool-file.js';
import type { Store, StoredFile } from './store.js';

/** Sends what is on disk. */
export interface Replay {
  /** When the next file may be sent, on the monotonic clock; infinity while there is none, or one is under way. */
  readonly atMs: number;
  /** Sends the oldest file that may be sent; resolves to whether there was a request. Never rejects. */
  run(): Promise<boolean>;
  /** Sends no more; the one that is under way stays on disk. */
  stop(): void;
}

/** What files are sent with. */
export interface ReplayParts {
  readonly backend: Pick<Backend, 'name'>;
  readonly inside: SpoolInside<Body>;
  readonly store: Store;
  readonly mayReplay: (routeKeys: readonly string[]) => boolean;
  readonly ledger: BackendLedger;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Shortest pause between two files: 20 a second, some 10,000 spans, come on top of the traffic of a backend that
 * has just recovered. And no shorter than the last one took, so that replaying takes half of a backend's time
 * at the most.
 */
const PAUSE_MS = 50;
/** How long is waited where memory is short, where the disk can not be read, or where every file is held back. */
const WAIT_MS = 5_000;
/** How long is waited after a refusal of the credentials, unless others come before. */
const REFUSED_WAIT_MS = 60_000;

/** Creates the replay of one exporter. */
export function createReplay(parts: ReplayParts): Replay {
  const { backend, inside, store, ledger, log, clock } = parts;
  const { backlog, courier, pace } = inside;
  const health = { backend, backlog, pace, log };
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let isRunning = false;
  let isStopped = false;
  let failures = 0;
  const aborter = new AbortController();
  const stopped = new Promise<undefined>((resolve) => {
    aborter.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });

  function mayReplay(routeKeys: readonly string[] | undefined): boolean {
    try {
      // Those of a file that was adopted are known when it has been read.
      return routeKeys === undefined || parts.mayReplay(routeKeys);
    } catch {
      // Who may not say that it may go, has not said so.
      return false;
    }
  }

  function pause(ms: number): void {
    notBeforeMs = clock.now() + ms;
  }

  function takeMemory({ bytes }: StoredFile): boolean {
    if (!backlog.account.take(bytes)) return false;
    backlog.account.pin(bytes);
    return true;
  }

  async function replay(stored: StoredFile): Promise<boolean> {
    const file = await store.read(stored);
    if (file === undefined) {
      // Where it is gone, or set aside, the next one may go; where the disk fails it is left alone.
      pause(store.has(stored) ? WAIT_MS : PAUSE_MS);
      return false;
    }
    stored.routeKeys = file.routeKeys;
    if (isStopped || !mayReplay(file.routeKeys)) return false;
    await send(stored, file);
    return true;
  }

  async function send(stored: StoredFile, file: SpoolFile): Promise<void> {
    const { spans } = stored;
    const { failuresEver } = pace;
    const startedAtMs = clock.now();
    stored.isOut = true;
    ledger.start(spans, stored.place);
    ledger.sendBytes(file.body.length);
    // Its answer is not waited for once it is stopped: it may have come, and been lost.
    const result = await Promise.race([courier.send(toBody(file), aborter.signal), stopped]);
    const tookMs = clock.now() - startedAtMs;
    if (result === undefined) {
      ledger.endOperation(tookMs, 'aborted');
      putBack(stored);
      return;
    }
    endOperation(result, tookMs);
    if (result.status === 'retryable') {
      putBack(stored);
      failures += 1;
      const { failure, retryAfterMs } = result;
      const failed = {
        failuresEverAsSent: failuresEver,
        nowMs: clock.now(),
        failures,
        retryAfterMs,
      };
      pause(noteFailure(health, failed, failure));
      return;
    }
    failures = 0;
    noteAnswer(health);
    pause(Math.max(PAUSE_MS, tookMs));
    if (result.status === 'unauthorized') {
      putBack(stored);
      waitForCredentials(result);
      return;
    }
    if (result.status === 'success') deliver(spans, result);
    else if (result.status === 'too_large' && spans > 1) {
      await split(stored, file, result.failure);
      return;
    } else {
      const { message, errorType } = result.failure;
      ledger.drop(result.status, spans, 'inFlight', message, errorType);
    }
    await store.remove(stored);
  }

  /** Here nothing is held: a file can wait for other credentials where it is, as long as any may wait. */
  function waitForCredentials({ failure, renewed }: Unauthorized): void {
    log.warn(
      `${backend.name} credentials refused`,
      `backend ${backend.name} refuses its credentials (${failure.message}): what it refuses waits for others`,
    );
    pause(REFUSED_WAIT_MS);
    void renewed.then(() => {
      notBeforeMs = clock.now();
      inside.onChange();
    });
  }

  function endOperation(result: SendResult, durationMs: number): void {
    if (result.status === 'success') {
      const errorType = result.rejectedSpans > 0 ? 'rejected' : undefined;
      ledger.endOperation(durationMs, errorType, result.httpStatus);
    } else {
      ledger.endOperation(durationMs, result.failure.errorType, result.failure.httpStatus);
    }
  }

  function deliver(spans: number, { rejectedSpans, message }: Success): void {
    // A backend that claims to have rejected more than it was sent has rejected all of it.
    const rejected = Math.min(Math.max(rejectedSpans, 0), spans);
    ledger.deliver(spans - rejected);
    if (rejected > 0) ledger.drop('rejected', rejected, 'inFlight', message, 'rejected');
    else if (message !== undefined) {
      log.warn(`${backend.name} message`, `backend ${backend.name} warns: ${message}`);
    }
  }

  /** An attempt has come to nothing: the file is there as before, unless another process has taken it. */
  function putBack(stored: StoredFile): void {
    stored.isOut = false;
    stored.place = 'spooledAttempted';
    if (store.has(stored)) ledger.spool(stored.spans, 'inFlight');
    else ledger.moveOut(stored.spans, 'inFlight');
  }

  /** Puts two smaller files in the place of one that is too large. */
  async function split(stored: StoredFile, file: SpoolFile, failure: SendFailure): Promise<void> {
    const halves = await halveBody(file);
    if (halves === undefined) {
      ledger.drop('too_large', stored.spans, 'inFlight', failure.message, failure.errorType);
      await store.remove(stored);
      return;
    }
    const written: StoredFile[] = [];
    for (const { body, spans } of halves) {
      const half = await store.write({ ...file, spans }, [body], () => {
        ledger.spool(spans, 'inFlight');
        return 'spooledAttempted';
      });
      if (half !== undefined) written.push(half);
    }
    const left = stored.spans - written.reduce((sum, { spans }) => sum + spans, 0);
    // What the disk did not take is lost: the request can not be sent as it is.
    if (left > 0) ledger.drop('too_large', left, 'inFlight', failure.message, failure.errorType);
    await store.remove(stored);
  }

  return {
    get atMs() {
      if (isStopped || isRunning || store.files.length === 0) return Number.POSITIVE_INFINITY;
      // New spans first: while they fail, or are more than can be sent, files wait.
      const isFailing = backlog.batches.some((batch) => batch.failures > 0);
      return isFailing || backlog.isPressed ? Number.POSITIVE_INFINITY : notBeforeMs;
    },
    async run() {
      const stored = store.files.find(({ routeKeys }) => mayReplay(routeKeys));
      if (stored === undefined || !takeMemory(stored)) {
        pause(WAIT_MS);
        return false;
      }
      isRunning = true;
      pause(PAUSE_MS);
      try {
        return await replay(stored);
      } catch (error) {
        // Nothing above throws but by a bug, which must not become the application's unhandled rejection.
        log.once(
          `${backend.name} replay`,
          `replaying failed, which is a bug of signalbox: ${nameOf(error)}`,
        );
        pause(WAIT_MS);
        return true;
      } finally {
        isRunning = false;
        backlog.account.unpin(stored.bytes);
        backlog.account.give(stored.bytes);
      }
    },
    stop() {
      isStopped = true;
      aborter.abort();
    },
  };
}

function toBody({ body, spans, contentType, contentEncoding }: SpoolFile): Body {
  const isCompressed = contentEncoding === 'gzip';
  return { parts: [body], bytes: body.length, isCompressed, spans, contentType };
}
