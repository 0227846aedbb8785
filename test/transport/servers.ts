import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { createTransport } from '../../src/transport/send.js';
import type { SendRequest, Transport } from '../../src/transport/transport.js';
import { createBackend } from '../helpers/backend.js';

/** One request as a server has read it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A server on loopback, and what came to it. */
export interface TestServer {
  readonly port: number;
  /** Every connection it was given, in order, closed ones included. */
  readonly sockets: readonly net.Socket[];
  /** Resolves when that many connections have closed. */
  closed(count: number): Promise<void>;
  /** Closes it before the test ends, its connections included. */
  stop(): Promise<void>;
}

/** A server that speaks HTTP. */
export interface HttpTestServer extends TestServer {
  readonly requests: readonly ReceivedRequest[];
}

/** What a server does with a connection. */
export type OnConnection = (socket: net.Socket) => unknown;

/** Opens servers and transports that are closed when the test ends. */
export interface Opener {
  /** A server that answers each request, read whole, by `respond`. Its port is a free one unless given. */
  http(
    respond: (request: ReceivedRequest, response: http.ServerResponse) => void,
    port?: number,
  ): Promise<HttpTestServer>;
  /** A server that hands over each connection as it is. */
  raw(onConnection: OnConnection): Promise<TestServer>;
  /** The same over TLS. */
  rawTls(options: tls.TlsOptions, onConnection: OnConnection): Promise<TestServer>;
  /** Any other server. */
  listen(server: net.Server): Promise<TestServer>;
  /** The transport of a backend at `url`. */
  transport(url: string, overrides?: Partial<Backend>): Transport;
}

/** Call once in a file, outside the tests. */
export function useServers(): Opener {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function listen(server: net.Server, port = 0): Promise<TestServer> {
    const sockets: net.Socket[] = [];
    const ends: Promise<unknown>[] = [];
    server.on('connection', (socket: net.Socket) => {
      sockets.push(socket);
      ends.push(new Promise((resolve) => socket.once('close', resolve)));
      socket.on('error', () => {}); // resets are what many tests are about
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const stop = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    };
    closers.push(stop);
    return {
      port: portOf(server),
      sockets,
      stop,
      async closed(count) {
        while (ends.length < count) await once(server, 'connection');
        await Promise.all(ends.slice(0, count));
      },
    };
  }

  return {
    async http(respond, port) {
      const requests: ReceivedRequest[] = [];
      const server = http.createServer((incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const { method = '', url: path = '', headers, rawHeaders } = incoming;
          const request = { method, path, headers, rawHeaders, body: Buffer.concat(chunks) };
          requests.push(request);
          respond(request, response);
        });
      });
      return { ...(await listen(server, port)), requests };
    },
    listen: (server) => listen(server),
    raw: (onConnection) => listen(net.createServer((socket) => serve(socket, onConnection))),
    rawTls(options, onConnection) {
      return listen(tls.createServer(options, (socket) => serve(socket, onConnection)));
    },
    transport(url, overrides) {
      const transport = createTransport(createBackend(url, overrides), 'signalbox/test');
      closers.push(() => transport.close());
      return transport;
    },
  };
}

/** A request of a few bytes, with what a test says otherwise. */
export function createRequest({
  body = Buffer.from('spans'),
  partSize = body.length,
  ...overrides
}: RequestOptions = {}): SendRequest {
  const parts = [];
  for (let from = 0; from < body.length; from += partSize) {
    parts.push(body.subarray(from, from + partSize));
  }
  return {
    body: { parts, size: body.length },
    contentType: 'application/x-protobuf',
    spans: 1,
    ...overrides,
  };
}

interface RequestOptions extends Partial<Omit<SendRequest, 'body'>> {
  readonly body?: Uint8Array;
  /** Size of the parts that the body is handed over in; one part by default. */
  readonly partSize?: number;
}

/** Resolves with the head of the request, as text, once it is there; the socket is paused then. */
export async function readHead(socket: net.Socket): Promise<string> {
  let text = '';
  for (;;) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) {
      await once(socket, 'readable');
      continue;
    }
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end !== -1) {
      const head = text.slice(0, end + 4);
      const rest = Buffer.from(text.slice(head.length), 'latin1');
      if (rest.length > 0) socket.unshift(rest);
      return head;
    }
  }
}

async function serve(socket: net.Socket, onConnection: OnConnection): Promise<void> {
  socket.on('error', () => {}); // resets are what many tests are about
  try {
    await onConnection(socket);
  } catch {
    // The connection ended before the head was read: what the client says of it is what is tested.
  }
}

function portOf(server: net.Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}
