import { describe, expect, it, vi } from 'vitest';
import { certificates } from '../helpers/certificates/certificates.js';
import { createConnectProxy } from './connect-proxy.js';
import { createRequest, readHead, useServers } from './servers.js';

const open = useServers();

const { ca, server: serverPair, client, expired } = certificates;
const ACCEPTED = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

describe('a proxy', () => {
  it.each([
    ['http', 'http'],
    ['http', 'https'],
    ['https', 'http'],
    ['https', 'https'],
  ])('spoken to by %s leads to a backend by %s', async (proxyScheme, scheme) => {
    const heads: string[] = [];
    const accept = async (socket: Parameters<typeof readHead>[0]) => {
      for (;;) {
        heads.push(await readHead(socket));
        socket.read(); // the body
        socket.write(ACCEPTED);
      }
    };
    const receiver = await (scheme === 'https'
      ? open.rawTls({ ...serverPair, ca, requestCert: true }, accept)
      : open.raw(accept));
    const proxy = createConnectProxy(proxyScheme === 'https' ? { tls: serverPair } : {});
    const { port, sockets } = await open.listen(proxy.server);
    const transport = open.transport(`${scheme}://localhost:${receiver.port}/v1/traces`, {
      headers: { authorization: 'Bearer for-the-backend' },
      tls: { ca, ...client },
      proxy: `${proxyScheme}://me:p%40ss@localhost:${port}`,
    });

    for (const _ of [1, 2]) {
      expect((await transport.send(createRequest())).status).toBe('success');
    }

    const target = `localhost:${receiver.port}`;
    expect(proxy.tunnels).toEqual([
      {
        target,
        headers: {
          host: target,
          'proxy-authorization': `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
          connection: 'close',
        },
      },
    ]);
    expect(proxy.others).toEqual([]);
    expect(sockets).toHaveLength(1);
    expect(heads).toHaveLength(2);
    expect(heads[0]).toContain('POST /v1/traces HTTP/1.1');
    expect(heads[0]).toContain(`host: ${target}`);
    expect(heads[0]).not.toMatch(/proxy-/i);
  });

  it('is told of no credentials where it has none', async () => {
    const receiver = await open.http((_, response) => response.end());
    const proxy = createConnectProxy();
    const { port } = await open.listen(proxy.server);
    const transport = open.transport(`http://127.0.0.1:${receiver.port}/`, {
      headers: { authorization: 'Bearer for-the-backend' },
      proxy: `http://127.0.0.1:${port}`,
    });

    await transport.send(createRequest());

    expect(proxy.tunnels[0]?.headers).toEqual({
      host: `127.0.0.1:${receiver.port}`,
      connection: 'close',
    });
  });

  it.each([
    [400, 'refused'],
    [403, 'refused'],
    [407, 'refused'],
    [408, 'retryable'],
    [429, 'retryable'],
    [500, 'retryable'],
    [502, 'retryable'],
    [503, 'retryable'],
    [504, 'retryable'],
  ])('that answers %i makes the request %s', async (status, expected) => {
    const { port } = await open.listen(createConnectProxy({ status }).server);
    const transport = open.transport('http://backend.test/', {
      proxy: `http://me:hunter22@127.0.0.1:${port}`,
    });

    expect(await transport.send(createRequest())).toEqual({
      status: expected,
      failure: {
        message: `the proxy 127.0.0.1:${port} answered CONNECT with HTTP ${status}`,
        errorType: `proxy_${status}`,
      },
    });
  });

  it('that can not be reached is retryable', async () => {
    const gone = await open.raw(() => {});
    await gone.stop();
    const transport = open.transport('https://backend.test/', {
      proxy: `http://127.0.0.1:${gone.port}`,
    });

    expect(await transport.send(createRequest())).toMatchObject({
      status: 'retryable',
      failure: { errorType: 'ECONNREFUSED' },
    });
  });

  it('that hangs up is retryable', async () => {
    const { port, sockets } = await open.raw((socket) => socket.destroy());
    const transport = open.transport('https://backend.test/', {
      proxy: `http://127.0.0.1:${port}`,
    });

    expect((await transport.send(createRequest())).status).toBe('retryable');
    expect(sockets).toHaveLength(1);
  });

  it('that never answers costs the timeout, and its connection is closed', async () => {
    const hanging = await open.raw((socket) => socket.resume());
    const transport = open.transport('https://backend.test/', {
      proxy: `http://127.0.0.1:${hanging.port}`,
      timeoutMs: 50,
    });

    expect(await transport.send(createRequest())).toMatchObject({
      status: 'retryable',
      failure: { errorType: 'timeout' },
    });
    await hanging.closed(1);
  });

  it('that never answers is left by close', async () => {
    const hanging = await open.raw((socket) => socket.resume());
    const transport = open.transport('https://backend.test/', {
      proxy: `http://127.0.0.1:${hanging.port}`,
    });
    const send = transport.send(createRequest());
    await vi.waitFor(() => expect(hanging.sockets).toHaveLength(1), { interval: 1 });

    await transport.close();

    expect((await send).status).toBe('retryable');
    await hanging.closed(1);
  });

  it('with a certificate that is out of date is final', async () => {
    const { port } = await open.listen(createConnectProxy({ tls: expired }).server);
    const transport = open.transport('https://backend.test/', {
      tls: { ca },
      proxy: `https://127.0.0.1:${port}`,
    });

    expect(await transport.send(createRequest())).toMatchObject({
      status: 'refused',
      failure: { errorType: 'CERT_HAS_EXPIRED' },
    });
  });

  it('does not hide that the certificate of the backend is wrong', async () => {
    const receiver = await open.rawTls(certificates.wrongHost, (socket) => socket.resume());
    const { port } = await open.listen(createConnectProxy().server);
    const transport = open.transport(`https://127.0.0.1:${receiver.port}/`, {
      tls: { ca },
      proxy: `http://127.0.0.1:${port}`,
    });

    expect(await transport.send(createRequest())).toMatchObject({
      status: 'refused',
      failure: { errorType: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
  });

  it('does not hide that the key of the backend is of no use', async () => {
    const { port } = await open.listen(createConnectProxy().server);
    const receiver = await open.rawTls(serverPair, (socket) => socket.resume());
    const transport = open.transport(`https://127.0.0.1:${receiver.port}/`, {
      tls: { ca, cert: client.cert, key: serverPair.key },
      proxy: `http://127.0.0.1:${port}`,
    });

    expect(await transport.send(createRequest())).toMatchObject({
      status: 'refused',
      failure: { errorType: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' },
    });
  });
});
