import type { Command } from 'commander';
import type { ConfigProblem } from '../config/error.js';
import { wrapText } from './table.js';
import { createPaint, type OutputStream, type Paint, type Terminal, widthOf } from './terminal.js';

/**
 * How a command ends: 0 is fine, 1 has found a problem, and 2 is wrong usage, or a file that can not be read.
 */
export type ExitCode = 0 | 1 | 2;

/** What a command is added with: the process around it, and where its exit code goes. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly exit: (code: ExitCode) => void;
}

/** Gives a command the option `--json`. */
export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON, for programs to read');
}

/** A stream, how wide it is, and how text on it is marked up. */
export interface Printer {
  readonly width: number | undefined;
  readonly paint: Paint;
  lines(lines: readonly string[]): void;
  json(value: unknown): void;
}

/** Creates what prints to a stream of the terminal. */
export function createPrinter(stream: OutputStream, env: NodeJS.ProcessEnv): Printer {
  return {
    width: widthOf(stream),
    paint: createPaint(stream, env),
    lines: (lines) => {
      if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
    },
    json: (value) => stream.write(`${JSON.stringify(value, undefined, 2)}\n`),
  };
}

/** A text in lines that fit the printer, each behind `indent` spaces. */
export function wrap(text: string, { width }: Pick<Printer, 'width'>, indent = 0): string[] {
  const lines = width === undefined ? [text] : wrapText(text, width - indent);
  return lines.map((line) => ' '.repeat(indent) + line);
}

/** Prints what is wrong with a configuration: all of it, and nothing else. */
export function printProblems(
  problems: readonly ConfigProblem[],
  isJson: boolean | undefined,
  terminal: Terminal,
): ExitCode {
  const printer = createPrinter(terminal.stdout, terminal.env);
  if (isJson === true) {
    printer.json({ ok: false, problems });
    return 1;
  }
  const { paint } = printer;
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  printer.lines([
    paint('bad', `The configuration has ${count}`),
    ...problems.flatMap(({ where, what, hint }) => [
      '',
      ...wrap(`${where}: ${what}`, printer).map((line) => paint('heading', line)),
      ...wrap(hint, printer, 2),
    ]),
  ]);
  return 1;
}
