import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { createConnectProxy } from './connect-proxy.js';
import { createRequest, readHead, type TestServer, useServers } from './servers.js';

const open = useServers();

/** More than loopback takes from a sender whose receiver does not read. */
const LARGE = 16 * 1024 * 1024;
const ACCEPTED = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const CLOSING = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/** One connection at a server that answers when it has read the head, and the body when it is told to. */
interface Visit {
  readonly socket: Socket;
  /** Reads on to the end of the connection, and resolves with the body. */
  readBody(): Promise<Buffer>;
}

interface EarlyServer extends TestServer {
  readonly url: string;
  readonly visits: Visit[];
}

const carriers = {
  http: async (onConnection: (socket: Socket) => void) => {
    const server = await open.raw(onConnection);
    return { server, url: `http://127.0.0.1:${server.port}/`, overrides: {} };
  },
  https: async (onConnection: (socket: Socket) => void) => {
    const server = await open.rawTls(certificates.server, onConnection);
    const overrides = { tls: { ca: certificates.ca } };
    return { server, url: `https://127.0.0.1:${server.port}/`, overrides };
  },
  'a tunnel': async (onConnection: (socket: Socket) => void) => {
    const server = await open.raw(onConnection);
    const proxy = await open.listen(createConnectProxy().server);
    const overrides = { proxy: `http://127.0.0.1:${proxy.port}` };
    return { server, url: `http://127.0.0.1:${server.port}/`, overrides };
  },
  'a tunnel of TLS in TLS': async (onConnection: (socket: Socket) => void) => {
    const server = await open.rawTls(certificates.server, onConnection);
    const proxy = await open.listen(createConnectProxy({ tls: certificates.server }).server);
    const overrides = {
      tls: { ca: certificates.ca },
      proxy: `https://127.0.0.1:${proxy.port}`,
    };
    return { server, url: `https://127.0.0.1:${server.port}/`, overrides };
  },
};

const partings = { 'in one part': {}, 'in parts': { partSize: 64 * 1024 } };

const ways = Object.entries(carriers).flatMap(([carrier, carry]) =>
  Object.entries(partings).map(([parting, parted]) => ({ carrier, carry, parting, parted })),
);

