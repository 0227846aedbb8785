import type { LookupAddress } from 'node:dns';
import {
  getDefaultAutoSelectFamily,
  type LookupFunction,
  setDefaultAutoSelectFamily,
} from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { HostPolicy } from '../../src/config/host-guard.js';
import { createTransport } from '../../src/transport/send.js';
import type { Transport } from '../../src/transport/transport.js';
import { createBackend } from '../helpers/backend.js';
import { createConnectProxy } from './connect-proxy.js';
import { createRequest, useServers } from './servers.js';

const open = useServers();

/** A DNS that gives these addresses, one answer after the other, and counts how often it is asked. */
function createDns(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    const found: LookupAddress[] = addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    expect(options.all).toBe(true);
    setImmediate(callback, null, found);
  };
  return { asked, lookup };
}

function createGuarded(
  url: string,
  { allowed, refusePrivate = false }: Partial<HostPolicy>,
  lookup?: LookupFunction,
  proxy?: string,
): Transport {
  const hosts = { allowed, refusePrivate };
  const backend = createBackend(url, { hosts, proxy });
  const transport = createTransport(backend, 'signalbox/test', lookup && { lookup });
  onTestFinished(() => transport.close());
  return transport;
}

const notAllowed = { status: 'refused', failure: { errorType: 'not_allowed' } };

describe('a name that DNS resolves', () => {
  const autoSelectFamily = getDefaultAutoSelectFamily();
  afterEach(() => setDefaultAutoSelectFamily(autoSelectFamily));

  it.each([true, false])(
    'is connected to at the addresses that are allowed alone (autoSelectFamily %s)',
    async (isAutomatic) => {
      setDefaultAutoSelectFamily(isAutomatic);
      const server = await open.http((_, response) => response.end());
      const dns = createDns(['169.254.169.254', 'fe80::1', '127.0.0.1']);
      const url = `http://otlp.test:${server.port}/`;

      const result = await createGuarded(url, {}, dns.lookup).send(createRequest());

      expect(result).toMatchObject({ status: 'success' });
      expect(dns.asked).toEqual(['otlp.test']);
      expect(server.requests[0]?.headers.host).toBe(`otlp.test:${server.port}`);
    },
  );

  it('is refused, for good, where no address is allowed, and the failure says which', async () => {
    const server = await open.http((_, response) => response.end());
    const dns = createDns(['127.0.0.1', '::ffff:10.0.0.1']);
    const url = `http://otlp.test:${server.port}/`;
    const transport = createGuarded(url, { refusePrivate: true }, dns.lookup);

    const results = await Promise.all([1, 2, 3].map(() => transport.send(createRequest())));

    for (const result of results) {
      expect(result).toMatchObject(notAllowed);
      expect(result).toMatchObject({
        failure: {
          message: 'otlp.test has no address that is allowed (127.0.0.1, ::ffff:10.0.0.1)',
        },
      });
    }
    expect(server.sockets).toHaveLength(0);
  });

  it('is checked with each connection, on the addresses that this one is made to', async () => {
    const server = await open.http((_, response) => {
      response.setHeader('connection', 'close').end();
    });
    const dns = createDns(['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1']);
    const transport = createGuarded(`http://rebind.test:${server.port}/`, {}, dns.lookup);

    expect(await transport.send(createRequest())).toMatchObject({ status: 'success' });
    expect(await transport.send(createRequest())).toMatchObject(notAllowed);
    expect(await transport.send(createRequest())).toMatchObject({ status: 'success' });
    expect(dns.asked).toHaveLength(3);
    expect(server.requests).toHaveLength(2);
  });

  it('has to have an address in a listed network, unless it is listed itself', async () => {
    const server = await open.http((_, response) => response.end());
    const url = `http://otlp.test:${server.port}/`;
    const send = (allowed: string[]) =>
      createGuarded(url, { allowed }, createDns(['127.0.0.1']).lookup).send(createRequest());

    expect(await send(['127.0.0.0/8'])).toMatchObject({ status: 'success' });
    expect(await send(['otlp.test'])).toMatchObject({ status: 'success' });
    expect(await send(['10.0.0.0/8'])).toMatchObject(notAllowed);
    expect(await send(['other.test'])).toMatchObject(notAllowed);
  });

  it('and does not resolve can be tried again', async () => {
    const lookup: LookupFunction = (_hostname, _options, callback) => {
      setImmediate(callback, Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' }), []);
    };
    const result = await createGuarded('http://otlp.test/', {}, lookup).send(createRequest());
    expect(result).toMatchObject({ status: 'retryable', failure: { errorType: 'EAI_AGAIN' } });
  });

  it('may be resolved by a replacement of dns.lookup that gives one address', async () => {
    const server = await open.http((_, response) => response.end());
    const lookup: LookupFunction = (_hostname, _options, callback) => {
      setImmediate(callback, null, '127.0.0.1', 4);
    };
    const url = `http://otlp.test:${server.port}/`;
    expect(await createGuarded(url, {}, lookup).send(createRequest())).toMatchObject({
      status: 'success',
    });
    const strict = createGuarded(url, { refusePrivate: true }, lookup);
    expect(await strict.send(createRequest())).toMatchObject(notAllowed);
  });

  it('is looked up by Node where nothing else is given', async () => {
    const server = await open.http((_, response) => response.end());
    const url = `http://localhost:${server.port}/`;
    expect(await createGuarded(url, {}).send(createRequest())).toMatchObject({ status: 'success' });
    const strict = { refusePrivate: true, allowed: ['localhost'] };
    expect(await createGuarded(url, strict).send(createRequest())).toMatchObject(notAllowed);
  });
});

describe('an address in place of a name', () => {
  it.each(['127.0.0.1', '[::ffff:127.0.0.1]', '0x7f.1', '[::1]', '0.0.0.0'])(
    '%s is not connected to where it is refused',
    async (host) => {
      const server = await open.http((_, response) => response.end());
      const dns = createDns(['203.0.113.7']);
      const transport = createGuarded(
        `http://${host}:${server.port}/`,
        { refusePrivate: true },
        dns.lookup,
      );
      expect(await transport.send(createRequest())).toMatchObject(notAllowed);
      expect(dns.asked).toEqual([]);
      expect(server.sockets).toHaveLength(0);
    },
  );
});

describe('behind a proxy', () => {
  it('a host is checked by its name alone, which the proxy resolves, and the proxy is not checked', async () => {
    const server = await open.http((_, response) => response.end());
    const { server: proxyServer, tunnels } = createConnectProxy();
    const { port } = await open.listen(proxyServer);
    const url = `http://localhost:${server.port}/`;
    const send = (allowed: string[]) => {
      const dns = createDns(['169.254.169.254']);
      const proxy = `http://127.0.0.1:${port}`;
      return createGuarded(url, { allowed, refusePrivate: true }, dns.lookup, proxy).send(
        createRequest(),
      );
    };

    expect(await send(['localhost'])).toMatchObject({ status: 'success' });
    expect(await send(['127.0.0.0/8'])).toMatchObject(notAllowed);
    expect(await send(['other.test'])).toMatchObject(notAllowed);
    expect(tunnels.map(({ target }) => target)).toEqual([`localhost:${server.port}`]);
  });
});
