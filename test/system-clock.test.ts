import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { context, createContextKey, diag, ROOT_CONTEXT } from '@opentelemetry/api';
import * as contextManagers from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Clock } from '../src/clock.js';
import { createSystemClock } from '../src/system-clock.js';

const { AsyncLocalStorageContextManager, AsyncHooksContextManager } = contextManagers;
// Version 3 has the first alone.
const installed = [AsyncLocalStorageContextManager, AsyncHooksContextManager].filter(
  (each) => each !== undefined,
);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const key = createContextKey('request');

/** Holds on to nothing, as a function that is made inside a test would. */
function nothing(): void {}

beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterEach(() => {
  context.disable();
});

/** What `read` gives when it is scheduled: after all that was scheduled before with the same delay. */
function scheduled<T>(clock: Clock, delayMs: number, read: () => T): Promise<T> {
  return new Promise((resolve) => {
    clock.schedule(() => resolve(read()), delayMs, true);
  });
}

/** Lets go of what only this turn of the event loop holds, then collects. */
async function collected(reference: WeakRef<object>): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  return reference.deref() === undefined;
}

describe.each([0, 1])('what is scheduled in %i ms', (delayMs) => {
  it('runs once, and not before the caller has gone on', async () => {
    const clock = createSystemClock();
    const events: string[] = [];
    const ran = scheduled(clock, delayMs, () => events.push('ran'));
    events.push('scheduled');
    await ran;
    expect(events).toEqual(['scheduled', 'ran']);
  });

  it('does not run once it is cancelled, however often that is', async () => {
    const clock = createSystemClock();
    let ran = false;
    const cancel = clock.schedule(() => {
      ran = true;
    }, delayMs);
    cancel();
    cancel();
    await scheduled(clock, delayMs, () => {});
    cancel();
    expect(ran).toBe(false);
  });

  it("sees no store of its caller's, and the root context with tracing suppressed", async () => {
    const clock = createSystemClock();
    const storage = new AsyncLocalStorage<string>();
    const active = ROOT_CONTEXT.setValue(key, 'value');
    const seen = await storage.run('store', () =>
      context.with(active, () =>
        scheduled(clock, delayMs, () => ({
          store: storage.getStore(),
          value: context.active().getValue(key),
          isSuppressed: isTracingSuppressed(context.active()),
        })),
      ),
    );
    expect(seen).toEqual({ store: undefined, value: undefined, isSuppressed: true });
  });

  it('hands nothing of its caller on to what it starts itself', async () => {
    const clock = createSystemClock();
    const storage = new AsyncLocalStorage<string>();
    const seen = await storage.run(
      'store',
      () =>
        new Promise((resolve) => {
          clock.schedule(
            async () => {
              await new Promise((done) => setTimeout(done, 1));
              resolve([storage.getStore(), isTracingSuppressed(context.active())]);
            },
            delayMs,
            true,
          );
        }),
    );
    expect(seen).toEqual([undefined, true]);
  });

  it('is suppressed also by a context manager that was registered since', async () => {
    context.disable();
    const clock = createSystemClock();
    const seen = scheduled(clock, delayMs, () => isTracingSuppressed(context.active()));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(await seen).toBe(true);
  });

  it('leaves the context of its caller as it was', () => {
    const clock = createSystemClock();
    const storage = new AsyncLocalStorage<string>();
    const active = ROOT_CONTEXT.setValue(key, 'value');
    storage.run('store', () =>
      context.with(active, () => {
        clock.schedule(() => {}, delayMs)();
        expect(storage.getStore()).toBe('store');
        expect(context.active()).toBe(active);
      }),
    );
  });

  it('logs a throw, and the process goes on', async () => {
    const errors: unknown[] = [];
    const ignore = () => {};
    diag.setLogger({
      error: (_message, error) => errors.push(error),
      warn: ignore,
      info: ignore,
      debug: ignore,
      verbose: ignore,
    });
    onTestFinished(() => diag.disable());
    const clock = createSystemClock();
    const error = new Error('bug');
    clock.schedule(() => {
      throw error;
    }, delayMs);
    clock.schedule(() => {
      throw 'text';
    }, delayMs);
    await scheduled(clock, delayMs, () => {});
    expect(errors).toEqual([error, { thrown: 'text' }]);
  });
});

describe('a timer', () => {
  it.each(installed)(
    "does not keep its caller's stores alive, under %o",
    async (ContextManager) => {
      context.disable();
      context.setGlobalContextManager(new ContextManager().enable());
      const clock = createSystemClock();
      const storage = new AsyncLocalStorage<object>();
      function schedule(start: (fn: () => void) => () => void): [WeakRef<object>, () => void] {
        const store = { request: 1 };
        const active = ROOT_CONTEXT.setValue(key, store);
        const cancel = storage.run(store, () => context.with(active, () => start(nothing)));
        return [new WeakRef(store), cancel];
      }
      const [attached, cancelAttached] = schedule((fn) => {
        const timeout = setTimeout(fn, 60_000);
        return () => clearTimeout(timeout);
      });
      const [detached, cancelDetached] = schedule((fn) => clock.schedule(fn, 60_000));
      // The first shows that the second can fail.
      expect(await collected(attached)).toBe(false);
      expect(await collected(detached)).toBe(true);
      cancelAttached();
      cancelDetached();
    },
  );

  it('waits as long as it can where its delay is longer than Node takes', async () => {
    const clock = createSystemClock();
    let ran = false;
    const cancel = clock.schedule(() => {
      ran = true;
    }, 2 ** 40);
    await scheduled(clock, 5, () => {});
    cancel();
    expect(ran).toBe(false);
  });

  const resources = () =>
    process.getActiveResourcesInfo().filter((name) => ['Timeout', 'Immediate'].includes(name));

  it('keeps the process alive only where that is asked for', () => {
    const clock = createSystemClock();
    const before = resources().length;
    const cancelWeak = clock.schedule(() => {}, 60_000);
    expect(resources()).toHaveLength(before);
    const cancelStrong = clock.schedule(() => {}, 60_000, true);
    expect(resources()).toHaveLength(before + 1);
    cancelWeak();
    cancelStrong();
    expect(resources()).toHaveLength(before);
  });

  it('of 0 ms keeps the event loop from sleeping over it', () => {
    const clock = createSystemClock();
    const before = resources().length;
    const cancel = clock.schedule(() => {}, 0);
    expect(resources()).toHaveLength(before + 1);
    cancel();
    expect(resources()).toHaveLength(before);
  });
});

describe('the time', () => {
  it('is monotonic for durations and of the calendar for people', () => {
    const clock = createSystemClock();
    const first = clock.now();
    expect(clock.now()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(clock.epochMs() - Date.now())).toBeLessThan(60_000);
  });
});
