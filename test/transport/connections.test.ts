import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createController, FakeDispatcher } from './fake-dispatcher.js';
import { createRequest, useServers } from './servers.js';

const open = useServers();

describe('connections', () => {
  it('are not opened before the first request', async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    // The server would be told of an earlier connection before this later one.
    await open.transport(`http://127.0.0.1:${server.port}/`).send(createRequest());
    expect(server.sockets).toHaveLength(1);

    await transport.send(createRequest());
    expect(server.sockets).toHaveLength(2);
  });

  it('are kept for the next request, whatever the answer', async () => {
    const statuses = [200, 503, 400, 200];
    const server = await open.http((_, response) => {
      response.writeHead(statuses[server.requests.length - 1] ?? 200).end('some words');
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    for (const _ of statuses) await transport.send(createRequest());

    expect(server.requests).toHaveLength(4);
    expect(server.sockets).toHaveLength(1);
  });

  it('are as many as there are requests at once, up to the limit', async () => {
    const held: ServerResponse[] = [];
    const server = await open.http((_, response) => {
      held.push(response);
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      maxConcurrentExports: 3,
    });

    const sends = Array.from({ length: 7 }, () => transport.send(createRequest()));
    for (let answered = 0; answered < sends.length; answered += 1) {
      const expected = Math.min(answered + 3, sends.length);
      await vi.waitFor(() => expect(server.requests).toHaveLength(expected), { interval: 1 });
      held[answered]?.end();
    }

    for (const result of await Promise.all(sends)) expect(result.status).toBe('success');
    expect(server.sockets).toHaveLength(3);
  });

  it('that fail do not hold up those who wait for one', async () => {
    const server = await open.raw((socket) => socket.resetAndDestroy());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      maxConcurrentExports: 2,
    });

    const results = await Promise.all(
      Array.from({ length: 9 }, () => transport.send(createRequest())),
    );

    for (const result of results) expect(result.status).toBe('retryable');
  });

  it('are opened anew after a refusal to connect', async () => {
    const gone = await open.raw(() => {});
    await gone.stop();
    const transport = open.transport(`http://127.0.0.1:${gone.port}/`, { maxConcurrentExports: 1 });
    const refused = await Promise.all(
      Array.from({ length: 4 }, () => transport.send(createRequest())),
    );
    for (const result of refused) expect(result.status).toBe('retryable');

    await open.http((_, response) => response.end(), gone.port);
    expect((await transport.send(createRequest())).status).toBe('success');
  });

  it('do not keep the process alive while they are idle', async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    await transport.send(createRequest());
    for (const socket of server.sockets) socket.unref();

    await vi.waitFor(
      () => expect(process.getActiveResourcesInfo()).not.toContain('TCPSocketWrap'),
      { interval: 1 },
    );
    expect(server.sockets[0]?.destroyed).toBe(false);
  });
});

describe('requests at once', () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => {
    warnings.push(warning);
  };
  afterEach(() => {
    process.off('warning', onWarning);
  });

  it('raise no warning of too many listeners', async () => {
    process.on('warning', onWarning);
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);
    const { signal } = new AbortController();

    await Promise.all(Array.from({ length: 32 }, () => transport.send(createRequest({ signal }))));
    // Warnings are emitted on the next tick, long before this one.
    await new Promise((resolve) => setImmediate(resolve));

    expect(warnings).toEqual([]);
  });
});

describe('close', () => {
  it('ends what is in flight and what waits as retryable, and closes the connections', async () => {
    const server = await open.raw((socket) => socket.resume());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      maxConcurrentExports: 1,
    });
    const sends = [transport.send(createRequest()), transport.send(createRequest())];
    await vi.waitFor(() => expect(server.sockets).toHaveLength(1), { interval: 1 });

    await transport.close();

    for (const result of await Promise.all(sends)) {
      expect(result).toMatchObject({ status: 'retryable', failure: { errorType: 'aborted' } });
    }
    await server.closed(1);
    expect(server.sockets).toHaveLength(1);
  });

  it('closes idle connections', async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);
    await transport.send(createRequest());

    await transport.close();

    await server.closed(1);
  });

  it('closes connections whose handshake hangs', async () => {
    const server = await open.raw((socket) => socket.resume());
    const transport = open.transport(`https://127.0.0.1:${server.port}/`);
    const send = transport.send(createRequest());
    await vi.waitFor(() => expect(server.sockets).toHaveLength(1), { interval: 1 });

    await transport.close();

    expect((await send).status).toBe('retryable');
    await server.closed(1);
  });

  it('leaves nothing to send with, and may be called again, or first', async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    await transport.close();
    await transport.close();

    expect((await transport.send(createRequest())).status).toBe('retryable');
    expect(server.sockets).toHaveLength(0);
  });
});

describe('a dispatcher of the application', () => {
  it('carries the requests in place of a pool, and is never closed', async () => {
    const dispatcher = new FakeDispatcher((options, handler) => {
      expect(options).toMatchObject({
        origin: 'https://backend.test',
        path: '/v1/traces',
        method: 'POST',
      });
      const controller = createController();
      handler.onRequestStart?.(controller, {});
      handler.onResponseStart?.(controller, 200, {});
      handler.onResponseEnd?.(controller, {});
      return true;
    });
    const transport = open.transport('https://backend.test/v1/traces', {
      delivery: { kind: 'signalbox', dispatcher },
    });

    expect((await transport.send(createRequest())).status).toBe('success');
    await transport.close();
    expect(dispatcher.calls).toEqual({ dispatch: 1, close: 0, destroy: 0 });
  });

  it('is aborted by close', async () => {
    const controller = createController();
    const dispatcher = new FakeDispatcher((_, handler) => {
      handler.onRequestStart?.(controller, {});
      return true;
    });
    const transport = open.transport('https://backend.test/v1/traces', {
      delivery: { kind: 'signalbox', dispatcher },
    });
    const send = transport.send(createRequest());

    await transport.close();

    expect((await send).status).toBe('retryable');
    expect(controller.aborted).toBe(true);
  });
});
