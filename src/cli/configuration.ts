import { parseEnv } from 'node:util';
import type { Command } from 'commander';
import { type ConfigDescription, describeConfig } from '../config/describe.js';
import type { ConfigProblem } from '../config/error.js';
import { configFileSetting } from '../config/schema.js';
import { readTextFile } from '../config/text-file.js';
import { prefix } from '../config/unknown-variables.js';
import { readConfigurationAs } from '../register/configuration.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

/** The options by which a command is told what a service would read. */
export interface ConfigOptions {
  /** Files of variables; a later one counts before an earlier one. */
  readonly envFile: readonly string[];
  /** A configuration file, in place of the one that `SIGNALBOX_CONFIG_FILE` names. */
  readonly config?: string;
}

/** Gives a command the options `--env-file` and `--config`. */
export function addConfigOptions(command: Command): Command {
  return command
    .option(
      '--env-file <file>',
      "variables to read beside the environment's own, which count first, as node --env-file does; may be repeated",
      (file: string, files: readonly string[]) => [...files, file],
      [],
    )
    .option('--config <file>', 'configuration file, in place of SIGNALBOX_CONFIG_FILE');
}

/**
 * The variables that a service would see.
 *
 * @throws {@link UsageError} where a file can not be read.
 */
export function readEnvironment(
  { envFile, config }: ConfigOptions,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const files = envFile.map((path) => parseEnv(readFile('--env-file', path)));
  // Told apart from a file that can be read and is wrong, which is a problem of the configuration.
  if (config !== undefined) readFile('--config', config);
  return {
    ...Object.assign({}, ...files),
    ...env,
    ...(config !== undefined && { [`${prefix}${configFileSetting.variable}`]: config }),
  };
}

/** A configuration that a service could run with, or all that is wrong with it. */
export type ReadConfiguration =
  | { readonly description: ConfigDescription }
  | { readonly problems: readonly ConfigProblem[] };

/**
 * Reads what a service would: the processor's configuration, the propagator's, and what `signalbox/register` reads.
 *
 * @throws {@link UsageError} where a file that an option names can not be read.
 */
export function readConfig(options: ConfigOptions, { env }: Terminal): ReadConfiguration {
  const read = readConfigurationAs(describeConfig, readEnvironment(options, env));
  return 'config' in read ? { description: read.config } : { problems: read.error.problems };
}

function readFile(option: string, path: string): string {
  const file = readTextFile(path);
  if ('text' in file) return file.text;
  throw new UsageError(`${option}: ${JSON.stringify(path)} ${file.what}`);
}
