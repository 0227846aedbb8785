import type { BackendLedger } from '../../accounting/ledger.js';
import type { Log } from '../../accounting/log.js';
import type { BackendDropReason } from '../../accounting/reasons.js';
import type { Clock } from '../../clock.js';
import type { WrittenBatch } from '../../config/may-replay.js';
import type { Backend } from '../../config/resolved.js';
import type { SendFailure, SendResult, Success, Unauthorized } from '../../transport/result.js';
import { countRejected, noteAnswer, noteFailure, noteRefusal, noteWarning } from '../answers.js';
import { nameOf } from '../pack.js';
import { createRenewalWatch } from '../renewal-watch.js';
import type { Body } from '../wire.js';
import { halveBody } from './body-halves.js';
import type { SpoolInside } from './spool.js';
import type { SpoolFile } from './spool-file.js';
import type { Store, StoredFile } from './store.js';

/** Sends what is on disk. */
export interface Replay {
  /** When the next file may be sent, on the monotonic clock; infinity while there is none, or one is under way. */
  readonly atMs: number;
  /** Sends the next file that may be sent; resolves to whether there was a request. Never rejects. */
  run(): Promise<boolean>;
  /** Sends no more; the one that is under way stays on disk. */
  stop(): void;
  /** Resolves when nothing is under way. Once it is stopped that takes as long as the disk does. */
  settled(): Promise<void>;
  /** Waits for the disk no longer: what is under way counts as on disk, as it was. */
  abandon(): void;
}

