import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { RoutingStats } from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { expectLaws } from '../helpers/laws.js';
import { plainAttributes, type TestReceiver } from '../helpers/receiver.js';
import { backendVariables, openReceiver } from './backends.js';
import { fixture, startNode } from './child.js';

/** The service that tenants are looked up at: knows every tenant but `anonymous`, and fails for `broken`. */
export interface Directory {
  readonly url: string;
  /** From now on look-ups wait for `answer`. */
  hold(): void;
  answer(): void;
  /** Resolves when a look-up of this tenant waits. */
  asked(tenant: string): Promise<void>;
}

async function startDirectory(): Promise<Directory> {
  const events = new EventEmitter();
  let isHeld = false;
  const asked = new Map<string, Promise<void>>();

  function whenAsked(tenant: string): Promise<void> {
    const known = asked.get(tenant) ?? once(events, tenant).then(() => {});
    asked.set(tenant, known);
    return known;
  }

  const server = http.createServer(async (request, response) => {
    const [, what, tenant = ''] = request.url?.split('/') ?? [];
    if (what === 'work') return response.end('done');
    void whenAsked(tenant);
    events.emit(tenant);
    if (isHeld) await once(events, 'answer');
    if (tenant === 'broken') response.statusCode = 500;
    return response.end(tenant === 'anonymous' ? '' : tenant);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold() {
      isHeld = true;
    },
    answer() {
      isHeld = false;
      events.emit('answer');
    },
    asked: whenAsked,
  };
}

/** The service of `fixtures/framework-service.mjs`, its client, and what has arrived of it. */
export interface FrameworkService {
  readonly directory: Directory;
  readonly receiver: TestReceiver;
  /** Of each of its servers, by name. */
  readonly ports: Readonly<Record<string, number>>;
  /** Requests a path, whose third part names the server. */
  request(path: string, headers?: http.OutgoingHttpHeaders): http.ClientRequest;
  get(path: string, headers?: http.OutgoingHttpHeaders): Promise<{ status: number; body: string }>;
  /** The next thing that the service says. */
  says(): Promise<unknown>;
  stats(): Promise<RoutingStats>;
  /** Ends the service in good order. */
  stop(): Promise<void>;
  /** Names of the spans at each backend, in alphabetical order; of those of one path where it is named. */
  arrived(path?: string): Record<string, string[]>;
}

/** Starts the service with the backends `standard`, which is the default route, `acme` and `globex`. */
export async function startFrameworkService(
  env: NodeJS.ProcessEnv = {},
  preload = true,
): Promise<FrameworkService> {
  const receiver = await openReceiver();
  const directory = await startDirectory();
  const tenants = ['standard', 'acme', 'globex'];
  const urls = Object.fromEntries(tenants.map((name) => [name, `${receiver.url}/${name}`]));
  const args = preload ? ['--import', fixture('instrumentations.mjs')] : [];
  const child = startNode(
    [...args, fixture('framework-service.mjs')],
    backendVariables(urls, {
      SIGNALBOX_DEFAULT_ROUTE: 'standard',
      DIRECTORY: directory.url,
      ...env,
    }),
  );
  const ports = (await child.receive()) as Record<string, number>;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 5 });
  onTestFinished(() => agent.destroy());

  function request(path: string, headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
    const port = ports[path.split('/')[3] ?? ''];
    return http.get({ host: '127.0.0.1', port, path, agent, headers });
  }

  async function stats(): Promise<RoutingStats> {
    child.send('stats');
    const counted = (await child.receive()) as RoutingStats;
    expectLaws(counted);
    return counted;
  }

  return {
    directory,
    receiver,
    ports,
    request,
    async get(path, headers) {
      const [response] = (await once(request(path, headers), 'response')) as [http.IncomingMessage];
      const body = (await response.toArray()).join('');
      return { status: response.statusCode ?? 0, body };
    },
    says: () => child.receive(),
    stats,
    async stop() {
      agent.destroy();
      child.send('stop');
      await child.ended;
    },
    arrived(path) {
      const paths = pathsByTrace(receiver.spans());
      const entries = tenants.map((tenant) => {
        const spans = receiver
          .spans(tenant)
          .filter(({ traceId }) => path === undefined || paths.get(traceId) === path);
        return [tenant, spans.map(({ name }) => name).sort()] as const;
      });
      return Object.fromEntries(entries.filter(([, names]) => names.length > 0));
    },
  };
}

/** The path of each trace's request, which its server span says; what the client sent, and not what was routed. */
export function pathsByTrace(spans: readonly ReceivedSpan[]): Map<string, string> {
  const paths = new Map<string, string>();
  for (const { traceId, kind, attributes } of spans) {
    const path = plainAttributes(attributes)['url.path'];
    if (kind === 2 && typeof path === 'string') paths.set(traceId, path);
  }
  return paths;
}
