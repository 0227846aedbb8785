import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { namesAt, openReceiver } from '../integration/backends.js';
import { startRegistered, TENANTS, tenantVariables } from './service.js';

type Ports = Readonly<Record<'http' | 'https' | 'http2' | 'secureHttp2' | 'streams', number>>;

/** A request whose tenant is told by its header to the service, and by its path to the test. */
function ask(client: typeof http | typeof https, port: number, tenant: string, more: object = {}) {
  const headers = { 'x-tenant': tenant, 'content-length': '4', ...more };
  const options = { port, method: 'POST', path: `/${tenant}`, headers, agent: false } as const;
  const request = client.request({ host: '127.0.0.1', rejectUnauthorized: false, ...options });
  return once(request.end('body'), 'response').then(async ([response]) => {
    await (response as http.IncomingMessage).toArray();
  });
}

async function askHttp2(origin: string, tenants: readonly string[]): Promise<void> {
  const session = http2.connect(origin, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  const streams = tenants.map(async (tenant) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${tenant}`,
      'x-tenant': tenant,
    });
    await once(stream.end('body').resume(), 'close');
  });
  await Promise.all(streams);
  session.close();
}

async function upgrade(port: number, tenant: string): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(
    `GET /${tenant} HTTP/1.1\r\nHost: service\r\nX-Tenant: ${tenant}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`,
  );
  await once(socket, 'data');
  await once(socket.end('message').resume(), 'close');
}

describe.each([
  ['with the instrumentation of node:http', 'http'],
  ['without any instrumentation of servers', 'pino'],
])('%s', (_, instrumentation) => {
  it('requests of every kind of server have their boundary', async () => {
    const receiver = await openReceiver();
    const child = startRegistered(
      ['./test/register/fixtures/servers.mjs'],
      tenantVariables(receiver, {
        SIGNALBOX_ROUTE_FROM: 'header:X-Tenant',
        OTEL_NODE_ENABLED_INSTRUMENTATIONS: instrumentation,
      }),
    );
    const ports = (await child.receive()) as Ports;
    for (const tenant of TENANTS) {
      await ask(http, ports.http, tenant);
      await ask(http, ports.http, tenant, { expect: '100-continue' });
      await ask(https, ports.https, tenant);
      await ask(https, ports.secureHttp2, tenant);
      await upgrade(ports.http, tenant);
    }
    await askHttp2(`http://127.0.0.1:${ports.http2}`, TENANTS);
    await askHttp2(`http://127.0.0.1:${ports.streams}`, TENANTS);
    await askHttp2(`https://127.0.0.1:${ports.secureHttp2}`, TENANTS);
    child.send('stop');
    expect(await child.ended).toMatchObject({ code: 0, stderr: '' });

    for (const tenant of TENANTS) {
      const names = namesAt({ ...receiver, spans: () => receiver.spans(tenant) });
      expect(names.filter((name) => name !== 'POST')).toEqual(
        [
          ...Array(7).fill('data'),
          'expectation',
          ...Array(6).fill('later'),
          'message',
          ...Array(4).fill('request 1.1'),
          ...Array(2).fill('request 2.0'),
          'stream',
          'upgrade',
        ].map((what) => `${what} ${tenant}`),
      );
      expect(names.filter((name) => name === 'POST')).toHaveLength(
        instrumentation === 'http' ? 3 : 0,
      );
    }
  });
});
