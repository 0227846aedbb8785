// @ts-check
// The processes of a benchmark: one receiver for all of it, and one for each measured run, which starts with a
// clean heap and leaves nothing to the next.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./receiver.mjs').Behaviour} Behaviour */
/** @typedef {import('./receiver.mjs').Report} Report */

/**
 * @typedef {object} Receiver
 * @property {string} url
 * @property {(behaviour: Behaviour) => Promise<void>} reset forgets what it counted
 * @property {() => Promise<Report>} report
 * @property {() => void} stop
 */

/** Far more than any run takes: what is over it hangs. */
const RUN_TIMEOUT_MS = 300_000;

/** @returns {Promise<Receiver>} */
export async function startReceiver() {
  const child = start('receiver.mjs', [], []);
  const url = await nextMessage(child);

  return {
    url: String(url),
    async reset(behaviour) {
      await ask(child, { type: 'reset', behaviour });
    },
    async report() {
      return /** @type {Report} */ (await ask(child, { type: 'report' }));
    },
    stop() {
      child.disconnect();
    },
  };
}

/**
 * Runs one measurement.
 *
 * @param {string} script
 * @param {object} spec
 * @param {readonly string[]} [flags] of its Node process
 * @returns {Promise<unknown>} what it sends
 */
export async function measure(script, spec, flags = []) {
  const child = start(script, [JSON.stringify(spec)], ['--expose-gc', ...flags]);
  const timeout = setTimeout(() => child.kill('SIGKILL'), RUN_TIMEOUT_MS);
  const exited = once(child, 'exit');
  try {
    const result = await nextMessage(child);
    // The next one is to have the machine for itself.
    await exited;
    return result;
  } finally {
    clearTimeout(timeout);
  }
}

/**
 * Asks a child that answers each message by one.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {import('node:child_process').Serializable} [question] without one it is waited for what it says by itself
 */
export function ask(child, question) {
  const answer = nextMessage(child);
  if (question !== undefined) child.send(question);
  return answer;
}

/** @param {string} script @param {string[]} args @param {string[]} execArgv */
export function start(script, args, execArgv) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return fork(path, args, { execArgv, env: ownEnvironment() });
}

/** Without the variables by which the shell it is started from would configure what is measured. */
function ownEnvironment() {
  const foreign = /^(OTEL_|SIGNALBOX_|BRAINTRUST_|NODE_|HTTPS?_PROXY$|NO_PROXY$|UV_)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<unknown>} */
function nextMessage(child) {
  return new Promise((resolve, reject) => {
    /** @param {unknown} message */
    function onMessage(message) {
      child.off('exit', onExit);
      resolve(message);
    }
    /** @param {number | null} code @param {string | null} signal */
    function onExit(code, signal) {
      child.off('message', onMessage);
      reject(new Error(`${child.spawnargs.slice(2).join(' ')} ended: ${code ?? signal}`));
    }
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
