import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { makeFolder } from '../helpers/folder.js';

/** A Collector of the test's own. */
export interface Otelcol {
  /** Base URL of its OTLP receiver over HTTP. */
  readonly url: string;
  /** Host and port of its OTLP receiver over gRPC. */
  readonly grpc: string;
  /** CPU time that it has used since it was started, in milliseconds; on Linux alone. */
  cpuMs(): number;
  /** Starts it; resolves once it takes requests. */
  start(): Promise<void>;
  /** Stops it, in order or at once; resolves once it has gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What a Collector runs with. */
export interface OtelcolOptions {
  /** Its configuration, as YAML. */
  readonly config: string;
  /** Its environment, but for `PATH` and where its queues are. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Longer than it takes to start on a busy machine. */
const PATIENCE_MS = 60_000;

/**
 * Makes a Collector on free ports of 127.0.0.1, which is stopped at the end of the test. Its configuration is used as it
 * is, but for the ports, and its own metrics, which would want one more.
 */
export async function createOtelcol({ config, env = {} }: OtelcolOptions): Promise<Otelcol> {
  const folder = makeFolder();
  const [http, grpc] = [await freePort(), await freePort()];
  const own = {
    receivers: {
      otlp: {
        protocols: {
          http: { endpoint: `127.0.0.1:${http}` },
          grpc: { endpoint: `127.0.0.1:${grpc}` },
        },
      },
    },
    service: { telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } } },
  };
  const paths = Object.entries({ 'config.yaml': config, 'own.yaml': stringify(own) }).map(
    ([name, text]) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },
  );
  let child: ChildProcess | undefined;
  let log = '';

  async function start(): Promise<void> {
    const started = runOtelcol(paths, { COLLECTOR_STORAGE_DIR: join(folder, 'queues'), ...env });
    child = started;
    log = '';
    started.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (!((await answers(http)) && (await answers(grpc)))) {
      if (started.exitCode !== null) throw new Error(`the Collector has ended:\n${log}`);
      if (Date.now() > giveUpAt) throw new Error(`the Collector does not answer:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const stopping = child;
    child = undefined;
    if (stopping === undefined || stopping.exitCode !== null) return;
    const ended = once(stopping, 'close');
    stopping.kill(signal);
    await ended;
  }

  onTestFinished(() => stop('SIGKILL'));
  return {
    url: `http://127.0.0.1:${http}`,
    grpc: `127.0.0.1:${grpc}`,
    // Fields 14 and 15 of proc(5), in hundredths of a second; what stands before may have spaces.
    cpuMs() {
      const fields = readFileSync(`/proc/${child?.pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    start,
    stop,
  };
}

/** What the Collector's own `validate` says of a configuration: nothing, where it is valid. */
export async function validate({ config, env = {} }: OtelcolOptions): Promise<string> {
  const folder = makeFolder();
  const path = join(folder, 'config.yaml');
  writeFileSync(path, config);
  const storage = { COLLECTOR_STORAGE_DIR: join(folder, 'queues') };
  const child = runOtelcol([path], { ...storage, ...env }, 'validate');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  return code === 0 ? '' : said || `exit code ${code}`;
}

function runOtelcol(
  configs: readonly string[],
  env: NodeJS.ProcessEnv,
  ...command: readonly string[]
): ChildProcess {
  const args = [...command, ...configs.flatMap((path) => ['--config', path])];
  return spawn(inject('collector'), args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Nothing listens there yet.
    return false;
  } finally {
    socket.destroy();
  }
}
