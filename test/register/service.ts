import http from 'node:http';
import { onTestFinished } from 'vitest';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { plainAttributes, type TestReceiver } from '../helpers/receiver.js';
import { openReceiver } from '../integration/backends.js';
import { type Child, startNode } from '../integration/child.js';

/** The backends of the tests; the last one is the default route. */
export const TENANTS = ['acme', 'globex', 'standard'] as const;

/** The variables that lead each tenant to its own part of the receiver. */
export function tenantVariables({ url }: TestReceiver, more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    SIGNALBOX_BACKENDS: TENANTS.join(),
    SIGNALBOX_DEFAULT_ROUTE: 'standard',
    ...Object.fromEntries(
      TENANTS.map((name) => [`SIGNALBOX_BACKEND_${name.toUpperCase()}_ENDPOINT`, `${url}/${name}`]),
    ),
    ...more,
  };
}

/** Starts an application of `fixtures` with `node --import signalbox/register`, and three backends. */
export async function startApplication(name: string, env: NodeJS.ProcessEnv) {
  const receiver = await openReceiver();
  const child = startRegistered(
    [`./test/register/fixtures/${name}`],
    tenantVariables(receiver, env),
  );
  const { port } = (await child.receive()) as { port: number };
  const agent = new http.Agent({ keepAlive: true, maxSockets: 3 });
  onTestFinished(() => agent.destroy());
  return {
    port,
    receiver,
    get(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<string> {
      return new Promise((resolve, reject) => {
        http
          .get({ host: '127.0.0.1', port, path, agent, headers }, async (response) =>
            resolve((await response.toArray()).join('')),
          )
          .on('error', reject);
      });
    },
    /** Has the application close its server, and end by itself. */
    async stop() {
      child.send('stop');
      return child.ended;
    },
  };
}

/** `node --import signalbox/register`, in the package's folder. */
export function startRegistered(args: readonly string[], env: NodeJS.ProcessEnv): Child {
  return startNode(['--import', 'signalbox/register', ...args], env);
}

/** The path that a span tells of: of a client span, that of the request it made. */
export function pathOf({ attributes }: ReceivedSpan): string {
  const {
    'url.path': path,
    'url.full': full,
    'http.target': target,
    'http.url': url,
  } = plainAttributes(attributes);
  const found = path ?? target ?? full ?? url;
  return new URL(String(found), 'http://service').pathname;
}

/** Runs a script whose spans go to one backend, and leave it only when they are flushed. */
export function startScript(url: string, script: string, env: NodeJS.ProcessEnv = {}) {
  const source = `
    import { trace } from '@opentelemetry/api';
    const span = (name) => trace.getTracer('application').startSpan(name).end();
    ${script}`;
  return startRegistered(['--input-type=module', '--eval', source], {
    SIGNALBOX_BACKENDS: 'main',
    SIGNALBOX_BACKEND_MAIN_ENDPOINT: url,
    SIGNALBOX_DEFAULT_ROUTE: 'main',
    SIGNALBOX_BACKEND_MAIN_SCHEDULE_DELAY: '600000',
    OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'pino',
    ...env,
  });
}

/** What keeps an application of {@link startScript} alive, once its first lines have run. */
export const SERVE = `
  const alive = setInterval(() => {}, 60000);
  process.send('ready');
  process.channel.unref();`;
