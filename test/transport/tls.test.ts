import type { TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { createRequest, readHead, useServers } from './servers.js';

const open = useServers();

const { ca, otherCa, server, wrongHost, expired, client, otherClient } = certificates;

async function exchangeOverTls(options: TlsOptions, tls: Backend['tls'], hostname = '127.0.0.1') {
  const receiver = await open.rawTls(options, async (socket) => {
    await readHead(socket);
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  const transport = open.transport(`https://${hostname}:${receiver.port}/`, { tls });
  return transport.send(createRequest());
}

describe('a server', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'is trusted by the authority of the backend, as %s',
    async (hostname) => {
      expect(await exchangeOverTls(server, { ca }, hostname)).toMatchObject({ status: 'success' });
    },
  );

  it.each([
    ['is of another authority', server, { ca: otherCa }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['is of an authority that is not known', server, undefined, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['names another host', wrongHost, { ca }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['is out of date', expired, { ca }, 'CERT_HAS_EXPIRED'],
  ])('is refused when its certificate %s', async (_, options, tls, errorType) => {
    expect(await exchangeOverTls(options, tls)).toMatchObject({
      status: 'refused',
      failure: { errorType },
    });
  });

  it('is never spoken to in HTTP/2, whatever it offers', async () => {
    const offered: unknown[] = [];
    const options: TlsOptions = {
      ...server,
      ALPNCallback: ({ protocols }) => {
        offered.push(...protocols);
        return protocols[0];
      },
    };
    expect(await exchangeOverTls(options, { ca })).toMatchObject({ status: 'success' });
    expect(offered).not.toContain('h2');
  });

  it('is refused for good: each request is told so', async () => {
    const receiver = await open.rawTls(wrongHost, (socket) => socket.resume());
    const transport = open.transport(`https://127.0.0.1:${receiver.port}/`, {
      tls: { ca },
      maxConcurrentExports: 1,
    });

    const sends = [1, 2, 3].map(() => transport.send(createRequest()));

    for (const result of await Promise.all(sends)) expect(result.status).toBe('refused');
  });

  it('that speaks no TLS may be replaced by one that does', async () => {
    const receiver = await open.http((_, response) => response.end());
    const transport = open.transport(`https://127.0.0.1:${receiver.port}/`);

    expect((await transport.send(createRequest())).status).toBe('retryable');
    expect(receiver.requests).toHaveLength(0);
  });
});

describe('NODE_TLS_REJECT_UNAUTHORIZED', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('opens nothing', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect((await exchangeOverTls(server, undefined)).status).toBe('refused');
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('mutual %s', (version) => {
  const mutual = {
    ...server,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: version,
    maxVersion: version,
  };

  it('sends the certificate of the backend', async () => {
    const result = await exchangeOverTls(mutual, { ca, ...client });
    expect(result).toMatchObject({ status: 'success' });
  });

  it('is refused without a certificate', async () => {
    expect(await exchangeOverTls(mutual, { ca })).toMatchObject({ status: 'refused' });
  });

  it('delivers nothing with the certificate of another authority', async () => {
    // Not "refused": Node's server closes the connection, and does not say why.
    const result = await exchangeOverTls(mutual, { ca, ...otherClient });
    expect(result.status).not.toBe('success');
  });

  it('is refused with a key that belongs to another certificate', async () => {
    const mixed = { ca, cert: client.cert, key: otherClient.key };
    expect(await exchangeOverTls(mutual, mixed)).toMatchObject({ status: 'refused' });
  });
});
