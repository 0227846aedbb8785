import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../helpers/eventually.js';
import { backendVariables, openReceiver } from './backends.js';
import { fixture, startNode } from './child.js';

/** The code of each section of docs/boundary.md that has some. */
const samples = readFileSync('docs/boundary.md', 'utf8')
  .split(/^## /m)
  .flatMap((section) => {
    const code = /^```js\n(.*?)^```/ms.exec(section)?.[1];
    const framework = section.split('\n')[0] ?? '';
    return code === undefined ? [] : [{ framework, code }];
  });

/** The sample with the tests' telemetry, at a port that is free, which it sends. */
function application(code: string): string {
  expect(code).toContain("import './telemetry.js';");
  expect(code).toMatch(/\b8080\b/);
  return code.replace('./telemetry.js', fixture('telemetry.mjs')).replace(/\b8080\b/, '0');
}

// Sees any framework's server as it begins to listen.
const SENDS_PORT = `data:text/javascript,
  import { Server } from 'node:http';
  const { listen } = Server.prototype;
  Server.prototype.listen = function (...parameters) {
    this.once('listening', () => process.send(this.address().port));
    return listen.apply(this, parameters);
  };`;

async function start(code: string) {
  const receiver = await openReceiver();
  const urls = { standard: `${receiver.url}/standard`, acme: `${receiver.url}/acme` };
  const child = startNode(
    [
      ...['--import', fixture('instrumentation.mjs'), '--import', SENDS_PORT],
      ...['--input-type=module', '--eval', application(code)],
    ],
    backendVariables(urls, { SIGNALBOX_DEFAULT_ROUTE: 'standard', OTEL_BSP_SCHEDULE_DELAY: '10' }),
  );
  return { receiver, port: Number(await child.receive()) };
}

describe('the samples of docs/boundary.md', () => {
  it('are one for each framework', () => {
    expect(samples.map(({ framework }) => framework)).toEqual([
      'Express',
      'Fastify',
      'Hono',
      'Koa',
      'Node',
    ]);
  });

  it.each(samples)('route requests in $framework', async ({ code }) => {
    const { receiver, port } = await start(code);
    for (const headers of [{ 'x-tenant': 'acme' }, { 'x-tenant': 'standard' }]) {
      const response = await fetch(`http://127.0.0.1:${port}/hello`, { headers });
      expect(await response.text()).toBe('hello');
    }
    await eventually(() => serverSpans('acme') === 1 && serverSpans('standard') === 1);
    if (code.includes('WebSocketServer')) expect(await echo(port)).toBe('echo');

    function serverSpans(backend: string): number {
      return receiver.spans(backend).filter(({ kind }) => kind === 2).length;
    }
  });
});

/** What a WebSocket at the port answers to `echo`. */
async function echo(port: number): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { 'x-tenant': 'acme' } });
  await once(socket, 'open');
  socket.send('echo');
  const [message] = await once(socket, 'message');
  socket.close();
  await once(socket, 'close');
  return String(message);
}
