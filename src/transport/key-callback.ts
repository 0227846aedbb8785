import type { Log } from '../accounting/log.js';
import type { Cancel, Clock } from '../clock.js';
import { headerValueFault } from '../config/headers.js';
import type { CredentialsCallback, CredentialsRequest } from '../config/options.js';
import type { Backend } from '../config/resolved.js';
import { runDetached } from '../detached.js';
import { type ApiKey, createKeyInForce } from './api-key.js';
import { within } from './within.js';

/** First wait between two questions after a refusal; doubled up to the longest. */
const FIRST_GAP_MS = 1_000;
const MAX_GAP_MS = 30_000;

/** A key that was in use for as long may have expired: after its refusal is asked at once. */
const SETTLED_MS = 60_000;

/** What the API key of a callback depends on. */
export interface KeyCallbackParts {
  readonly backend: Pick<Backend, 'name' | 'timeoutMs' | 'authGraceMs'>;
  readonly callback: CredentialsCallback;
  readonly log: Pick<Log, 'warn'>;
  readonly clock: Clock;
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** Told of every key before it is used. */
  readonly onKey: (key: string) => void;
}

/**
 * Gets the API key from a function of the application: when the first request needs it, and again after a request
 * was refused with it. Then it is asked until it gives another key, or no batch waits for one any more.
 *
 * The first question after a refusal is put at once, further ones after waits that grow: a backend that refuses
 * every key must not have a vault asked in a loop.
 */
export function createKeyCallback(parts: KeyCallbackParts): ApiKey {
  const { backend, callback, log, clock, random, onKey } = parts;
  const inForce = createKeyInForce(undefined, onKey);
  let aborter: AbortController | undefined;
  let isClosed = false;
  let asking: Promise<void> | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let gapMs = 0;
  let cancelAsk: Cancel | undefined;
  let refusedKey: string | undefined;
  /** Until then somebody may wait for another key. */
  let wantedUntilMs = Number.NEGATIVE_INFINITY;

  function ask(): Promise<void> {
    asking ??= askOnce().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function askOnce(): Promise<void> {
    askedAtMs = clock.now();
    const own = new AbortController();
    aborter = own;
    const isRefused = refusedKey !== undefined && refusedKey === inForce.key;
    const request = { backend: backend.name, isRefused, signal: own.signal };
    try {
      const answer = await within(call(request), backend.timeoutMs, clock);
      if (isClosed) return;
      if (answer !== undefined) {
        take(answer.key);
      } else {
        own.abort();
        warn(`gave no key within ${backend.timeoutMs} ms`);
      }
    } catch (error) {
      // Its message may hold what it was refused with.
      warn(`failed (${error instanceof Error ? error.name : 'no error'})`);
    }
  }

  /** Makes a throw a rejection. */
  async function call(request: CredentialsRequest): Promise<{ readonly key: unknown }> {
    return { key: await runDetached(() => callback(request)) };
  }

  function take(answer: unknown): void {
    const key = typeof answer === 'string' ? answer.trim() : undefined;
    const fault = key === undefined ? { what: 'is no text' } : headerValueFault(key);
    if (key !== undefined && fault === undefined) inForce.replace(key);
    else warn(`gave a key that ${fault?.what}`);
  }

  function warn(what: string): void {
    if (isClosed) return;
    const rest = inForce.key === undefined ? 'its spans wait' : 'the last key is used';
    log.warn(
      `${backend.name} credentials ${what}`,
      `backend ${backend.name}: its credentials function ${what}; ${rest}`,
    );
  }

  /** Plans the next question, unless one is planned or under way. */
  function askLater(): void {
    if (cancelAsk !== undefined || asking !== undefined || isClosed) return;
    const nowMs = clock.now();
    if (nowMs - askedAtMs > SETTLED_MS) gapMs = 0;
    const waitMs = askedAtMs + gapMs * (0.5 + random() / 2) - nowMs;
    gapMs = Math.min(Math.max(gapMs * 2, FIRST_GAP_MS), MAX_GAP_MS);
    cancelAsk = clock.schedule(() => void askAgain(), Math.max(0, waitMs));
  }

  async function askAgain(): Promise<void> {
    cancelAsk = undefined;
    await ask();
    if (inForce.key === refusedKey && clock.now() < wantedUntilMs) askLater();
  }

  return {
    async get() {
      if (inForce.key === undefined && !isClosed) await ask();
      return inForce.key;
    },
    refused(key) {
      if (key === inForce.key) {
        refusedKey = key;
        wantedUntilMs = clock.now() + backend.authGraceMs;
        askLater();
      }
      return inForce.otherThan(key);
    },
    close() {
      isClosed = true;
      aborter?.abort();
      cancelAsk?.();
    },
  };
}
