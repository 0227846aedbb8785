// @ts-check
// Runs the service of an example as its user would, in a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// Longer than any example takes, and shorter than anybody wants to wait for one that hangs.
const PATIENCE_MS = 25_000;

/**
 * Runs `node <args>` in the example's folder, and says so.
 *
 * @param {string} example the example's `import.meta.url`
 * @param {readonly string[]} args
 * @param {Record<string, string>} env beside those of the caller's variables that concern no telemetry
 */
export function runService(example, args, env) {
  console.log(`$ node ${args.join(' ')}`);
  const child = spawn(process.execPath, args, {
    cwd: fileURLToPath(new URL('.', example)),
    env: { ...withoutTelemetry(process.env), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  setTimeout(() => {
    console.error(`The example has not ended after ${PATIENCE_MS / 1000} s.`);
    process.exit(1);
  }, PATIENCE_MS).unref();
  const ended = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', kill);
    if (code !== 0) throw new Error(`The service has ended with ${code ?? signal}.`);
  });
  // Whoever awaits it learns of a failure; nobody may, where another promise has failed before.
  ended.catch(() => {});
  return { child, ended };
}

/**
 * Runs a server that prints its address once it listens, and ends on `SIGTERM`.
 *
 * @param {string} example the example's `import.meta.url`
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 */
export async function startServer(example, args, env) {
  const { child, ended } = runService(example, args, { PORT: '0', ...env });
  const lines = createInterface({ input: child.stdout });
  /** @type {Promise<string>} */
  const listening = new Promise((resolve) => {
    lines.on('line', (line) => {
      const address = /http:\/\/\S+/.exec(line)?.[0];
      if (address === undefined) console.log(line);
      else resolve(address);
    });
  });
  const endedEarly = ended.then(() => {
    throw new Error('The service has ended before it listened.');
  });
  endedEarly.catch(() => {});
  return {
    url: await Promise.race([listening, endedEarly]),
    /** Ends it in good order, with all that it has queued delivered. */
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/**
 * The environment without settings of the caller's own telemetry.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function withoutTelemetry(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(OTEL|SIGNALBOX|BRAINTRUST)_/.test(name)),
  );
}
