import { describe, expect, it } from 'vitest';
import { namesAt, openHangingBackend, openReceiver } from '../integration/backends.js';
import { startScript } from './service.js';

describe('a process that has nothing left to do', () => {
  it('delivers what it has made, each time, and keeps its exit code', async () => {
    const receiver = await openReceiver();
    const child = startScript(
      receiver.url,
      `span('first');
      process.once('beforeExit', () => setImmediate(span, 'second'));
      process.exitCode = 3;
      process.channel.unref();`,
    );
    expect(await child.ended).toEqual({ code: 3, signal: null, stdout: '', stderr: '' });
    expect(namesAt(receiver)).toEqual(['first', 'second']);
  });

  it('ends although a backend hangs, and says what is lost', async () => {
    const child = startScript(
      await openHangingBackend(),
      "span('lost'); process.channel.unref();",
      {
        SIGNALBOX_SHUTDOWN_TIMEOUT: '200',
        SIGNALBOX_BACKEND_MAIN_TIMEOUT: '400',
      },
    );
    expect(await child.ended).toEqual({
      code: 0,
      signal: null,
      stdout: '',
      stderr: 'signalbox: the process ends with spans undelivered: 1 for main\n',
    });
  });
});

it.each([
  ['process.exit(4)', 'process.exit(4)', 4],
  ['an error that nobody handles', "throw new Error('unhandled')", 1],
])('%s leaves no time, and what is lost is said', async (_, end, code) => {
  const receiver = await openReceiver();
  const child = startScript(receiver.url, `span('lost'); ${end};`);
  const ended = await child.ended;
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain('the process ends with spans undelivered: 1 for main\n');
  expect(namesAt(receiver)).toEqual([]);
});
