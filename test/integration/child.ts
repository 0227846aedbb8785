import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** What a process left behind when it had ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Node process of its own. One that does not end by itself is killed with its test. */
export interface Child {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  send(message: string): void;
  /** Resolves with the next message that has not been received yet; rejects where none comes. */
  receive(): Promise<unknown>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Starts `node` in the package's folder, so that `import 'signalbox'` is the built package.
 *
 * @param env - All of its environment, but for `PATH`: the caller's own telemetry is none of the test's.
 */
export function startNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });

  const messages: unknown[] = [];
  const receivers: ((message: unknown) => void)[] = [];
  child.on('message', (message) => {
    const receiver = receivers.shift();
    if (receiver === undefined) messages.push(message);
    else receiver(message);
  });

  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  return {
    ended,
    kill: (signal) => void child.kill(signal),
    send: (message) => void child.send(message),
    receive() {
      if (messages.length > 0) return Promise.resolve(messages.shift());
      const received = new Promise<unknown>((resolve) => receivers.push(resolve));
      const lost = ended.then((end) => {
        throw new Error(
          `the process ended (${end.code ?? end.signal}):\n${end.stdout}${end.stderr}`,
        );
      });
      return Promise.race([received, lost]);
    },
  };
}

/** Runs an ES module's text as an application of its own; its imports are relative to the package's folder. */
export function runScript(source: string, env?: NodeJS.ProcessEnv): Promise<Ended> {
  return startScript(source, env).ended;
}

/** As {@link runScript}, for a process to talk to. */
export function startScript(source: string, env?: NodeJS.ProcessEnv): Child {
  return startNode(['--input-type=module', '--eval', source], env);
}

/** Path of a file beside this one's `fixtures`, for `node` and `import`. */
export function fixture(name: string): string {
  return `./test/integration/fixtures/${name}`;
}
