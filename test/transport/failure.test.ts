import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { createController, FakeDispatcher } from './fake-dispatcher.js';
import { createRequest, readHead, useServers } from './servers.js';

const open = useServers();

describe('a connection that fails', () => {
  it('is retryable when it is refused', async () => {
    const server = await open.raw(() => {});
    const unused = `127.0.0.1:${server.port}`;
    // Nobody listens there once the server has gone, and nothing else is given the port that soon.
    await server.stop();
    const transport = open.transport(`http://${unused}/`);

    expect(await transport.send(createRequest())).toEqual({
      status: 'retryable',
      failure: { message: `connect ECONNREFUSED ${unused}`, errorType: 'ECONNREFUSED' },
    });
  });

  it('is retryable when it is reset in the middle of the body', async () => {
    const server = await open.raw((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    const result = await transport.send(createRequest({ body: Buffer.alloc(16 * 1024 * 1024) }));

    expect(result.status).toBe('retryable');
  });

  it('is retryable when it is closed before the answer', async () => {
    const server = await open.http((_, response) => response.destroy());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect((await transport.send(createRequest())).status).toBe('retryable');
    expect(server.requests).toHaveLength(1);
  });

  it('is retryable when it is closed in the middle of the answer', async () => {
    const server = await open.raw(async (socket) => {
      await readHead(socket);
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf');
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect((await transport.send(createRequest())).status).toBe('retryable');
  });

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['headers without an end', `HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(100_000)}`],
  ])('is retryable when the answer is %s', async (_, answer) => {
    const server = await open.raw(async (socket) => {
      await readHead(socket);
      socket.resume().write(answer);
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect((await transport.send(createRequest())).status).toBe('retryable');
    await server.closed(1);
  });
});

describe('the timeout', () => {
  const timeout = {
    status: 'retryable',
    failure: { message: 'not answered within 50 ms', errorType: 'timeout' },
  };

  it('ends a request that is never answered, and its connection', async () => {
    const server = await open.raw((socket) => socket.resume());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, { timeoutMs: 50 });

    expect(await transport.send(createRequest())).toEqual(timeout);
    await server.closed(1);
  });

  it('ends a request whose body is never read', async () => {
    const server = await open.raw((socket) => socket.pause());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, { timeoutMs: 50 });

    const body = Buffer.alloc(16 * 1024 * 1024);
    expect(await transport.send(createRequest({ body }))).toEqual(timeout);
  });

  it('is not put off by an answer that trickles', async () => {
    const server = await open.raw(async (socket) => {
      await readHead(socket);
      socket.resume().write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
      const trickle = setInterval(() => socket.write('x'), 1);
      socket.once('close', () => clearInterval(trickle));
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, { timeoutMs: 50 });

    expect(await transport.send(createRequest())).toEqual(timeout);
    await server.closed(1);
  });

  it('includes the wait for a connection', async () => {
    const server = await open.raw((socket) => socket.resume());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      timeoutMs: 50,
      maxConcurrentExports: 1,
    });

    const results = await Promise.all([
      transport.send(createRequest()),
      transport.send(createRequest()),
    ]);

    expect(results).toEqual([timeout, timeout]);
  });
});

describe('an aborted request', () => {
  const aborted = {
    status: 'retryable',
    failure: { message: 'the request was aborted', errorType: 'aborted' },
  };

  it('is retryable, and its connection is closed', async () => {
    const abort = new AbortController();
    const server = await open.raw(async (socket) => {
      await readHead(socket);
      socket.resume();
      abort.abort();
    });
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect(await transport.send(createRequest({ signal: abort.signal }))).toEqual(aborted);
    await server.closed(1);
  });

  it('opens no connection when it was aborted before', async () => {
    const server = await open.raw(() => {});
    const transport = open.transport(`http://127.0.0.1:${server.port}/`);

    expect(await transport.send(createRequest({ signal: AbortSignal.abort() }))).toEqual(aborted);
    expect(server.sockets).toHaveLength(0);
  });
});

describe('an error', () => {
  const fail = (error: unknown, overrides: Partial<Backend> = {}, url = 'http://backend.test/') => {
    const dispatcher = new FakeDispatcher((_, handler) => {
      handler.onResponseError?.(createController(), error as Error);
      return true;
    });
    return open
      .transport(url, { delivery: { kind: 'signalbox', dispatcher }, ...overrides })
      .send(createRequest());
  };
  const withCode = (code: string, message = 'reason') =>
    Object.assign(new Error(message), { code });

  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    'UND_ERR_SOCKET',
    'UND_ERR_CONNECT_TIMEOUT',
    'HPE_INVALID_CONSTANT',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'SOMETHING_NEW',
  ])('%s is retryable', async (code) => {
    expect(await fail(withCode(code))).toEqual({
      status: 'retryable',
      failure: { message: 'reason', errorType: code },
    });
  });

  it.each([
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
    'UND_ERR_INVALID_ARG',
  ])('%s is final', async (code) => {
    expect(await fail(withCode(code))).toEqual({
      status: 'refused',
      failure: { message: 'reason', errorType: code },
    });
  });

  it.each([
    ['bad certificate', 'refused'],
    ['certificate required', 'refused'],
    ['unknown ca', 'refused'],
    ['handshake failure', 'refused'],
    ['internal error', 'retryable'],
  ])('by the TLS alert "%s" is %s', async (alert, status) => {
    const message = `write EPROTO 00AB:error:0A000000:SSL routines:ssl3_read_bytes:tlsv1 alert ${alert}:`;
    expect((await fail(withCode('EPROTO', message))).status).toBe(status);
  });

  it('of several addresses tells the reason for each', async () => {
    const reasons = [new Error('connect to ::1'), new Error('connect to 127.0.0.1')];
    const error = Object.assign(new AggregateError(reasons), { code: 'ECONNREFUSED' });
    expect(await fail(error)).toEqual({
      status: 'retryable',
      failure: { message: 'connect to ::1, connect to 127.0.0.1', errorType: 'ECONNREFUSED' },
    });
  });

  it('that is no error is reported all the same', async () => {
    expect(await fail('gone')).toEqual({
      status: 'retryable',
      failure: { message: 'gone', errorType: 'Error' },
    });
  });

  it('without words is named by its code', async () => {
    expect(await fail(withCode('ENOTFOUND', ''))).toMatchObject({
      failure: { message: 'ENOTFOUND' },
    });
  });

  it('loses the secrets in its words', async () => {
    const error = new Error(
      'POST https://user:hunter22@host/?token=abcdef123 with Bearer sk-1234567 via proxy:s3cret-word',
    );
    const overrides = {
      headers: { authorization: 'Bearer sk-1234567' },
      proxy: 'http://me:s3cret%2Dword@127.0.0.1:3128',
    };
    const result = await fail(error, overrides, 'https://user:hunter22@host/?token=abcdef123');
    expect(JSON.stringify(result)).not.toMatch(/hunter22|abcdef123|sk-1234567|s3cret/);
  });

  it('that a dispatcher throws is a result', async () => {
    const dispatcher = new FakeDispatcher(() => {
      throw new Error('not today');
    });
    const transport = open.transport('http://backend.test/', {
      delivery: { kind: 'signalbox', dispatcher },
    });
    expect(await transport.send(createRequest())).toEqual({
      status: 'retryable',
      failure: { message: 'not today', errorType: 'Error' },
    });
  });
});

describe('a dispatcher of undici 6', () => {
  it('is final, and the message says what is wrong', async () => {
    const dispatcher = new FakeDispatcher(() => {
      throw new Error('invalid onError method');
    });
    const transport = open.transport('http://backend.test/', {
      delivery: { kind: 'signalbox', dispatcher },
    });
    expect(await transport.send(createRequest())).toEqual({
      status: 'refused',
      failure: {
        message: 'the dispatcher is of an undici older than 7',
        errorType: 'dispatcher_too_old',
      },
    });
  });
});

describe('a request that can not be written', () => {
  it('is final', async () => {
    const server = await open.http((_, response) => response.end());
    const transport = open.transport(`http://127.0.0.1:${server.port}/`, {
      headers: { 'transfer-encoding': 'chunked' },
    });

    expect(await transport.send(createRequest())).toEqual({
      status: 'refused',
      failure: { message: 'invalid transfer-encoding header', errorType: 'UND_ERR_INVALID_ARG' },
    });
  });
});
