import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';

/** Headers that the stock exporter sets as it makes a request; `Content-Encoding` and Node's own come later. */
const ownHeaders = ['content-type', 'host', 'user-agent'];

interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What an agent may be asked for beside the headers. */
export interface AgentOptions {
  /** Finds the addresses of the host. @default Node's own */
  readonly lookup?: LookupFunction;
  /** Sees each request before the first byte of it is written. */
  readonly prepare?: (request: ClientRequest) => void;
}

/** The HTTP agents of one stock exporter. */
export interface Agents {
  /** What the stock exporter asks for its agent. */
  create(protocol: string): HttpAgent;
  /** Ends the requests that are under way, for good, and refuses every later one. */
  destroy(): void;
}

/**
 * Makes the HTTP agents of one stock exporter: its connections are this backend's alone, and requests leave
 * with this backend's headers only.
 *
 * The stock exporter merges `OTEL_EXPORTER_OTLP_HEADERS` under the headers that it is given, and has no option
 * against it. Its agent sees each request before the first byte of it is written, so what does not belong to
 * the backend is taken out there.
 */
export function createAgents(
  url: URL,
  headers: Readonly<Record<string, string>>,
  tls: TlsOptions,
  { prepare: prepareFurther, ...connection }: AgentOptions = {},
): Agents {
  const allowed = new Set([...Object.keys(headers), ...ownHeaders]);
  const agents: HttpAgent[] = [];
  const open = new Set<ClientRequest>();
  let isDestroyed = false;

  function prepare(request: ClientRequest): void {
    if (isDestroyed) throw closed();
    for (const name of request.getHeaderNames()) {
      if (!allowed.has(name)) request.removeHeader(name);
    }
    request.setHeader('host', url.host);
    open.add(request);
    request.once('close', () => open.delete(request));
    prepareFurther?.(request);
  }

  return {
    create(protocol) {
      const agent =
        protocol === 'http:'
          ? new HttpAgent({ keepAlive: true, ...connection })
          : new HttpsAgent({ keepAlive: true, ...connection, ...tls, rejectUnauthorized: true });
      agents.push(agent);
      return withRequestFilter(agent, prepare);
    },
    destroy() {
      isDestroyed = true;
      for (const request of open) request.destroy(closed());
      for (const agent of agents) agent.destroy();
    },
  };
}

/** Without a code, which the stock exporter would take for a reason to try again. */
function closed(): Error {
  return new Error('signalbox has shut this exporter down');
}

/**
 * `addRequest` is where every request meets its agent: undocumented, but what agents of their own have been built
 * on since Node 0.12. If it throws, the request fails and nothing is sent.
 */
interface RequestSink {
  addRequest(request: ClientRequest, ...rest: unknown[]): void;
}

function withRequestFilter(agent: HttpAgent, filter: (request: ClientRequest) => void): HttpAgent {
  const sink = agent as HttpAgent & RequestSink;
  const addRequest = sink.addRequest.bind(sink);
  sink.addRequest = (request, ...rest) => {
    filter(request);
    addRequest(request, ...rest);
  };
  return sink;
}