/** What files are sent with. */
export interface ReplayParts {
  readonly backend: Pick<Backend, 'name'>;
  readonly inside: SpoolInside<Body>;
  readonly store: Store;
  readonly mayReplay: (batch: WrittenBatch) => boolean;
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
/** How long a file waits where memory is short or where it can not be read, and all of them where every one has to. */
const WAIT_MS = 5_000;
/** How long a file waits after a refusal of the credentials, unless others come before. */
const REFUSED_WAIT_MS = 60_000;
/** Longest pause between two files that are refused so one after the other: all of them may have to wait. */
const MAX_REFUSED_PAUSE_MS = 1_000;

/**
 * Creates the replay of one exporter.
 *
 * The oldest file goes first, and one that was tried in vain goes behind those that were not: what a backend refuses
 * of one tenant, or can not digest, must not hold up the others for as long as files may wait.
 */
export function createReplay(parts: ReplayParts): Replay {
  const { backend, inside, store, mayReplay, ledger, log, clock } = parts;
  const { backlog, courier, pace } = inside;
  const told = { backend, backlog, pace, log };
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let running: Promise<boolean> | undefined;
  let isStopped = false;
  let failures = 0;
  let refusals = 0;
  /** The file that is on the wire, and how many of its spans the ledger still has there. */
  let out: { readonly stored: StoredFile; spans: number } | undefined;
  const aborter = new AbortController();
  let onStop = () => {};
  /** What each file that was refused for its credentials waits for. */
  const awaited = new WeakMap<StoredFile, Promise<void>>();
  const watch = createRenewalWatch((renewed) => {
    for (const stored of store.files) {
      if (awaited.get(stored) === renewed) stored.notBeforeMs = Number.NEGATIVE_INFINITY;
    }
    refusals = 0;
    notBeforeMs = clock.now();
    inside.onChange();
  });

  function pause(ms: number): void {
    notBeforeMs = clock.now() + ms;
  }

  function postpone(stored: StoredFile, ms: number): void {
    stored.notBeforeMs = clock.now() + ms;
  }

  /** Of the files that may be sent now the one that was tried the longest ago, or never, and of these the oldest. */
  function next(): StoredFile | undefined {
    let found: StoredFile | undefined;
    let beforeMs = clock.now();
    for (const stored of store.files) {
      const { notBeforeMs: atMs } = stored;
      const isNext = found === undefined ? atMs <= beforeMs : atMs < beforeMs;
      if (!isNext) continue;
      found = stored;
      beforeMs = atMs;
      if (atMs === Number.NEGATIVE_INFINITY) break;
    }
    return found;
  }

  function takeMemory({ bytes }: StoredFile): boolean {
    if (!backlog.account.take(bytes)) return false;
    backlog.account.pin(bytes);
    return true;
  }

  async function replay(stored: StoredFile): Promise<boolean> {
    const file = await store.read(stored);
    if (file === undefined) {
      // Unless it is gone, or set aside, it can not be read now.
      postpone(stored, WAIT_MS);
      return false;
    }
    if (isStopped) return false;
    // Where this throws the file stays, and is not sent: who can not say that it may go has not said so.
    if (!mayReplay(file)) {
      await store.setAside(stored, 'has spans of route keys that may not go to this backend today');
      return false;
    }
    await send(stored, file);
    return true;
  }

  async function send(stored: StoredFile, file: SpoolFile): Promise<void> {
    const { spans } = stored;
    const { failuresEver } = pace;
    const startedAtMs = clock.now();
    stored.isOut = true;
    out = { stored, spans };
    ledger.start(spans, stored.place);
    ledger.sendBytes(file.body.length);
    const result = await answer(file);
    const tookMs = clock.now() - startedAtMs;
    if (result === undefined) {
      ledger.endOperation(tookMs, 'aborted');
      putBack();
      return;
    }
    endOperation(result, tookMs);
    if (result.status === 'retryable') {
      putBack();
      failures += 1;
      const { failure, retryAfterMs } = result;
      const failed = {
        failuresEverAsSent: failuresEver,
        nowMs: clock.now(),
        failures,
        retryAfterMs,
      };
      const waitMs = noteFailure(told, failed, failure);
      pause(waitMs);
      postpone(stored, waitMs);
      return;
    }
    failures = 0;
    noteAnswer(told);
    pause(Math.max(PAUSE_MS, tookMs));
    if (result.status === 'unauthorized') {
      putBack();
      waitForCredentials(stored, result);
      return;
    }
    refusals = 0;
    if (result.status === 'success') deliver(stored, spans, result);
    else if (result.status === 'too_large' && spans > 1) {
      await split(stored, file, result.failure);
      return;
    } else {
      const { message, errorType } = result.failure;
      lose(stored, spans, result.status, message, errorType);
    }
    out = undefined;
    await store.remove(stored);
  }

  /** Its answer is not waited for once it is stopped: it may have come, and been lost. */
  function answer(file: SpoolFile): Promise<SendResult | undefined> {
    return new Promise((resolve, reject) => {
      onStop = () => resolve(undefined);
      courier.send(toBody(file), aborter.signal).then(resolve, reject);
    });
  }

  /** Here nothing is held: a file can wait for other credentials where it is, as long as any may wait. */
  function waitForCredentials(stored: StoredFile, { failure, renewed }: Unauthorized): void {
    noteRefusal(told, failure);
    postpone(stored, REFUSED_WAIT_MS);
    pause(Math.min(PAUSE_MS * 2 ** refusals, MAX_REFUSED_PAUSE_MS));
    refusals += 1;
    awaited.set(stored, renewed);
    watch(renewed);
  }

  function endOperation(result: SendResult, durationMs: number): void {
    if (result.status === 'success') {
      const errorType = result.rejectedSpans > 0 ? 'rejected' : undefined;
      ledger.endOperation(durationMs, errorType, result.httpStatus);
    } else {
      ledger.endOperation(durationMs, result.failure.errorType, result.failure.httpStatus);
    }
  }

  function deliver(stored: StoredFile, spans: number, result: Success): void {
    const { message } = result;
    const rejected = countRejected(spans, result);
    ledger.deliver(spans - rejected);
    if (stored.tally !== undefined) stored.tally.delivered += spans - rejected;
    if (rejected > 0) lose(stored, rejected, 'rejected', message, 'rejected');
    else if (message !== undefined) noteWarning(told, message);
  }

  function lose(
    { tally }: StoredFile,
    spans: number,
    reason: BackendDropReason,
    message: string | undefined,
    errorType: string,
  ): void {
    ledger.drop(reason, spans, 'inFlight', message, errorType);
    if (tally !== undefined) tally.dropped += spans;
  }

  /** An attempt has come to nothing: the file is there as before, unless another process has taken it. */
  function putBack(): void {
    if (out === undefined) return;
    const { stored, spans } = out;
    out = undefined;
    stored.isOut = false;
    stored.place = 'spooledAttempted';
    // Fewer than the file has where some of them are in a smaller one by now.
    stored.spans = spans;
    if (store.has(stored)) {
      ledger.spool(spans, 'inFlight');
      return;
    }
    ledger.moveOut(spans, 'inFlight');
    if (stored.tally !== undefined) stored.tally.movedOut += spans;
  }

  /** Puts two smaller files in the place of one that is too large. */
  async function split(stored: StoredFile, file: SpoolFile, failure: SendFailure): Promise<void> {
    const { body: _, ...header } = file;
    for (const { body, spans } of (await halveBody(file)) ?? []) {
      const onWritten = () => {
        if (out === undefined) return undefined;
        out.spans -= spans;
        ledger.spool(spans, 'inFlight');
        return 'spooledAttempted' as const;
      };
      await store.write({ ...header, spans }, [body], onWritten, stored.tally);
    }
    // It was abandoned, and is on disk as a whole.
    if (out === undefined) return;
    const left = out.spans;
    out = undefined;
    // What the disk did not take is lost: the request can not be sent as it is.
    if (left > 0) lose(stored, left, 'too_large', failure.message, failure.errorType);
    await store.remove(stored);
  }

  async function runOne(stored: StoredFile): Promise<boolean> {
    try {
      return await replay(stored);
    } catch (error) {
      // Nothing above throws but by a bug, which must not become the application's unhandled rejection.
      log.once(
        `${backend.name} replay`,
        `replaying failed, which is a bug of signalbox: ${nameOf(error)}`,
      );
      putBack();
      postpone(stored, WAIT_MS);
      return true;
    } finally {
      running = undefined;
      backlog.account.unpin(stored.bytes);
      backlog.account.give(stored.bytes);
    }
  }

  return {
    get atMs() {
      if (isStopped || running !== undefined || store.files.length === 0)
        return Number.POSITIVE_INFINITY;
      // New spans first: while they fail, or are more than can be sent, files wait.
      const isFailing = backlog.batches.some((batch) => batch.failures > 0);
      return isFailing || backlog.isPressed ? Number.POSITIVE_INFINITY : notBeforeMs;
    },
    async run() {
      const stored = next();
      if (stored === undefined) {
        pause(WAIT_MS);
        return false;
      }
      pause(PAUSE_MS);
      if (!takeMemory(stored)) {
        postpone(stored, WAIT_MS);
        return false;
      }
      running = runOne(stored);
      return running;
    },
    stop() {
      isStopped = true;
      aborter.abort();
      onStop();
    },
    async settled() {
      await running;
    },
    abandon: putBack,
  };
}

function toBody({ body, spans, parent, contentType, contentEncoding }: SpoolFile): Body {
  const isCompressed = contentEncoding === 'gzip';
  return { parts: [body], bytes: body.length, isCompressed, spans, parent, contentType };
}
