// @ts-check
import { spawn } from 'node:child_process';

/**
 * Runs a command to its end; what it prints is kept back, and told only where it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, bin?: string, mayFail?: boolean }} options - `bin` comes first in `PATH`, so that `node` is the one in it.
 * @returns {Promise<{ code: number | null, output: string }>}
 */
export async function run(command, args, { cwd, bin, mayFail = false }) {
  const path = bin === undefined ? process.env.PATH : `${bin}:${process.env.PATH}`;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  /** @type {number | null} */
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0 && !mayFail) {
    throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.slice(-4000)}`);
  }
  return { code, output };
}
