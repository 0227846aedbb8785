import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BackendConfig } from '../../src/index.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { pemPath } from '../helpers/certificates/pem-path.js';
import {
  type ConnectProxy,
  type ConnectProxyOptions,
  createConnectProxy,
} from '../transport/connect-proxy.js';
import { startFaultReceiver } from './fault-receiver.js';
import { SECRET, startWatchedService } from './watched-service.js';

const SPANS = 5;
const mutual = { ...certificates.server, ca: certificates.ca, requestCert: true };
const client = { clientCertificate: pemPath('client'), clientKey: pemPath('client-key') };
const otherClient = {
  clientCertificate: pemPath('other-client'),
  clientKey: pemPath('other-client-key'),
};

async function startProxy(options?: ConnectProxyOptions): Promise<ConnectProxy & { host: string }> {
  const proxy = createConnectProxy(options);
  proxy.server.listen(0, '127.0.0.1');
  await once(proxy.server, 'listening');
  onTestFinished(() => void proxy.server.close());
  // A server that listens on a host and a port, and no pipe, has an AddressInfo.
  return { ...proxy, host: `127.0.0.1:${(proxy.server.address() as AddressInfo).port}` };
}

/** Sends a batch to each backend, and waits until it is settled. */
async function deliver(backends: Record<string, BackendConfig>) {
  const service = startWatchedService({ backends });
  const ids = new Map(Object.keys(backends).map((name) => [name, service.makeSpans(name, SPANS)]));
  await service.processor.forceFlush();
  return { service, idsOf: (name: string) => ids.get(name) };
}

describe('mutual TLS', () => {
  it.each(['signalbox', 'otlp-http'] as const)(
    'lets a backend in by its own certificate, and by no other’s (%s)',
    async (exporter) => {
      const receiver = await startFaultReceiver({ tls: { ...mutual, rejectUnauthorized: true } });
      const shared = {
        exporter,
        certificate: pemPath('ca'),
        timeoutMs: 2_000,
        retryMaxElapsedMs: 0,
      };
      const { service, idsOf } = await deliver({
        own: { ...shared, ...client, endpoint: `${receiver.url}/own` },
        other: { ...shared, ...otherClient, endpoint: `${receiver.url}/other` },
        none: { ...shared, endpoint: `${receiver.url}/none` },
      });

      expect(service.backend('own')).toMatchObject({ delivered: SPANS, dropped: {} });
      // Node's server closes the connection and does not say why, so that it may be worth another attempt.
      const reason = exporter === 'signalbox' ? 'retry_exhausted' : 'refused';
      expect(service.backend('other')).toMatchObject({
        delivered: 0,
        dropped: { [reason]: SPANS },
      });
      expect(service.backend('none')).toMatchObject({ delivered: 0, dropped: { refused: SPANS } });
      expect(receiver.arrived).toEqual(idsOf('own'));
      expect(receiver.requests.map(({ backend }) => backend)).toEqual(['own']);
    },
  );
});

describe('a proxy', () => {
  it.each([
    ['HTTP', 'HTTP', undefined, undefined],
    ['HTTP', 'HTTPS', undefined, certificates.server],
    ['HTTPS', 'HTTP', certificates.server, undefined],
    ['HTTPS', 'HTTPS', certificates.server, mutual],
  ])('over %s carries one backend’s spans to its server over %s', async (_, __, proxyTls, tls) => {
    const receiver = await startFaultReceiver(tls && { tls });
    const direct = await startFaultReceiver();
    const proxy = await startProxy(proxyTls && { tls: proxyTls });
    const scheme = proxyTls === undefined ? 'http' : 'https';
    const { service, idsOf } = await deliver({
      tunnelled: {
        endpoint: receiver.url,
        certificate: pemPath('ca'),
        ...client,
        proxy: `${scheme}://user:${SECRET}@${proxy.host}`,
        apiKey: `${SECRET}-key`,
      },
      direct: { endpoint: direct.url },
    });

    expect(service.backend('tunnelled')).toMatchObject({ delivered: SPANS, dropped: {} });
    expect(receiver.arrived).toEqual(idsOf('tunnelled'));
    expect(direct.arrived).toEqual(idsOf('direct'));
    // Of the request the proxy sees where it goes, and its own credentials.
    expect(proxy.others).toEqual([]);
    expect(proxy.tunnels.map(({ target }) => target)).toEqual([`127.0.0.1:${receiver.port}`]);
    const [tunnel] = proxy.tunnels;
    const credentials = Buffer.from(`user:${SECRET}`).toString('base64');
    expect(tunnel?.headers['proxy-authorization']).toBe(`Basic ${credentials}`);
    expect(tunnel?.headers.authorization).toBeUndefined();
    expect(receiver.requests[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it.each([
    [403, { refused: SPANS }, 'up'],
    [407, { refused: SPANS }, 'up'],
    [429, { retry_exhausted: SPANS }, 'degraded'],
    [502, { retry_exhausted: SPANS }, 'degraded'],
  ])('that answers CONNECT with %i is not gone around', async (status, dropped, state) => {
    const receiver = await startFaultReceiver();
    const proxy = await startProxy({ status });
    const { service } = await deliver({
      sick: {
        endpoint: receiver.url,
        proxy: `http://user:${SECRET}@${proxy.host}`,
        retryMaxElapsedMs: 0,
      },
    });

    expect(service.backend('sick')).toMatchObject({ delivered: 0, dropped, state });
    expect(receiver.attempts).toBe(0);
    expect(service.log.join()).toContain(`answered CONNECT with HTTP ${status}`);
  });

  it('that is down is not gone around', async () => {
    const receiver = await startFaultReceiver();
    const { service } = await deliver({
      sick: {
        endpoint: receiver.url,
        // Nothing listens on port 1.
        proxy: `http://user:${SECRET}@127.0.0.1:1`,
        retryMaxElapsedMs: 0,
      },
    });

    expect(service.backend('sick')).toMatchObject({
      delivered: 0,
      dropped: { retry_exhausted: SPANS },
      state: 'degraded',
    });
    expect(receiver.attempts).toBe(0);
  });

  it('does not hide that its target has the wrong certificate', async () => {
    const receiver = await startFaultReceiver({ tls: certificates.wrongHost });
    const proxy = await startProxy();
    const { service } = await deliver({
      sick: {
        endpoint: receiver.url,
        certificate: pemPath('ca'),
        proxy: `http://user:${SECRET}@${proxy.host}`,
      },
    });

    expect(service.backend('sick')).toMatchObject({
      delivered: 0,
      dropped: { refused: SPANS },
      state: 'up',
    });
    expect(receiver.attempts).toBe(0);
  });
});
