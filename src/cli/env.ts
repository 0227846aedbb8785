import { isDeepStrictEqual } from 'node:util';
import { type Command, Option } from 'commander';
import type { ConfigDescription } from '../config/describe.js';
import { formatDotenvLine } from '../config/dotenv.js';
import { resolveFromEnv } from '../config/env.js';
import { ConfigError, type ConfigProblem } from '../config/error.js';
import { configFileOf, formatConfigFile } from '../config/file-of.js';
import { hasSecret, MASK } from '../config/mask.js';
import { comparableMonitoring } from '../config/monitoring.js';
import { propagationSettings } from '../config/propagation-settings.js';
import type { ResolvedConfig } from '../config/resolved.js';
import {
  configFileSetting,
  processSettings,
  registerSettings,
  type Setting,
} from '../config/schema.js';
import { prefix } from '../config/unknown-variables.js';
import { type SettingVariable, variablesOf } from '../config/variables-of.js';
import {
  addJsonOption,
  type CommandContext,
  createPrinter,
  type ExitCode,
  printProblems,
} from './command-context.js';
import {
  addConfigOptions,
  type ConfigOptions,
  readConfig,
  readEnvironment,
} from './configuration.js';
import type { Terminal } from './terminal.js';

interface EnvOptions extends ConfigOptions {
  readonly json?: boolean;
  readonly to?: 'env' | 'yaml';
  readonly showSecrets?: boolean;
}

/** Adds `signalbox env`: prints the variables for a configuration file, or a configuration file for the variables. */
export function addEnv(program: Command, { terminal, exit }: CommandContext): void {
  const command = program
    .command('env')
    .description('print the variables for a configuration file, or a file for the variables')
    .addOption(
      new Option('--to <form>', 'what to print; the other one than there is, by default').choices([
        'env',
        'yaml',
      ]),
    )
    .option('--show-secrets', 'print secrets as they are');
  addJsonOption(addConfigOptions(command)).action((options: EnvOptions) =>
    exit(printConverted(options, terminal)),
  );
}

function printConverted(options: EnvOptions, terminal: Terminal): ExitCode {
  const read = readConfig(options, terminal);
  if ('problems' in read) return refuse(read.problems, options.json, terminal);
  const env = readEnvironment(options, terminal.env);
  const { to = env[fileVariable] === undefined ? 'yaml' : 'env' } = options;
  return to === 'yaml'
    ? printFile(read.description, options, terminal)
    : printVariables(read.description, env, options, terminal);
}

function printFile(
  { given }: ConfigDescription,
  { json, showSecrets = false }: EnvOptions,
  terminal: Terminal,
): ExitCode {
  const file = configFileOf(given, showSecrets);
  const printer = createPrinter(terminal.stdout, terminal.env);
  if (json === true) printer.json({ ok: true, config: file.settings, leftOut: file.leftOut });
  else terminal.stdout.write(formatConfigFile(file));
  return 0;
}

function printVariables(
  { given, resolved }: ConfigDescription,
  env: NodeJS.ProcessEnv,
  { json, showSecrets = false }: EnvOptions,
  terminal: Terminal,
): ExitCode {
  const variables = [...variablesOf(given), ...variablesBeside(env)];
  const problems = problemsOf(variables, env, resolved);
  if (problems.length > 0) return refuse(problems, json, terminal);

  const isShown = ({ value, setting }: SettingVariable) =>
    showSecrets || !hasSecret(value, setting);
  const printer = createPrinter(terminal.stdout, terminal.env);
  if (json === true) {
    printer.json({
      ok: true,
      variables: Object.fromEntries(
        variables.filter(isShown).map((each) => [each.name, each.value]),
      ),
      leftOut: variables
        .filter((each) => !isShown(each))
        .map(({ name, where }) => ({ name, where })),
    });
    return 0;
  }
  const lines: string[] = [];
  const unwritable: ConfigProblem[] = [];
  for (const each of variables) {
    const { name, value, where } = each;
    const line = isShown(each)
      ? formatDotenvLine(name, value)
      : // A comment: whoever loads the rest gets no wrong key, and is told of the missing one.
        `# ${name}=${MASK}${where === name ? '' : ` (${where})`}`;
    if (line === undefined) unwritable.push(problemOfLine(where));
    else lines.push(line);
  }
  // Without one of them a service would run with other settings, or another key, than those that are asked for.
  if (unwritable.length > 0) return refuse(unwritable, json, terminal);
  printer.lines(lines);
  return 0;
}

function problemOfLine(where: string): ConfigProblem {
  return {
    where,
    what: 'has a value that stands in no line that Node and shells read alike',
    hint: 'print the variables with --json, or keep what there is',
  };
}

/** Problems go to stderr: what is printed otherwise is a file, into which stdout is led. */
function refuse(
  problems: readonly ConfigProblem[],
  json: boolean | undefined,
  terminal: Terminal,
): ExitCode {
  const stdout = json === true ? terminal.stdout : terminal.stderr;
  return printProblems(problems, json, { ...terminal, stdout });
}

const fileVariable = `${prefix}${configFileSetting.variable}`;

/** What no file can give, as it is set. */
function variablesBeside(env: NodeJS.ProcessEnv): SettingVariable[] {
  const settings: readonly Setting[] = [
    ...Object.values(propagationSettings),
    ...Object.values(registerSettings),
  ];
  return settings.flatMap((setting) => {
    const name = `${prefix}${setting.variable}`;
    const value = env[name];
    return value === undefined ? [] : [{ name, value, setting, where: name }];
  });
}

/** Why the variables would not come to the same; nothing where they do. */
function problemsOf(
  variables: readonly SettingVariable[],
  env: NodeJS.ProcessEnv,
  expected: ResolvedConfig,
): readonly ConfigProblem[] {
  const others = Object.entries(env).filter(([name]) => !name.startsWith(prefix));
  const entries = variables.map(({ name, value }) => [name, value]);
  try {
    const resolved = resolveFromEnv(Object.fromEntries([...others, ...entries]));
    if (isDeepStrictEqual(comparable(resolved), comparable(expected))) return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [
    {
      where: `${prefix}${processSettings.backends.variable}`,
      what: 'and the other variables can not say what the file says',
      hint: 'keep the file',
    },
  ];
}

/** A configuration as plain data. Warnings name other places, and exporters are made anew each time. */
function comparable({ warnings: _, dynamic, monitoring, ...resolved }: ResolvedConfig): unknown {
  return {
    ...resolved,
    monitoring: comparableMonitoring(monitoring),
    dynamic: dynamic && { ...dynamic, lookUp: undefined },
    backends: Array.from(resolved.backends.values(), ({ delivery, ...backend }) => ({
      ...backend,
      kind: delivery.kind,
    })),
    routes: [...resolved.routes.values()],
  };
}
