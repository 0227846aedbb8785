import net from 'node:net';
import { onTestFinished } from 'vitest';

/** The way to a server, which a test can cut and restore. */
export interface Line {
  /** Base URL; it stays the same. */
  readonly url: string;
  /** Connections that were asked for, also while it was cut by `reset`. */
  readonly attempts: number;
  /**
   * Breaks every connection. From then on new ones are refused, as when the server's process has ended, or
   * reset as soon as they are made, as behind a load balancer without a server.
   */
  cut(how: 'refuse' | 'reset'): Promise<void>;
  /** Connections are made again, on the same port. */
  restore(): Promise<void>;
}

/** Lays a line to a port of 127.0.0.1, which is taken away with its test. */
export async function layLine(port: number): Promise<Line> {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  let attempts = 0;
  let server = createServer();
  const ownPort = await listen(server, 0);

  function createServer(): net.Server {
    return net.createServer((socket) => {
      attempts += 1;
      socket.on('error', () => {}); // resets are what it is for
      if (isCut) socket.resetAndDestroy();
      else connect(socket);
    });
  }

  function connect(socket: net.Socket): void {
    const upstream = net.connect(port, '127.0.0.1');
    upstream.on('error', () => {});
    for (const [end, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(end);
      end.once('close', () => {
        sockets.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  }

  async function close(): Promise<void> {
    if (!server.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  }

  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${ownPort}`,
    get attempts() {
      return attempts;
    },
    async cut(how) {
      isCut = true;
      if (how === 'refuse') await close();
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async restore() {
      isCut = false;
      if (server.listening) return;
      server = createServer();
      await listen(server, ownPort);
    },
  };
}

async function listen(server: net.Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // A server that listens on a host and a port, and no pipe, has an AddressInfo.
  return (server.address() as net.AddressInfo).port;
}