describe.each(ways)(
  'over $carrier, an answer that comes early to a body $parting',
  ({ carry, parted }) => {
    async function start(answer: string, overrides: Partial<Backend> = {}) {
      const visits: Visit[] = [];
      const carrier = await carry(async (socket) => {
        await readHead(socket);
        visits.push({
          socket,
          async readBody() {
            const chunks: Buffer[] = [];
            for await (const chunk of socket) chunks.push(chunk);
            return Buffer.concat(chunks);
          },
        });
        // The later ones are told to close, since each connection is read for one request alone.
        socket.write(visits.length === 1 ? answer : CLOSING);
      });
      const server: EarlyServer = { ...carrier.server, url: carrier.url, visits };
      const transport = open.transport(carrier.url, { ...carrier.overrides, ...overrides });
      const visit = async (index: number): Promise<Visit> => {
        await vi.waitFor(() => expect(visits.length).toBeGreaterThan(index), {
          interval: 1,
          timeout: 10_000,
        });
        const found = visits[index];
        if (found === undefined) throw new Error('no such visit');
        return found;
      };
      return { server, transport, visit };
    }

    it('counts only once the body is written, and its connection is not used again', async () => {
      const { server, transport, visit } = await start(ACCEPTED);
      let isDelivered = false;
      const first = transport.send(createRequest({ ...parted, body: Buffer.alloc(LARGE, 'a') }));
      first.then(() => {
        isDelivered = true;
      });
      const slow = await visit(0);

      // A round trip on another connection is time enough for the answer on the first.
      const second = await transport.send(
        createRequest({ ...parted, body: Buffer.alloc(1_000, 'b') }),
      );
      expect(second.status).toBe('success');
      expect(isDelivered).toBe(false);

      const body = slow.readBody();
      expect((await first).status).toBe('success');
      expect((await body).equals(Buffer.alloc(LARGE, 'a'))).toBe(true);
      expect(server.sockets).toHaveLength(2);

      await transport.send(createRequest({ ...parted, body: Buffer.alloc(1_000, 'c') }));
      expect((await body).equals(Buffer.alloc(LARGE, 'a'))).toBe(true);
    });

    it('makes the next request wait for a connection of its own', async () => {
      const { server, transport, visit } = await start(ACCEPTED, { maxConcurrentExports: 1 });
      const sends = ['a', 'b'].map((letter) =>
        transport.send(createRequest({ ...parted, body: Buffer.alloc(LARGE, letter) })),
      );

      for (const [index, letter] of ['a', 'b'].entries()) {
        const body = await (await visit(index)).readBody();
        expect(body.equals(Buffer.alloc(LARGE, letter))).toBe(true);
        expect((await sends[index])?.status).toBe('success');
      }
      expect(server.sockets).toHaveLength(2);
    });

    it('is void when the request ends before the body is written', async () => {
      const { server, transport, visit } = await start(ACCEPTED);
      const abort = new AbortController();
      const first = transport.send(
        createRequest({ ...parted, body: Buffer.alloc(LARGE, 'a'), signal: abort.signal }),
      );
      const { readBody } = await visit(0);
      await transport.send(createRequest());

      abort.abort();

      expect(await first).toMatchObject({ status: 'retryable', failure: { errorType: 'aborted' } });
      const later = await transport.send(
        createRequest({ ...parted, body: Buffer.alloc(1_000, 'b') }),
      );
      expect(later.status).toBe('success');
      const body = await readBody().catch(() => Buffer.alloc(0));
      expect(body.includes('b')).toBe(false);
      expect(server.sockets.length).toBeGreaterThan(1);
    });

    it('is void when the connection closes before the body is written', async () => {
      const { transport, visit } = await start(ACCEPTED);
      const first = transport.send(createRequest({ ...parted, body: Buffer.alloc(LARGE) }));
      const { socket } = await visit(0);
      await transport.send(createRequest());

      socket.destroy();

      expect(await first).toEqual({
        status: 'retryable',
        failure: {
          message: 'answered before the body was written, and closed',
          errorType: 'answered_early',
        },
      });
    });

    it('is read to its end all the same', async () => {
      const partial = '{"partialSuccess":{"rejectedSpans":"3"}}';
      const head = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n`;
      const { transport, visit } = await start(
        `${head}content-length: ${partial.length}\r\n\r\n${partial}`,
      );
      const send = transport.send(createRequest({ ...parted, body: Buffer.alloc(LARGE) }));

      const body = await (await visit(0)).readBody();

      expect(body).toHaveLength(LARGE);
      expect(await send).toEqual({ status: 'success', httpStatus: 200, rejectedSpans: 3 });
    });

    it.each([
      ['413 Too Large', { status: 'too_large' }],
      ['401 Unauthorized', { status: 'refused' }],
      ['503 Unavailable', { status: 'retryable', retryAfterMs: 9_000 }],
    ])('and refuses (%s) counts at once, and the body stays unsent', async (status, expected) => {
      const { transport, visit } = await start(
        `HTTP/1.1 ${status}\r\nretry-after: 9\r\ncontent-length: 5\r\n\r\nwords`,
      );

      const result = await transport.send(createRequest({ ...parted, body: Buffer.alloc(LARGE) }));

      expect(result).toMatchObject(expected);
      const body = await (await visit(0)).readBody().catch(() => Buffer.alloc(0));
      expect(body.length).toBeLessThan(LARGE);
    });
  },
);

it('ends an early answer whose body is never read by the timeout', async () => {
  const server = await open.raw(async (socket) => {
    await readHead(socket);
    socket.write(ACCEPTED);
  });
  const transport = open.transport(`http://127.0.0.1:${server.port}/`, { timeoutMs: 500 });

  expect(await transport.send(createRequest({ body: Buffer.alloc(LARGE) }))).toEqual({
    status: 'retryable',
    failure: { message: 'not answered within 500 ms', errorType: 'timeout' },
  });
  server.sockets[0]?.resume();
  await server.closed(1);
});
