import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.js';
import { addCheck } from './check.js';
import { addCollectorConfig } from './collector-config.js';
import type { CommandContext, ExitCode } from './command-context.js';
import { addEnv } from './env.js';
import { addExplain } from './explain.js';
import { addProbe } from './probe.js';
import { addSink } from './sink.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

/**
 * Runs `signalbox` with these arguments.
 *
 * @param args - Those behind the command's own name.
 * @returns the exit code. Rejects for a bug only.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = createProgram({
    terminal,
    exit: (given) => {
      code = given;
    },
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has printed its own, help and version included.
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (!(error instanceof UsageError)) throw error;
    terminal.stderr.write(`signalbox: ${error.message}\n`);
    return 2;
  }
}

function exitCodeOf({ exitCode, code }: CommanderError): ExitCode {
  if (exitCode === 0) return 0;
  // Commander's own codes tell of wrong usage; a command that ends by `command.error` has one of its own.
  return code.startsWith('commander.') || exitCode !== 1 ? 2 : 1;
}

function createProgram(context: CommandContext): Command {
  const { stdout, stderr } = context.terminal;
  const program = new Command('signalbox')
    .description('See where every span goes: check, explain and try out a configuration.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(signalbox --help lists the commands and their options)')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
    });
  addCheck(program, context);
  addExplain(program, context);
  addProbe(program, context);
  addEnv(program, context);
  addSink(program);
  addCollectorConfig(program, context);
  return program;
}
