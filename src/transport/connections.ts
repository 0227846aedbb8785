import { type LookupFunction, Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { hostGuardOf } from '../config/host-guard.js';
import type { Backend } from '../config/resolved.js';
import { TransportError } from './failure.js';
import { createGuardedLookup, systemLookup, withHostGuard } from './hosts.js';
import { createTunnelConnector } from './tunnel.js';
import { type Connection, withWholeBody } from './whole-body.js';

/**
 * How long an idle connection is kept, in milliseconds, where the backend does not say.
 *
 * undici's own 4 s is shorter than the usual delay between two batches (5 s), so that each would pay for a
 * new TLS handshake. Receivers close idle connections after a minute or more.
 */
const KEEP_ALIVE_TIMEOUT_MS = 30_000;

/**
 * HTTP/1.1 alone. What tells that a body has been written whole, before its batch counts, watches a connection that is
 * one request's: over HTTP/2, which undici 8 offers by itself, several would share it.
 */
const allowH2 = false;

/** One backend's connections: as many as may be in use at once, each opened when it is first needed. */
export interface Connections {
  readonly dispatcher: Dispatcher;
  /** Closes the idle ones now, and each of the others when its request has ended. Nothing is sent on them later. */
  retire(): Promise<void>;
  /** Closes all of them, those that are still being opened and those in use too. */
  destroy(): Promise<void>;
}

/** What of a backend its connections depend on. */
export type ConnectionOptions = Pick<
  Backend,
  'maxConcurrentExports' | 'proxy' | 'hosts' | 'timeoutMs' | 'tls'
>;

/**
 * Makes a backend's pool; no socket or timer exists before the first request.
 *
 * One request at a time on a connection (pipelining would let a lost answer take its successors along), and
 * idle ones do not keep the process alive.
 *
 * @param lookup Finds the addresses of the backend's host.
 */
export function createConnections(
  origin: string,
  options: ConnectionOptions,
  lookup: LookupFunction = systemLookup,
): Connections {
  const sockets = new Set<Socket>();
  const connect = createConnector(options, sockets, lookup);
  const pool = new Pool(origin, {
    connections: options.maxConcurrentExports,
    allowH2,
    factory: (target) => createClient(target, connect),
  });

  return {
    dispatcher: pool,
    retire: () => pool.close(),
    async destroy() {
      const destroyed = pool.destroy();
      // undici does not know the sockets that are not connected yet.
      for (const socket of sockets) socket.destroy();
      await destroyed;
    },
  };
}

function createClient(origin: URL, connect: buildConnector.connector): Dispatcher {
  const connection: Connection = { socket: undefined, failure: undefined };
  const client = new Client(origin, {
    connect: watchConnection(connect, connection),
    pipelining: 1,
    allowH2,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // One timer of the caller's spans the whole exchange, in place of these two.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  // A client has one connection and carries one request, so its connection is that request's.
  return client.compose(
    (dispatch) => (options, handler) =>
      dispatch(options, withWholeBody(options.body, handler, connection)),
  );
}

function watchConnection(
  connect: buildConnector.connector,
  connection: Connection,
): buildConnector.connector {
  return (target, callback) => {
    connection.socket = undefined;
    connection.failure = undefined;

    const fail = (error: Error): void => {
      connection.failure = error;
      // Without its code. undici takes UND_ERR_SOCKET for a reason to connect again at once, and again,
      // and after ERR_TLS_CERT_ALTNAME_INVALID counts the request as one that still runs.
      callback(new TransportError('not_connected', 'not connected', { cause: error }), null);
    };
    connect(target, (...[error, socket]) => {
      if (error !== null) {
        fail(error);
      } else if (socket.destroyed) {
        // undici would treat it as UND_ERR_SOCKET.
        fail(new TransportError('closed', 'the connection was closed as it was opened'));
      } else {
        connection.socket = socket;
        // A TLS alert that ends the connection is an error, and what undici reports is the end after it.
        socket.once('error', (reason) => {
          connection.failure = reason;
        });
        callback(null, socket);
      }
    });
  };
}

function createConnector(
  { proxy, hosts, timeoutMs: timeout, tls }: ConnectionOptions,
  sockets: Set<Socket>,
  lookup: LookupFunction,
): buildConnector.connector {
  const guard = hostGuardOf(hosts);
  // Node would else read NODE_TLS_REJECT_UNAUTHORIZED at each connection: whoever sets it in mid-flight
  // must not open this one.
  const direct = buildConnector({
    ...tls,
    timeout,
    allowH2,
    rejectUnauthorized: true,
    lookup: createGuardedLookup(guard, lookup),
  });
  if (proxy === undefined) return withRegister(withHostGuard(direct, guard, true), sockets);

  // The proxy sees neither the client certificate nor its key. The backend's own CA is trusted there too,
  // beside the public ones: inside one network the same authority often stands for both.
  const ca = tls?.ca === undefined ? undefined : [...rootCertificates, tls.ca];
  const connectProxy = buildConnector({
    ...(ca && { ca }),
    timeout,
    allowH2,
    rejectUnauthorized: true,
  });
  const tunnel = createTunnelConnector({
    proxy: new URL(proxy),
    connectProxy: withRegister(connectProxy, sockets),
    connectTarget: direct,
    timeoutMs: timeout,
  });
  return withHostGuard(tunnel, guard, false);
}

/** Keeps a list of the sockets that a connector has open, those that are not connected yet included. */
function withRegister(
  connect: buildConnector.connector,
  sockets: Set<Socket>,
): buildConnector.connector {
  return (target, callback) => {
    // undici's connector returns the socket, though its type does not say so.
    const socket: unknown = connect(target, callback);
    if (!(socket instanceof Socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
}
