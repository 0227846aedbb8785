import type { Command } from 'commander';
import { shownKey } from '../config/findings.js';
import { toPrintable } from '../transport/printable.js';
import {
  addJsonOption,
  type CommandContext,
  createPrinter,
  type ExitCode,
  type Printer,
  printProblems,
} from './command-context.js';
import { addConfigOptions, type ConfigOptions, readConfig } from './configuration.js';
import { type ExplainedBackend, type Explanation, explainKey } from './explanation.js';
import { askService, type ReportedDecision, type ServiceReport } from './service-report.js';
import { parseStatsUrl } from './stats-url.js';
import { type Cell, renderColumns, renderTable } from './table.js';
import type { Terminal } from './terminal.js';

interface ExplainOptions extends ConfigOptions {
  readonly json?: boolean;
  /** Where a running service serves its stats. */
  readonly stats?: string;
}

/** Adds `signalbox explain`: says where route keys lead and why, and what a running service has decided. */
export function addExplain(program: Command, { terminal, exit }: CommandContext): void {
  const command = program
    .command('explain')
    .description('say which backends route keys lead to, and why')
    .argument('[key...]', 'route keys; without any, all that are configured')
    .option(
      '--stats <url>',
      'also ask a running service (its statsHandler, or SIGNALBOX_STATS_PORT) what it decided lately',
    );
  addJsonOption(addConfigOptions(command)).action(
    async (keys: readonly string[], options: ExplainOptions) => {
      const { stats } = options;
      const service = stats === undefined ? undefined : parseStatsUrl(stats, command);
      exit(await explain(keys, service, options, terminal));
    },
  );
}

async function explain(
  keys: readonly string[],
  service: URL | undefined,
  options: ExplainOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { json } = options;
  // Of a service that runs elsewhere nobody needs to have the configuration here.
  const isServiceAlone = service !== undefined && keys.length === 0;
  const read = isServiceAlone ? undefined : readConfig(options, terminal);
  if (read !== undefined && 'problems' in read) {
    return printProblems(read.problems, json, terminal);
  }
  const configured =
    read === undefined ? [] : [...read.description.resolved.routes.keys(), undefined];
  const asked = keys.length > 0 ? keys : configured;
  const explanations =
    read === undefined ? [] : asked.map((key) => explainKey(read.description, key));
  const report = service === undefined ? undefined : ofKeys(keys, await askService(service));

  const printer = createPrinter(terminal.stdout, terminal.env);
  const isAnyDropped = keys.length > 0 && explanations.some(({ dropped }) => dropped !== undefined);
  const isFine = !isAnyDropped && !(report !== undefined && 'problem' in report);
  if (json === true) printer.json({ ok: isFine, ...toJson(explanations, report) });
  else printer.lines(toLines(explanations, report, printer));
  return isFine ? 0 : 1;
}

function ofKeys(keys: readonly string[], report: ServiceReport): ServiceReport {
  if ('problem' in report || keys.length === 0) return report;
  return {
    decisions: report.decisions.filter(({ key }) => key !== undefined && keys.includes(key)),
  };
}

function toJson(explanations: readonly Explanation[], report: ServiceReport | undefined): object {
  return {
    keys: explanations.map(({ key, reason, because, requires, dropped, backends }) => ({
      key: key ?? null,
      reason,
      because,
      ...(requires !== undefined && { requires: requires.class }),
      ...(dropped !== undefined && { dropped }),
      backends: backends.map(({ backend, url, ...what }) => ({
        name: backend.name,
        url: url ?? null,
        ...(backend.class !== undefined && { class: backend.class }),
        ...what,
      })),
    })),
    ...(report !== undefined && { service: report }),
  };
}

function toLines(
  explanations: readonly Explanation[],
  report: ServiceReport | undefined,
  printer: Printer,
): string[] {
  const sections = explanations.map((each) => explanationLines(each, printer));
  if (report !== undefined) sections.push(serviceLines(report, printer));
  return sections.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

function explanationLines(explanation: Explanation, printer: Printer): string[] {
  const { key, because, requires, dropped, backends } = explanation;
  const name = key === undefined ? '(no key)' : shownKey(key);
  const rows: Cell[][] = [
    ...(dropped === undefined ? [] : [['dropped', { text: dropped, style: 'bad' as const }]]),
    ...backends.flatMap((each) => [
      ['to', backendLine(each)],
      ...(each.parent === undefined ? [] : [['under', each.parent]]),
    ]),
    ['because', because],
    ...(requires === undefined
      ? []
      : [['requires', `backends of the class ${requires.class} (${requires.where})`]]),
    ...viewRows(explanation),
  ];
  return [printer.paint('heading', name), ...renderColumns(rows, { ...printer, indent: 2 })];
}

function backendLine({
  backend,
  url = 'no URL of its own',
  role,
  share,
}: ExplainedBackend): string {
  const words = [
    ...(role === 'shadow' ? ['as a shadow'] : []),
    ...(share === undefined ? [] : [`${share} of the traces`]),
    ...(backend.class === undefined ? [] : [`class ${backend.class}`]),
    // A shadow's copies may be lost: nobody stands by for them.
    ...(backend.standby === undefined || role === 'shadow' ? [] : [`standby ${backend.standby}`]),
  ];
  return `${backend.name}  ${url}${words.length === 0 ? '' : `  (${words.join(', ')})`}`;
}

/** What the configuration makes of the spans, with the backends' names where they differ. */
function viewRows({ backends }: Explanation): Cell[][] {
  const rows = backends.flatMap(({ backend: { name }, ...view }) => [
    ...(view.filter === 'ai' ? [{ name, does: 'sends', what: 'spans of AI alone' }] : []),
    ...Object.entries(view.writes).map(([key, value]) => ({
      name,
      does: 'writes',
      what: `${key}=${value}`,
    })),
    ...view.omits.map((what) => ({ name, does: 'omits', what })),
    ...view.hashes.map((what) => ({ name, does: 'hashes', what })),
    ...Object.entries(view.truncates).map(([glob, maxCharacters]) => ({
      name,
      does: 'cuts',
      what: `${glob} at ${maxCharacters} characters`,
    })),
  ]);
  return [...new Set(rows.map(({ does, what }) => `${does} ${what}`))].map((id) => {
    const same = rows.filter(({ does, what }) => `${does} ${what}` === id);
    const [{ does, what } = { does: '', what: '' }] = same;
    const names = same.map(({ name }) => name).join(', ');
    return [does, same.length === backends.length ? what : `${what} (${names})`];
  });
}

function serviceLines(report: ServiceReport, printer: Printer): string[] {
  const heading = printer.paint('heading', 'decided lately');
  if ('problem' in report) return [heading, printer.paint('bad', `  ${report.problem}`)];
  if (report.decisions.length === 0) return [heading, '  nothing'];
  return [
    heading,
    ...renderTable(
      ['when (UTC)', 'outcome', 'by', 'key', 'to', 'trace'],
      report.decisions.map(decisionRow),
      { ...printer, indent: 2 },
    ),
  ];
}

function decisionRow({
  at,
  outcome,
  by,
  key,
  backends,
  dropped,
  traceId,
}: ReportedDecision): Cell[] {
  // Another process's words, which must not steer the terminal.
  const word = (text = '') => toPrintable(text);
  const to: Cell =
    dropped === undefined ? word(backends?.join(', ')) : { text: word(dropped), style: 'bad' };
  const when = new Date(at).toISOString().slice(11, 19);
  return [when, word(outcome), word(by), word(key), to, word(traceId)];
}
