import { fileURLToPath } from 'node:url';
import { run } from '../../src/cli/program.js';
import { type Ended, startNode } from '../integration/child.js';

/** The built command. */
export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/**
 * Runs `signalbox` as a process of its own, in which stdout is no terminal.
 *
 * @param env - All of its environment, but for `PATH`.
 */
export function signalbox(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  // Node 20 takes an --env-file for its own wherever it stands, unless the options have ended.
  return startNode(['--', main, ...args], env).ended;
}

/** What a command has printed, and how it ended. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `signalbox` in this process, on a terminal of this many columns. */
export async function onTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  columns = 80,
): Promise<Printed> {
  let stdout = '';
  let stderr = '';
  const code = await run(args, {
    env,
    stdout: {
      isTTY: true,
      columns,
      write: (text) => {
        stdout += text;
      },
    },
    stderr: {
      isTTY: true,
      columns,
      write: (text) => {
        stderr += text;
      },
    },
  });
  return { code, stdout, stderr };
}
