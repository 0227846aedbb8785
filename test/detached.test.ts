import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createController, FakeDispatcher } from './transport/fake-dispatcher.js';
import { createRequest, useServers } from './transport/servers.js';

const open = useServers();

const store = new AsyncLocalStorage<string>();
const KEY = createContextKey('a key of the request');

/** What code that runs now can see of the request. */
const look = () => ({
  store: store.getStore(),
  value: context.active().getValue(KEY),
  suppressed: isTracingSuppressed(context.active()),
});
const NOTHING = { store: undefined, value: undefined, suppressed: true };

const inRequest = <T>(fn: () => T): T =>
  store.run('tenant-a', () => context.with(ROOT_CONTEXT.setValue(KEY, 'tenant-a'), fn));

describe('a send from within a request', () => {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => {
    context.disable();
  });

  it('shows the dispatcher nothing of it, and suppresses tracing', async () => {
    const seen: unknown[] = [];
    const dispatcher = new FakeDispatcher((_, handler) => {
      seen.push(look());
      const controller = createController();
      handler.onResponseStart?.(controller, 200, {});
      handler.onResponseEnd?.(controller, {});
      return true;
    });
    const transport = open.transport('http://backend.test/', {
      delivery: { kind: 'signalbox', dispatcher },
    });

    const after = await inRequest(async () => {
      await transport.send(createRequest());
      return look();
    });

    expect(seen).toEqual([NOTHING]);
    expect(after).toEqual({ store: 'tenant-a', value: 'tenant-a', suppressed: false });
  });

  it('opens connections and writes requests outside of it', async () => {
    const seen: Record<string, unknown[]> = {};
    const names = [
      'undici:client:beforeConnect',
      'undici:client:connected',
      'undici:request:create',
      'undici:client:sendHeaders',
      'undici:request:headers',
    ];
    const listeners = names.map((name) => {
      seen[name] = [];
      const listener = (): void => {
        seen[name]?.push(look());
      };
      subscribe(name, listener);
      return () => unsubscribe(name, listener);
    });
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      maxConcurrentExports: 1,
    });

    await inRequest(() =>
      Promise.all([transport.send(createRequest()), transport.send(createRequest())]),
    );
    for (const stop of listeners) stop();

    const once = [NOTHING];
    const twice = [NOTHING, NOTHING];
    expect(seen).toEqual({
      'undici:client:beforeConnect': once,
      'undici:client:connected': once,
      'undici:request:create': twice,
      'undici:client:sendHeaders': twice,
      'undici:request:headers': twice,
    });
  });
});
