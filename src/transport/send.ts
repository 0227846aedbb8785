import type { Backend } from '../config/resolved.js';
import { runDetached } from '../detached.js';
import { readAnswer } from './answer.js';
import { toBuffer, toWritable } from './body.js';
import { type Connections, createConnections } from './connections.js';
import { createRedactor, formatBasicAuth, listUrlSecrets } from './credentials.js';
import { exchange } from './exchange.js';
import { readFailure, toError } from './failure.js';
import type { SendResult } from './result.js';
import type { SendRequest, Transport } from './transport.js';

/** Longest answer that is read. One that acknowledges a batch has some hundred bytes. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/**
 * Makes one backend's HTTP client. Nothing is opened before the first `send`.
 *
 * A backend's own `dispatcher`, where it has one, carries the requests in place of a pool made here, and is
 * never closed. Its sockets can not be seen, so an answer that comes before the body is written counts;
 * foreign bytes are impossible all the same, because it gets copies, whose memory is never used again.
 *
 * @param userAgent The whole `User-Agent`; see `formatUserAgent`.
 * @throws TypeError for a backend without a URL, or with one (its own or its proxy's) that is none: the
 *   configuration has checked both.
 */
export function createTransport(backend: Backend, userAgent: string): Transport {
  if (backend.url === undefined) throw new TypeError(`backend ${backend.name} has no URL`);
  const url = new URL(backend.url);
  const headers = createHeaders(backend, url, userAgent);
  const redact = createRedactor(listSecrets(backend, url));
  const closing = new AbortController();

  const own = backend.delivery.kind === 'signalbox' ? backend.delivery.dispatcher : undefined;
  let connections: Connections | undefined;
  const openConnections = (): Connections => {
    connections ??= createConnections(url.origin, backend);
    return connections;
  };

  const post = ({ body, contentType, contentEncoding, signal }: SendRequest) =>
    exchange(
      own ?? openConnections().dispatcher,
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: {
          ...headers,
          'content-type': contentType,
          ...(contentEncoding && { 'content-encoding': contentEncoding }),
          'content-length': String(body.size),
        },
        body: own === undefined ? toWritable(body) : toBuffer(body),
      },
      {
        timeoutMs: backend.timeoutMs,
        maxResponseBytes: MAX_RESPONSE_BYTES,
        signals: signal === undefined ? [closing.signal] : [closing.signal, signal],
      },
    );

  return {
    async send(request): Promise<SendResult> {
      try {
        const outcome = await runDetached(() => post(request));
        if (outcome instanceof Error) return readFailure(outcome, redact);
        const { protocol } = backend;
        return readAnswer(outcome, { url, protocol, epochMs: Date.now(), redact });
      } catch (error) {
        // Nothing above throws but by a bug; the exporter's loop must outlive it, and counts on a result.
        return readFailure(toError(error), redact);
      }
    },

    async close(): Promise<void> {
      closing.abort();
      await connections?.destroy();
    },
  };
}

function createHeaders(backend: Backend, url: URL, userAgent: string): Record<string, string> {
  const authorization = formatBasicAuth(url);
  const product = backend.headers['user-agent'];
  return {
    ...(authorization && { authorization }),
    ...backend.headers,
    // A product may name itself before ours, as ours does before the exporter's.
    'user-agent': product === undefined ? userAgent : `${product} ${userAgent}`,
  };
}

function listSecrets({ headers, proxy }: Backend, url: URL): string[] {
  return [
    ...Object.values(headers),
    ...listUrlSecrets(url),
    ...(proxy === undefined ? [] : listUrlSecrets(new URL(proxy))),
  ];
}
