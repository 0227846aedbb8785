import http from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../helpers/eventually.js';
import { startApplication } from './service.js';

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = await listen();
  const port = portOf(server);
  await close(server);
  return port;
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

/** Over a connection that stays open: it may not keep the application alive. */
function ask(port: number, host: string): Promise<Answer> {
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, agent, headers: { host } }, async (response) =>
        resolve({ status: response.statusCode, body: (await response.toArray()).join('') }),
      )
      .on('error', reject);
  });
}

test('SIGNALBOX_STATS_PORT serves stats on loopback, as no request of the application', async () => {
  const port = await freePort();
  const { receiver, ...service } = await startApplication('service.mjs', {
    SIGNALBOX_ROUTE_FROM: 'header:x-tenant',
    SIGNALBOX_STATS_PORT: String(port),
  });
  await service.get('/work/acme/1', { 'x-tenant': 'acme' });
  let report: unknown;
  await eventually(async () => {
    const { status, body } = await ask(port, `127.0.0.1:${port}`);
    expect(status).toBe(200);
    report = JSON.parse(body);
    return body.includes('"decided"');
  });
  expect(report).toMatchObject({
    decisions: { unresolved: 0 },
    recentDecisions: expect.arrayContaining([
      expect.objectContaining({ by: 'boundary', key: 'acme', backends: ['acme'] }),
    ]),
  });
  expect(await ask(port, 'attacker.example')).toEqual({ status: 403, body: '' });
  expect(await service.stop()).toMatchObject({ code: 0 });
  expect(receiver.spans('standard')).toEqual([]);
});

test('a port in use is warned of, and the application runs', async () => {
  const taken = await listen();
  onTestFinished(() => close(taken));
  const service = await startApplication('service.mjs', {
    SIGNALBOX_STATS_PORT: String(portOf(taken)),
  });
  expect(await service.get('/work/acme/1')).toBe('done');
  const { code, stdout, stderr } = await service.stop();
  expect(code).toBe(0);
  expect(stdout + stderr).toMatch(/SIGNALBOX_STATS_PORT: .*EADDRINUSE/);
});
