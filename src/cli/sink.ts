import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { backendNameHint, isBackendName, variablePart } from '../config/backend-name.js';
import { type Delay, type Failure, parseDelay, parseFailure } from '../receiver/fault-plan.js';
import { parseStatsUrl } from './stats-url.js';

interface SinkFlags {
  readonly port: number;
  readonly host: string;
  readonly fail: readonly Failure[];
  readonly delay: readonly Delay[];
  readonly stats?: string;
  readonly routeAttribute: string;
  readonly json?: boolean;
}

/** Adds `signalbox sink`: a local receiver for any number of backends, with the viewer. */
export function addSink(program: Command): void {
  program
    .command('sink')
    .summary('receive spans on this machine, and see where each went')
    .description(
      'Receives spans for any number of backends, at /<backend>/v1/traces, and shows them in a page at /.',
    )
    .argument('[backend...]', 'the backends whose variables are printed', parseName, DEFAULT_NAMES)
    .option('--port <port>', 'where to listen; 0 for a free port', parsePort, 4318)
    .option('--host <host>', 'beyond loopback the page asks for a token', parseHost, '127.0.0.1')
    .option(
      '--fail <backend=status[:time]>',
      'answer a backend with a failure, such as busy=503:30s; may be repeated',
      collect(parseFailure, 'expected backend=status or backend=status:time, as in busy=503:30s'),
      [],
    )
    .option(
      '--delay <backend=time>',
      'answer late: all backends (200ms) or one (busy=2s); may be repeated',
      collect(parseDelay, 'expected a time or backend=time, as in 200ms or busy=2s'),
      [],
    )
    .option('--stats <url>', "a service's statsHandler: shows queues, retries and drops")
    .option('--route-attribute <name>', 'the attribute with the route key', 'signalbox.route')
    .option('--json', 'print addresses and variables as one line of JSON')
    .action(runSink);
}

const DEFAULT_NAMES: readonly string[] = ['standard', 'byoc'];

async function runSink(names: readonly string[], flags: SinkFlags, command: Command) {
  const { port, host, fail, delay, routeAttribute, json = false } = flags;
  const stats = flags.stats === undefined ? undefined : parseStatsUrl(flags.stats, command);
  const options = { port, host, failures: fail, delays: delay, stats, routeAttribute };
  // Loaded when it is asked for: no other command needs a server.
  const { startSink } = await import('../viewer/sink.js');
  const sink = await startSink(options).catch((error: unknown) =>
    command.error(`error: ${describe(error, host, port)}`, { exitCode: 1, code: 'signalbox.sink' }),
  );
  // Before anything is printed: a script that has read it may end the sink at once.
  const stop = () => void sink.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const environment = environmentFor(names, sink.url);
  const { url, viewerUrl } = sink;
  process.stdout.write(
    json
      ? `${JSON.stringify({ url, viewerUrl, environment })}\n`
      : describeSink(url, viewerUrl, environment),
  );
}

/** What a service needs in its environment to send each backend's spans to the sink. */
function environmentFor(names: readonly string[], url: string): Record<string, string> {
  const [first = ''] = names;
  return {
    SIGNALBOX_BACKENDS: names.join(','),
    SIGNALBOX_DEFAULT_ROUTE: first,
    ...Object.fromEntries(
      names.map((name) => [`SIGNALBOX_BACKEND_${variablePart(name)}_ENDPOINT`, `${url}/${name}`]),
    ),
  };
}

function describeSink(
  url: string,
  viewerUrl: string,
  environment: Readonly<Record<string, string>>,
): string {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}=${value}`);
  return `Viewer    ${viewerUrl}
Receiver  ${url}/<backend>/v1/traces

${lines.join('\n')}

Any name will do for a backend. Ctrl-C stops it, and forgets all spans.
`;
}

function describe(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use; --port 0 takes a free one`;
    case 'EACCES':
      return `port ${port} may not be used; --port 0 takes a free one`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine`;
    default:
      return `can not listen on ${host}:${port}: ${error instanceof Error ? error.message : error}`;
  }
}

function collect<T>(parse: (text: string) => T | undefined, hint: string) {
  return (text: string, before: readonly T[]): readonly T[] => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(hint);
    return [...before, value];
  };
}

// The default is what stands there before the first name that is given.
function parseName(text: string, before: readonly string[]): readonly string[] {
  if (!isBackendName(text)) throw new InvalidArgumentError(`expected ${backendNameHint}`);
  const names = before === DEFAULT_NAMES ? [] : before;
  const other = names.find((name) => variablePart(name) === variablePart(text));
  if (other !== undefined) {
    throw new InvalidArgumentError(`its variables would be those of '${other}'`);
  }
  return [...names, text];
}

// An empty one, which an unset variable of a shell makes, would listen on every address.
function parseHost(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected an address of this machine');
  return text;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('expected a number from 0 to 65535');
  return port;
}
