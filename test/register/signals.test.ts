import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { RoutingSpanProcessor } from '../../src/index.js';
import { drainAtEnd } from '../../src/register/process-end.js';
import { makeSpoolDir, readBatches } from '../helpers/spool-dir.js';
import { namesAt, openHangingBackend, openReceiver } from '../integration/backends.js';
import { SERVE, startScript } from './service.js';

describe.each(['SIGTERM', 'SIGINT'] as const)('on %s', (signal) => {
  it('an application without a handler ends by the signal, when its spans are delivered', async () => {
    const receiver = await openReceiver();
    const child = startScript(receiver.url, `span('queued'); ${SERVE}`);
    await child.receive();
    child.kill(signal);
    expect(await child.ended).toEqual({ code: null, signal, stdout: '', stderr: '' });
    expect(namesAt(receiver)).toEqual(['queued']);
  });

  it('an application with a handler ends as it likes', async () => {
    const receiver = await openReceiver();
    const child = startScript(
      receiver.url,
      `process.once('${signal}', () => {
        process.send('asked to end');
        process.once('message', () => {
          span('last');
          process.exitCode = 7;
          clearInterval(alive);
          process.disconnect();
        });
      });
      span('queued');
      ${SERVE}`,
    );
    await child.receive();
    child.kill(signal);
    expect(await child.receive()).toBe('asked to end');
    // At once, and not when the process ends: until then it may be killed.
    await receiver.waitForSpans(1);
    child.send('end');
    expect(await child.ended).toEqual({ code: 7, signal: null, stdout: '', stderr: '' });
    expect(namesAt(receiver)).toEqual(['last', 'queued']);
  });
});

describe('a process that was asked to end', () => {
  it('goes on taking spans while it drains', async () => {
    const receiver = await openReceiver({
      // The flush is over when its request is answered, which is after the other span has ended.
      async answer() {
        if (receiver.requests.length > 0) return undefined;
        child.send('draining');
        expect(await child.receive()).toBe('late span ended');
        return undefined;
      },
    });
    const child = startScript(
      receiver.url,
      `process.once('message', () => {
        span('late');
        process.send('late span ended');
      });
      span('queued');
      ${SERVE}`,
    );
    await child.receive();
    child.kill('SIGTERM');
    expect(await child.ended).toMatchObject({ signal: 'SIGTERM', stderr: '' });
    expect(namesAt(receiver)).toEqual(['late', 'queued']);
  });

  it('ends although a backend hangs, and says what is lost', async () => {
    const child = startScript(await openHangingBackend(), `span('lost'); ${SERVE}`, {
      SIGNALBOX_SHUTDOWN_TIMEOUT: '300',
    });
    await child.receive();
    child.kill('SIGTERM');
    expect(await child.ended).toEqual({
      code: null,
      signal: 'SIGTERM',
      stdout: '',
      stderr: 'signalbox: the process ends with spans undelivered: 1 for main\n',
    });
  });

  it('leaves what a backend that hangs does not take to its spool', async () => {
    const spoolDir = makeSpoolDir();
    const child = startScript(await openHangingBackend(), `span('kept'); ${SERVE}`, {
      SIGNALBOX_SHUTDOWN_TIMEOUT: '2000',
      SIGNALBOX_BACKEND_MAIN_SPOOL_DIR: spoolDir,
    });
    await child.receive();
    child.kill('SIGTERM');
    expect(await child.ended).toMatchObject({ signal: 'SIGTERM', stderr: '' });
    expect(readBatches(spoolDir)).toMatchObject([{ spans: 1 }]);
  });

  it('leaves what signal-exit has to do to it', async () => {
    const receiver = await openReceiver();
    const child = startScript(
      receiver.url,
      `import { writeSync } from 'node:fs';
      import { onExit } from 'signal-exit';
      onExit((code, signal) => void writeSync(1, 'cleaned up after ' + signal));
      span('queued');
      ${SERVE}`,
    );
    await child.receive();
    child.kill('SIGTERM');
    expect(await child.ended).toEqual({
      code: null,
      signal: 'SIGTERM',
      stdout: 'cleaned up after SIGTERM',
      stderr: '',
    });
    expect(namesAt(receiver)).toEqual(['queued']);
  });
});

it('the first process of a container, which the kernel keeps its own signals from, exits with their code', async () => {
  const processor = new RoutingSpanProcessor({
    backends: { main: { endpoint: 'http://127.0.0.1:1' } },
  });
  const host = new EventEmitter();
  const exited = new Promise((resolve) => {
    const exit = (code: number): never => resolve(code) as never;
    const kill = () => {
      throw new Error('a signal without effect');
    };
    drainAtEnd(processor, 1000, Object.assign(host, { pid: 1, exit, kill }));
  });
  host.emit('SIGTERM');
  expect(await exited).toBe(143);
});
