import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** Headers that the stock exporter sets as it makes a request; `Content-Encoding` and Node's own come later. */
const ownHeaders = ['content-type', 'host', 'user-agent'];

interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Makes the HTTP agent of one stock exporter: its connections are this backend's alone, and requests leave
 * with this backend's headers only.
 *
 * The stock exporter merges `OTEL_EXPORTER_OTLP_HEADERS` under the headers that it is given, and has no option
 * against it. Its agent sees each request before the first byte of it is written, so what does not belong to
 * the backend is taken out there.
 */
export function createAgentFactory(
  url: URL,
  headers: Readonly<Record<string, string>>,
  tls: TlsOptions,
): (protocol: string) => HttpAgent {
  const allowed = new Set([...Object.keys(headers), ...ownHeaders]);
  return (protocol) => {
    const agent =
      protocol === 'http:'
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({ keepAlive: true, ...tls });
    return withRequestFilter(agent, (request) => {
      for (const name of request.getHeaderNames()) {
        if (!allowed.has(name)) request.removeHeader(name);
      }
      request.setHeader('host', url.host);
    });
  };
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
