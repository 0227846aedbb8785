import { describe, expect, it } from 'vitest';
import type { CredentialsCallback, CredentialsRequest } from '../../src/config/options.js';
import { createKeyCallback } from '../../src/transport/key-callback.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const TIMEOUT_MS = 10_000;
const GRACE_MS = 300_000;

/** A key from a function, on a fake clock. */
function createSubject(callback: CredentialsCallback) {
  const clock = createFakeClock();
  const lines: string[] = [];
  const keys: string[] = [];
  const requests: CredentialsRequest[] = [];
  const askedAtMs: number[] = [];
  const apiKey = createKeyCallback({
    backend: { name: 'a', timeoutMs: TIMEOUT_MS, authGraceMs: GRACE_MS },
    callback(request) {
      requests.push(request);
      askedAtMs.push(clock.now());
      return callback(request);
    },
    log: { warn: (_key, message) => lines.push(message) },
    clock,
    random: () => 1,
    onKey: (key) => keys.push(key),
  });
  return { apiKey, clock, lines, keys, requests, askedAtMs };
}

/** Gives these answers in turn, and then the last one for ever. */
function answers(...given: readonly (string | Error)[]): CredentialsCallback {
  let index = 0;
  return async () => {
    const answer = given[Math.min(index, given.length - 1)] ?? '';
    index += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

function track(promise: Promise<unknown>): { isDone: boolean } {
  const tracked = { isDone: false };
  void promise.then(() => {
    tracked.isDone = true;
  });
  return tracked;
}

describe('a credentials function', () => {
  it('is asked when the first request needs it, once for all that do', async () => {
    const { apiKey, requests, keys } = createSubject(answers(' key-one\n'));
    expect(requests).toEqual([]);
    const got = await Promise.all([apiKey.get(), apiKey.get()]);
    expect([...got, await apiKey.get()]).toEqual(['key-one', 'key-one', 'key-one']);
    expect(requests).toMatchObject([{ backend: 'a', isRefused: false }]);
    expect(keys).toEqual(['key-one']);
  });

  it('may answer at once', async () => {
    const { apiKey } = createSubject(() => 'key-one');
    expect(await apiKey.get()).toBe('key-one');
  });

  it('is asked again after a refusal, once for all batches that were refused', async () => {
    const { apiKey, clock, requests } = createSubject(answers('key-one', 'key-two'));
    await apiKey.get();
    const waits = [apiKey.refused('key-one'), apiKey.refused('key-one')].map(track);
    await clock.advance(0);
    expect(waits).toEqual([{ isDone: true }, { isDone: true }]);
    expect(await apiKey.get()).toBe('key-two');
    expect(requests.map(({ isRefused }) => isRefused)).toEqual([false, true]);
    expect(clock.pending).toBe(0);
  });

  it('is not asked for a key that is not in force any more', async () => {
    const { apiKey, clock, requests } = createSubject(answers('key-one', 'key-two'));
    await apiKey.get();
    void apiKey.refused('key-one');
    await clock.advance(0);
    await apiKey.refused('key-one');
    await clock.advance(60_000);
    expect(requests).toHaveLength(2);
  });

  it('is asked at once for a key that has been good for a while, and then after growing waits', async () => {
    const { apiKey, clock, askedAtMs } = createSubject(answers('key-one'));
    await apiKey.get();
    await clock.advance(3_600_000);
    void apiKey.refused('key-one');
    await clock.advance(GRACE_MS * 2);
    const [, ...again] = askedAtMs.map((atMs) => (atMs - 3_600_000) / 1_000);
    expect(again.slice(0, 8)).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
    // Nobody waits for longer than the grace.
    expect(again.at(-1)).toBeLessThanOrEqual((GRACE_MS + 30_000) / 1_000);
    expect(clock.pending).toBe(0);
  });

  it('that gives a new key each time, all refused, is asked after growing waits too', async () => {
    let asked = 0;
    const { apiKey, clock } = createSubject(() => {
      asked += 1;
      return `key-${asked}`;
    });
    for (let key = await apiKey.get(); clock.now() < 300_000; key = await apiKey.get()) {
      void apiKey.refused(key ?? '');
      await clock.advance(1_000);
    }
    expect(asked).toBeLessThan(20);
  });

  it('leaves the key it gave in use where it fails', async () => {
    const secret = new TypeError('secret');
    const { apiKey, clock, lines } = createSubject(answers('key-one', secret, 'key-two'));
    await apiKey.get();
    const renewed = track(apiKey.refused('key-one'));
    await clock.advance(0);
    expect(await apiKey.get()).toBe('key-one');
    expect(renewed.isDone).toBe(false);
    expect(lines).toEqual([
      'backend a: its credentials function failed (TypeError); the last key is used',
    ]);
    await clock.advance(1_000);
    expect(renewed.isDone).toBe(true);
    expect(await apiKey.get()).toBe('key-two');
  });

  it.each<{ what: string; callback: CredentialsCallback; line: string }>([
    {
      what: 'throws',
      callback: () => {
        throw new TypeError('secret');
      },
      line: 'failed (TypeError)',
    },
    {
      what: 'rejects with no error',
      callback: () => Promise.reject('secret'),
      line: 'failed (no error)',
    },
    { what: 'gives nothing', callback: () => '', line: 'gave a key that is empty' },
    {
      what: 'gives two lines',
      callback: () => 'secret\nsecret',
      line: 'gave a key that has characters that no header can carry',
    },
    {
      what: 'gives no text',
      // A caller without types may.
      callback: (() => undefined) as unknown as CredentialsCallback,
      line: 'gave a key that is no text',
    },
  ])('that $what gives no key, and is asked again by the next request', async (each) => {
    const { apiKey, lines, requests } = createSubject(each.callback);
    expect(await apiKey.get()).toBeUndefined();
    expect(await apiKey.get()).toBeUndefined();
    expect(requests).toHaveLength(2);
    expect(lines[0]).toBe(`backend a: its credentials function ${each.line}; its spans wait`);
    expect(lines.join()).not.toContain('secret');
  });

  it('that is too slow gives no key, and is told that nobody waits', async () => {
    const late = createResolvers();
    const { apiKey, clock, lines, requests } = createSubject(() => late.promise);
    const got = apiKey.get();
    await clock.advance(TIMEOUT_MS);
    expect(await got).toBeUndefined();
    expect(requests[0]?.signal.aborted).toBe(true);
    expect(lines).toEqual([
      'backend a: its credentials function gave no key within 10000 ms; its spans wait',
    ]);
    late.resolve('key-one');
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  it('may still fail when nobody waits any more', async () => {
    let fail: (reason: Error) => void = () => {};
    const { apiKey, clock, lines } = createSubject(
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    );
    const got = apiKey.get();
    await clock.advance(TIMEOUT_MS);
    await got;
    fail(new Error('secret'));
    await clock.advance(0);
    expect(lines).toHaveLength(1);
  });

  it('is asked no more once its backend is closed, and is told so', async () => {
    const { apiKey, clock, requests, lines } = createSubject(() => new Promise(() => {}));
    void apiKey.get();
    apiKey.close();
    expect(requests[0]?.signal.aborted).toBe(true);
    await clock.advance(60_000);
    expect(await apiKey.get()).toBeUndefined();
    expect([requests.length, lines.length, clock.pending]).toEqual([1, 0, 0]);
  });
});

function createResolvers(): { promise: Promise<string>; resolve: (value: string) => void } {
  let resolve: (value: string) => void = () => {};
  const promise = new Promise<string>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
