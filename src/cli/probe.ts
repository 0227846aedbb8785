import type { Command } from 'commander';
import { readBraintrustApp } from '../config/braintrust-app.js';
import type { ConfigDescription } from '../config/describe.js';
import { shownKey } from '../config/findings.js';
import type { Backend } from '../config/resolved.js';
import {
  addJsonOption,
  type CommandContext,
  createPrinter,
  type ExitCode,
  type Printer,
  printProblems,
} from './command-context.js';
import {
  addConfigOptions,
  type ConfigOptions,
  readConfig,
  readEnvironment,
} from './configuration.js';
import { type Explanation, explainKey } from './explanation.js';
import { type ProbeResult, probeBackend } from './probe-backend.js';
import { type Cell, renderColumns } from './table.js';
import type { Style, Terminal } from './terminal.js';

interface ProbeFlags extends ConfigOptions {
  readonly json?: boolean;
  readonly route?: string;
  readonly confirm?: boolean;
}

/** How many backends are probed at a time: side by side, and few enough that none waits for the others' sockets. */
const MAX_CONCURRENT = 16;

/** Adds `signalbox probe`: sends one marked span to each backend, and says what became of it. */
export function addProbe(program: Command, { terminal, exit }: CommandContext): void {
  const command = program
    .command('probe')
    .description("send one marked span through each backend's own exporter")
    .option('--route <key>', 'only the backends that this route key leads to')
    .option('--confirm', 'ask each backend for the span, where it can be asked (signalbox sink)');
  addJsonOption(addConfigOptions(command)).action(async (flags: ProbeFlags) =>
    exit(await probe(flags, terminal)),
  );
}

async function probe(flags: ProbeFlags, terminal: Terminal): Promise<ExitCode> {
  const read = readConfig(flags, terminal);
  if ('problems' in read) return printProblems(read.problems, flags.json, terminal);
  const { description } = read;
  const explanation = flags.route === undefined ? undefined : explainKey(description, flags.route);
  const targets = explanation === undefined ? allTargets(description) : targetsOf(explanation);
  const isConfirmed = flags.confirm === true;
  const app = readBraintrustApp(readEnvironment(flags, terminal.env));
  const results = await mapConcurrently(targets, ({ backend, routeKey, parent }) =>
    probeBackend(backend, { description, routeKey, parent, isConfirmed, app }),
  );

  const dropped = explanation?.dropped;
  const isFine = dropped === undefined && results.every(isSound);
  const printer = createPrinter(terminal.stdout, terminal.env);
  if (flags.json === true) {
    printer.json({ ok: isFine, ...(dropped !== undefined && { dropped }), probes: results });
  } else {
    if (dropped !== undefined) {
      const key = shownKey(flags.route ?? '');
      printer.lines([printer.paint('bad', `${key} leads nowhere: ${explanation?.because}`)]);
    }
    printer.lines(results.flatMap((result) => resultLines(result, printer)));
  }
  return isFine ? 0 : 1;
}

/** A backend, and how it gets the span. */
interface Target {
  readonly backend: Backend;
  readonly routeKey: string;
  /** The parent that the route gives it; `undefined` is the backend's own. */
  readonly parent: string | undefined;
}

function targetsOf({ key, backends }: Explanation): Target[] {
  return backends.map(({ backend, writes, parent }) => ({
    backend,
    // The default route writes a key of its own.
    routeKey: Object.values(writes)[0] ?? key ?? backend.name,
    parent,
  }));
}

/** Every backend once, under the first key that leads to it. */
function allTargets({ resolved }: ConfigDescription): Target[] {
  const routes = [
    ...resolved.routes.values(),
    ...(resolved.defaultRoute ? [resolved.defaultRoute] : []),
  ];
  return Array.from(resolved.backends.values(), (backend) => {
    const route = routes.find(({ backends }) => backends.includes(backend.name));
    return { backend, routeKey: route?.key ?? backend.name, parent: route?.parent };
  });
}

function isSound({ status, confirmation }: ProbeResult): boolean {
  return status !== 'failed' && confirmation !== 'missing';
}

function resultLines(result: ProbeResult, printer: Printer): string[] {
  const { url, proxy, addresses, warning, failure, confirmation, logs } = result;
  const row = (label: string, cell: Cell | undefined) =>
    cell === undefined ? [] : [[label, cell]];
  const styled = (style: Style, text: string | undefined) => text && { text, style };
  const rows: Cell[][] = [
    ...row('url', url),
    ...row('proxy', proxy),
    ...row('address', addresses.length > 0 ? addresses.join(', ') : undefined),
    ...row('answer', answerOf(result)),
    ...row('says', styled('notable', warning)),
    ...row('cause', styled('bad', failure?.cause)),
    ...row('to do', failure?.hint),
    ...row('confirmed', confirmation && confirmationCell(confirmation)),
    ...row('trace', result.status === 'delivered' ? result.traceId : undefined),
    ...row('logs', logs && ('url' in logs ? logs.url : { text: logs.missing, style: 'faint' })),
  ];
  const style = isSound(result) ? 'good' : 'bad';
  const heading = `${result.backend}  ${printer.paint(style, words[result.status])}`;
  return [heading, ...renderColumns(rows, { ...printer, indent: 2 }), ''];
}

const words: Readonly<Record<ProbeResult['status'], string>> = {
  delivered: 'delivered',
  failed: 'failed',
  skipped: "not probed: writes to the service's own console",
};

function answerOf({ status, httpStatus, latencyMs }: ProbeResult): string | undefined {
  if (latencyMs === undefined) return undefined;
  if (httpStatus !== undefined) return `HTTP ${httpStatus} after ${latencyMs} ms`;
  // An exporter that was made elsewhere says whether it succeeded, and not how.
  return status === 'delivered' ? `taken, after ${latencyMs} ms` : `none, after ${latencyMs} ms`;
}

function confirmationCell(confirmation: NonNullable<ProbeResult['confirmation']>): Cell {
  switch (confirmation) {
    case 'confirmed':
      return { text: 'the backend has the span', style: 'good' };
    case 'missing':
      return { text: 'the backend took the span, and does not show it', style: 'bad' };
    case 'unsupported':
      return { text: 'this backend can not be asked', style: 'faint' };
  }
}

/** Calls `fn` for every item, a few at a time; the results are in the order of the items. */
async function mapConcurrently<T, R>(
  items: readonly T[],
  fn: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const work = async (): Promise<void> => {
    // All workers draw from the same iterator.
    for (const [index, item] of rest) results[index] = await fn(item);
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT }, work));
  return results;
}
