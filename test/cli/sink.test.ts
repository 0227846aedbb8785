import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RoutingSpanProcessor } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { sendSpans } from '../viewer/otlp.js';

const COMMAND = fileURLToPath(new URL('./fixtures/sink-command.mjs', import.meta.url));

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [COMMAND, 'sink', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  running.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    child,
    output: () => stdout,
    async ended() {
      const [code] = await once(child, 'close');
      return { code, stdout, stderr };
    },
    async ready() {
      await eventually(() => stdout.endsWith('\n') || child.exitCode !== null);
      expect(stderr).toBe('');
      return stdout;
    },
  };
}

const sinkSchema = z.strictObject({
  url: z.url(),
  viewerUrl: z.url(),
  environment: z.record(z.string().regex(/^SIGNALBOX_/), z.string()),
});

async function startJson(...args: string[]) {
  const sink = start('--port', '0', '--json', ...args);
  return { ...sink, ...sinkSchema.parse(JSON.parse(await sink.ready())) };
}

describe('signalbox sink', () => {
  it('prints where it listens, and an environment to paste', async () => {
    const sink = start('--port', '0', 'red', 'blue-green');
    const output = await sink.ready();
    const [, url] = /Viewer +(http:\/\/127\.0\.0\.1:\d+)\/\n/.exec(output) ?? [];
    expect(output).toContain(`Receiver  ${url}/<backend>/v1/traces`);
    expect(output.match(/^export .*$/gm)).toEqual([
      'export SIGNALBOX_BACKENDS=red,blue-green',
      'export SIGNALBOX_DEFAULT_ROUTE=red',
      `export SIGNALBOX_BACKEND_RED_ENDPOINT=${url}/red`,
      `export SIGNALBOX_BACKEND_BLUE_GREEN_ENDPOINT=${url}/blue-green`,
    ]);
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('takes the spans of a service with that environment, and serves its page', async () => {
    const { url, viewerUrl, environment } = await startJson();
    expect(() => RoutingSpanProcessor.fromEnv(environment).shutdown()).not.toThrow();
    expect(Object.keys(environment)).toContain('SIGNALBOX_BACKEND_STANDARD_ENDPOINT');
    expect(await sendSpans(url, 'standard', [{ traceId: '1', spanId: '1' }])).toBe(200);
    const page = await fetch(viewerUrl);
    expect(page.status).toBe(200);
    const [, script] = /src="\.\/(assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
    expect((await fetch(`${url}/${script}`)).status).toBe(200);
  });

  it('makes backends sick', async () => {
    const { url } = await startJson(
      '--fail',
      'busy=503',
      '--fail',
      'shut=400:1m',
      '--delay',
      '1ms',
    );
    const spans = [{ traceId: '1', spanId: '1' }];
    expect(await sendSpans(url, 'busy', spans)).toBe(503);
    expect(await sendSpans(url, 'shut', spans)).toBe(400);
    expect(await sendSpans(url, 'well', spans)).toBe(200);
  });

  it('prints a token beyond loopback', async () => {
    const { viewerUrl } = await startJson('--host', '0.0.0.0');
    expect(new URL(viewerUrl).searchParams.get('token')).toMatch(/^[\w-]{24}$/);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s', async (signal) => {
    const sink = await startJson();
    sink.child.kill(signal);
    expect(await sink.ended()).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits with 1 where the port is taken, and says what to do', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await start('--port', String(port)).ended();
    server.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`error: port ${port} is in use; --port 0 takes a free one\n`);
  });

  it.each([
    ['--port', '70000', 'expected a number from 0 to 65535'],
    ['--fail', 'busy', 'expected backend=status'],
    ['--delay', 'soon', 'expected a time or backend=time'],
    ['--stats', 'ftp://x', 'expected a URL'],
  ])('refuses %s %s', async (option, value, hint) => {
    const { code, stderr } = await start(option, value).ended();
    expect(code).not.toBe(0);
    expect(stderr).toContain(hint);
  });

  it('refuses a password in a URL, and does not repeat it', async () => {
    const { code, stderr } = await start('--stats', 'http://user:word@x').ended();
    expect(code).toBe(2);
    expect(stderr).toBe('error: --stats: a URL with a user or a password in it is not taken\n');
  });

  it('refuses a name that no backend can have', async () => {
    const { stderr } = await start('a b').ended();
    expect(stderr).toContain('1 to 64 letters');
  });
});
