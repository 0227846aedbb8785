import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import type { SendResult } from '../../src/transport/result.js';
import type { RotationParts } from '../../src/transport/rotation.js';
import { createTransport } from '../../src/transport/send.js';
import { createBackend } from '../helpers/backend.js';
import { makeFolder } from '../helpers/folder.js';
import { createController, FakeDispatcher } from './fake-dispatcher.js';
import { createRequest, useServers } from './servers.js';

const open = useServers();

function createSubject(url: string, backend: Partial<Backend>, parts?: Partial<RotationParts>) {
  const transport = createTransport(createBackend(url, backend), 'signalbox/test', parts);
  onTestFinished(() => transport.close());
  return transport;
}

function writeKey(key: string): string {
  const path = join(makeFolder(), 'key');
  writeFileSync(path, key);
  return path;
}

/** A server that answers 401 to every key but one. */
async function startKeyed(valid: string) {
  const server = await open.http(({ headers }, response) => {
    response.writeHead(headers.authorization === `Bearer ${valid}` ? 200 : 401).end();
  });
  return { server, url: `http://127.0.0.1:${server.port}/` };
}

async function isRenewed(result: SendResult): Promise<boolean> {
  if (result.status !== 'unauthorized') throw new Error(`unexpectedly ${result.status}`);
  // A promise that is settled wins over one that is later.
  const later = new Promise<boolean>((resolve) => setImmediate(resolve, false));
  return Promise.race([result.renewed.then(() => true), later]);
}

describe('a key from a file', () => {
  it('goes to a dispatcher of the application too, in place of user-info of the URL', async () => {
    const seen: unknown[] = [];
    const dispatcher = new FakeDispatcher((options, handler) => {
      seen.push(Reflect.get(options.headers ?? {}, 'authorization'));
      const controller = createController();
      handler.onRequestStart?.(controller, {});
      handler.onResponseStart?.(controller, 200, {});
      handler.onResponseEnd?.(controller, {});
      return true;
    });
    const transport = createSubject('https://user:secret@backend.test/', {
      headers: { authorization: 'Bearer key-one' },
      credentials: { apiKey: writeKey('key-two'), tls: undefined },
      delivery: { kind: 'signalbox', dispatcher },
    });
    await transport.send(createRequest());
    expect(seen).toEqual(['Bearer key-two']);
  });

  it('that is refused is read again at once, before any change was reported', async () => {
    const { server, url } = await startKeyed('key-two');
    const path = writeKey('key-one');
    const transport = createSubject(url, { credentials: { apiKey: path, tls: undefined } });
    const refused = await transport.send(createRequest());
    expect(refused).toMatchObject({ status: 'unauthorized', failure: { message: 'HTTP 401' } });
    expect(await isRenewed(refused)).toBe(false);

    writeFileSync(path, 'key-two');
    const again = await transport.send(createRequest());
    if (again.status === 'unauthorized') await again.renewed;
    expect((await transport.send(createRequest())).status).toBe('success');
    if (refused.status === 'unauthorized') await refused.renewed;
    expect(server.requests.at(-1)?.headers.authorization).toBe('Bearer key-two');
  });

  it('is not waited for longer than the backend may take, where the disk hangs', async () => {
    const { url } = await startKeyed('key-one');
    const transport = createSubject(
      url,
      {
        headers: { authorization: 'Bearer key-one' },
        credentials: { apiKey: '/keys/key', tls: undefined },
        timeoutMs: 50,
      },
      {
        files: {
          watch: () => ({
            ready: new Promise(() => {}),
            content: () => undefined,
            refresh: () => new Promise(() => {}),
            close() {},
          }),
        },
      },
    );
    expect((await transport.send(createRequest())).status).toBe('success');
  });
});

describe('a refusal', () => {
  it.each([400, 404, 500])('with %i is final, whatever may change', async (httpStatus) => {
    const server = await open.http((_, response) => response.writeHead(httpStatus).end());
    const transport = createSubject(`http://127.0.0.1:${server.port}/`, {
      credentials: { apiKey: writeKey('key-one'), tls: undefined },
    });
    expect((await transport.send(createRequest())).status).toBe('refused');
  });

  it('with 403 may be a matter of the key', async () => {
    const server = await open.http((_, response) => response.writeHead(403).end());
    const transport = createSubject(`http://127.0.0.1:${server.port}/`, {
      credentials: { apiKey: () => 'key-one', tls: undefined },
    });
    expect((await transport.send(createRequest())).status).toBe('unauthorized');
  });

  it('of a key that can not change is final, though its certificates may', async () => {
    const { url } = await startKeyed('key-two');
    const transport = createSubject(url, {
      headers: { authorization: 'Bearer key-one' },
      credentials: { apiKey: undefined, tls: { ca: writeKey('no certificate') } },
    });
    expect((await transport.send(createRequest())).status).toBe('refused');
  });
});

describe('without a key', () => {
  it('nothing is sent', async () => {
    const { server, url } = await startKeyed('key-one');
    const transport = createSubject(url, {
      credentials: { apiKey: () => Promise.reject(new Error('secret')), tls: undefined },
    });
    expect(await transport.send(createRequest())).toEqual({
      status: 'retryable',
      failure: { message: 'no API key to send with', errorType: 'no_api_key' },
    });
    expect(server.sockets).toHaveLength(0);
  });
});
