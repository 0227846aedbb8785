import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

/** A proxy for tunnels, and what was asked of it. */
export interface ConnectProxy {
  readonly server: net.Server;
  /** Each CONNECT: its target, and the headers that it came with. */
  readonly tunnels: { readonly target: string; readonly headers: http.IncomingHttpHeaders }[];
  /** Requests that asked for anything but a tunnel. */
  readonly others: string[];
}

/** What a proxy does otherwise. */
export interface ConnectProxyOptions {
  /** Makes it a proxy that is spoken to over TLS. */
  readonly tls?: https.ServerOptions;
  /** Makes it answer every CONNECT with this status. */
  readonly status?: number;
}

/** Makes a proxy that opens tunnels, whatever their target; the caller has it listen. */
export function createConnectProxy({ tls, status }: ConnectProxyOptions = {}): ConnectProxy {
  const tunnels: ConnectProxy['tunnels'] = [];
  const others: string[] = [];
  const server = tls === undefined ? http.createServer() : https.createServer(tls);

  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    others.push(`${request.method} ${request.url}`);
    response.writeHead(405).end();
  });
  server.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    const { url: target = '', headers } = request;
    tunnels.push({ target, headers });
    socket.on('error', () => {});
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} Whatever\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${target}`);
    const upstream = net.connect(Number(port || 80), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  return { server, tunnels, others };
}
