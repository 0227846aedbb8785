import { Socket } from 'node:net';
import { type buildConnector, Client } from 'undici';
import { formatBasicAuth } from './credentials.js';
import { TransportError, toError } from './failure.js';

/** How a tunnel is laid. */
export interface TunnelOptions {
  /** `http:` or `https:`; its user-info, if any, becomes `Proxy-Authorization`. */
  readonly proxy: URL;
  /** Opens a connection to the proxy. */
  readonly connectProxy: buildConnector.connector;
  /** Starts TLS to the target on the tunnel's socket. */
  readonly connectTarget: buildConnector.connector;
  /** Longest the proxy may take to answer. */
  readonly timeoutMs: number;
}

/**
 * Makes a connector that reaches its target through a proxy's CONNECT (RFC 9110, 9.3.6).
 *
 * Targets with `http:` are tunnelled too: a connection then belongs to one backend from end to end, and
 * what the proxy itself answers can not be taken for the backend's word. Not undici's `ProxyAgent`,
 * because that tells the proxy's refusal (407) from its failure (502) only in the words of a message.
 *
 * A refusal by the proxy, 4xx, is final but for 408 and 429; any other answer than 2xx is a connection that
 * failed.
 */
export function createTunnelConnector(options: TunnelOptions): buildConnector.connector {
  const { proxy, connectProxy, connectTarget, timeoutMs } = options;
  const proxyAuthorization = formatBasicAuth(proxy);

  return (target, callback) => {
    const authority = formatAuthority(target);
    const client = new Client(proxy.origin, {
      connect: ({ servername: _, ...hop }, connected) => {
        // undici takes the name for TLS from the header "host", which names the target.
        connectProxy(hop, connected);
      },
      headersTimeout: timeoutMs,
      allowH2: false,
    });
    const fail = (error: Error): void => {
      client.destroy(error, () => {});
      callback(error, null);
    };

    client.connect(
      {
        path: authority,
        headers: {
          host: authority,
          ...(proxyAuthorization && { 'proxy-authorization': proxyAuthorization }),
        },
      },
      (error, answer) => {
        if (error) {
          fail(error);
          return;
        }
        const { statusCode, socket } = answer;
        if (!(socket instanceof Socket)) {
          fail(new TransportError('proxy', 'the proxy made no connection'));
        } else if (statusCode < 200 || statusCode >= 300) {
          // It may still be reset under way, and nobody listens any more.
          socket.on('error', () => {}).destroy();
          fail(createRefusal(proxy, statusCode));
        } else if (target.protocol === 'https:') {
          try {
            connectTarget({ ...target, httpSocket: socket }, callback);
          } catch (unusable) {
            // A certificate or key that is none. undici, which called this, would pass over it.
            fail(toError(unusable));
          }
        } else if (socket.readableLength > 0) {
          // undici would lose the connection over it, and open the next one at once, without end.
          socket.on('error', () => {}).destroy();
          fail(new TransportError('proxy', 'the proxy sent more than its answer'));
        } else {
          callback(null, socket);
        }
      },
    );
  };
}

function createRefusal(proxy: URL, httpStatus: number): TransportError {
  const isFinal = httpStatus >= 400 && httpStatus < 500 && httpStatus !== 408 && httpStatus !== 429;
  const message = `the proxy ${proxy.host} answered CONNECT with HTTP ${httpStatus}`;
  return new TransportError(`proxy_${httpStatus}`, message, { isFinal });
}

function formatAuthority({ hostname, port, protocol }: buildConnector.Options): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${host}:${port || (protocol === 'https:' ? 443 : 80)}`;
}
