import net from 'node:net';
import { onTestFinished } from 'vitest';

/** A way that leads to one server or another. */
export interface Points {
  readonly port: number;
  /** New connections lead to this port from now on; those that are there stay, or are broken. */
  turn(port: number, others: 'stay' | 'break'): void;
}

/** Lays a way to a port of 127.0.0.1, which is taken away with its test. */
export async function layPoints(first: number): Promise<Points> {
  const sockets = new Set<net.Socket>();
  let target = first;
  const server = net.createServer((socket) => {
    const upstream = net.connect(target, '127.0.0.1');
    for (const [end, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(end);
      end.on('error', () => {}); // the other end goes away
      end.once('close', () => {
        sockets.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    // A server that listens on a host and a port, and no pipe, has an AddressInfo.
    port: (server.address() as net.AddressInfo).port,
    turn(port, others) {
      target = port;
      if (others === 'stay') return;
      for (const socket of sockets) socket.destroy();
    },
  };
}
