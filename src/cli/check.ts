import type { Command } from 'commander';
import type { ConfigDescription, DescribedSetting, Origin } from '../config/describe.js';
import { maskUrl, type ShownValue } from '../config/mask.js';
import type { Route, RouteTarget } from '../config/resolved.js';
import { describeTarget, formatShare } from '../config/route-targets.js';
import {
  addJsonOption,
  type CommandContext,
  createPrinter,
  type ExitCode,
  type Printer,
  printProblems,
  wrap,
} from './command-context.js';
import { addConfigOptions, type ConfigOptions, readConfig } from './configuration.js';
import { type Cell, renderTable } from './table.js';
import type { Terminal } from './terminal.js';

interface CheckOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** Adds `signalbox check`: prints the configuration that a service would run with, or all that is wrong with it. */
export function addCheck(program: Command, { terminal, exit }: CommandContext): void {
  const command = program
    .command('check')
    .description('print the resolved configuration and where each value comes from; sends nothing');
  addJsonOption(addConfigOptions(command)).action((options: CheckOptions) =>
    exit(check(options, terminal)),
  );
}

function check(options: CheckOptions, terminal: Terminal): ExitCode {
  const read = readConfig(options, terminal);
  if ('problems' in read) return printProblems(read.problems, options.json, terminal);
  const printer = createPrinter(terminal.stdout, terminal.env);
  if (options.json === true) printer.json(toJson(read.description));
  else printer.lines(toLines(read.description, printer));
  return 0;
}

function toJson(description: ConfigDescription): object {
  const { resolved, backends, settings, variables, routes, template, monitoring } = description;
  return {
    ok: true,
    backends: Array.from(backends, ([name, each]) => ({
      name,
      url: urlOf(description, name) ?? null,
      settings: each.map(settingToJson),
    })),
    template: template?.map(settingToJson) ?? null,
    monitoring: monitoring?.map(settingToJson) ?? null,
    routes: Array.from(resolved.routes.values(), ({ key, backends: to, targets, parent }) => ({
      key,
      backends: to,
      ...(targets && { targets: targets.map(targetToJson) }),
      ...(parent !== undefined && { parent }),
      ...requirementToJson(resolved.residency?.required.get(key)),
      ...originToJson(routes?.get(key) ?? { kind: 'default' }),
    })),
    settings: settings.map(settingToJson),
    variables: variables.map(settingToJson),
    warnings: resolved.warnings,
  };
}

function targetToJson({ backend, role, share }: RouteTarget): object {
  return { backend, role, ...(share !== undefined && { share: formatShare(share) }) };
}

function requirementToJson(required: string | undefined): object {
  return required === undefined ? {} : { requires: required };
}

function settingToJson({ name, value, origin }: DescribedSetting): object {
  return { name, value: value ?? null, ...originToJson(origin) };
}

function originToJson(origin: Origin): object {
  return { source: origin.kind, ...('where' in origin && { where: origin.where }) };
}

function toLines(description: ConfigDescription, printer: Printer): string[] {
  const { resolved, backends, settings, variables, routes, template, monitoring } = description;
  const { paint } = printer;
  const heading = (text: string) => ['', paint('heading', text)];
  const table = (headings: readonly string[], rows: readonly (readonly Cell[])[]) =>
    renderTable(headings, rows, { ...printer, indent: 2 });
  const settingTable = (each: readonly DescribedSetting[]) =>
    table(['setting', 'value', 'from'], each.flatMap(settingRow));

  const { required } = resolved.residency ?? {};
  // Most configurations have no such column.
  const isAnyRequired = required !== undefined && required.size > 0;
  const routeRows = Array.from(resolved.routes.values(), (route) => [
    route.key,
    formatTargets(route),
    ...(isAnyRequired ? [required.get(route.key) ?? ''] : []),
    routes === undefined ? faint("the backend's own name") : originCell(routes.get(route.key)),
  ]);
  return [
    paint('good', `The configuration is valid: ${count(backends.size, 'backend')}`),
    ...Array.from(backends, ([name, each]) => [
      ...heading(`backend ${name}`),
      `  ${urlOf(description, name) ?? 'no URL of its own'}`,
      ...settingTable(each),
    ]).flat(),
    ...(template === undefined
      ? []
      : [...heading('template, for keys that no route knows'), ...settingTable(template)]),
    ...(monitoring === undefined ? [] : [...heading('monitoring'), ...settingTable(monitoring)]),
    ...heading('routes'),
    ...table(['key', 'backends', ...(isAnyRequired ? ['requires'] : []), 'from'], routeRows),
    ...heading('process'),
    ...settingTable([...settings, ...variables]),
    ...(resolved.warnings.length > 0 ? heading('warnings') : []),
    ...resolved.warnings
      .flatMap((warning) => wrap(warning, printer, 2))
      .map((line) => paint('notable', line)),
  ];
}

function settingRow({ name, value, type, origin }: DescribedSetting): Cell[][] {
  if (value === undefined) return [];
  return [[name, formatValue(value, type), originCell(origin)]];
}

function originCell(origin: Origin = { kind: 'default' }): Cell {
  return 'where' in origin ? origin.where : faint(origin.kind);
}

function formatTargets({ backends, targets, parent }: Route): string {
  const names = backends.map((name, index) => {
    const gets = targets?.[index] && describeTarget(targets[index]);
    return gets ? `${name} (${gets})` : name;
  });
  return names.join(', ') + (parent === undefined ? '' : `; parent ${parent}`);
}

function faint(text: string): Cell {
  return { text, style: 'faint' };
}

function formatValue(value: ShownValue, type: string): string {
  if (typeof value === 'number')
    return type === 'milliseconds' ? `${value} ms` : `${value} ${type}`;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return value === '' ? '(empty)' : value;
  if (Array.isArray(value)) return value.join(', ');
  return Object.entries(value)
    .map(([name, part]) => `${name}=${String(part)}`)
    .join(', ');
}

function urlOf({ resolved }: ConfigDescription, backend: string): string | undefined {
  const url = resolved.backends.get(backend)?.url;
  return url === undefined ? undefined : maskUrl(url);
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}
