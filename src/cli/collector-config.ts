import { type Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { agentsConfig, type Gateways, parseGateways } from './collector/agents.js';
import type { Settings } from './collector/components.js';
import { listDifferences } from './collector/differences.js';
import { gatewaysConfig } from './collector/gateways.js';
import { createReferences, type References } from './collector/references.js';
import {
  type CommandContext,
  createPrinter,
  type ExitCode,
  printProblems,
  wrap,
} from './command-context.js';
import { addConfigOptions, type ConfigOptions, readConfig } from './configuration.js';
import type { Terminal } from './terminal.js';

interface CollectorConfigOptions extends ConfigOptions {
  readonly tier: 'agents' | 'gateways';
  readonly format: 'yaml';
  readonly gateways: Gateways;
}

/** Adds `signalbox collector-config`: prints a Collector's configuration that routes as the service's own would. */
export function addCollectorConfig(program: Command, { terminal, exit }: CommandContext): void {
  const command = program
    .command('collector-config')
    .description("print an OpenTelemetry Collector's configuration that routes as this one does")
    .addOption(
      new Option('--tier <tier>', 'the gateways, which route, or the agents before them')
        .choices(['agents', 'gateways'])
        .default('gateways'),
    )
    .addOption(
      new Option('--format <format>', 'of what is printed').choices(['yaml']).default('yaml'),
    )
    .addOption(
      new Option(
        '--gateways <hosts>',
        'for the agents: a name that DNS has every gateway for, or host:port,host:port,...',
      )
        .default({ hostname: 'gateways', port: undefined }, 'gateways')
        .argParser((text) => {
          const gateways = parseGateways(text);
          if (gateways === undefined) throw new InvalidArgumentError('It is no list of hosts.');
          return gateways;
        }),
    );
  addConfigOptions(command).action((options: CollectorConfigOptions) =>
    exit(printCollectorConfig(options, terminal)),
  );
}

function printCollectorConfig(options: CollectorConfigOptions, terminal: Terminal): ExitCode {
  // What is printed is a file, into which stdout is led: nothing else may stand in it.
  const refuse = (problems: Parameters<typeof printProblems>[0]) =>
    printProblems(problems, false, { ...terminal, stdout: terminal.stderr });
  const read = readConfig(options, terminal);
  if ('problems' in read) return refuse(read.problems);
  const { description } = read;
  const { problems, warnings } = listDifferences(description);
  if (problems.length > 0) return refuse(problems);

  const references = createReferences(description);
  const config =
    options.tier === 'agents'
      ? agentsConfig(description, options.gateways)
      : gatewaysConfig(description, references);
  const printer = createPrinter(terminal.stderr, terminal.env);
  // The agents send nothing to any backend: what is left out, is left out of the gateways.
  if (options.tier === 'gateways') {
    printer.lines(
      warnings
        .flatMap((warning) => wrap(warning, printer))
        .map((text) => printer.paint('notable', text)),
    );
  }
  terminal.stdout.write(format(config, options.tier, references));
  return 0;
}

function format(config: Settings, tier: string, references: References): string {
  const variables = Array.from(references.list(), ([name, holds]) => `#   ${name}: ${holds}\n`);
  return [
    `# An OpenTelemetry Collector of the ${tier}, by \`signalbox collector-config\`.\n`,
    '# COLLECTOR_HOST is the address that it listens on, 127.0.0.1 by default: whoever reaches it may choose a route.\n',
    '# COLLECTOR_STORAGE_DIR holds its queues, /var/lib/otelcol/file_storage by default.\n',
    ...(variables.length > 0
      ? [
          '# Variables that it needs, each `$` in a value written `$$`, as the Collector expands what it reads:\n',
          ...variables,
        ]
      : []),
    stringify(config, { version: '1.2', lineWidth: 0, aliasDuplicateObjects: false }),
  ].join('');
}
