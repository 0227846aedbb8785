import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeRequest } from '../../src/receiver/decode.js';
import { startFaultReceiver } from './fault-receiver.js';
import { PATIENCE_MS, startWatchedService, type WatchedService } from './watched-service.js';

/** More than loopback takes from a sender whose receiver does not read. */
const LARGE = 16 * 1024 * 1024;

/** One connection to a server that answers before it reads. */
interface Visit {
  readonly socket: net.Socket;
  /** Reads on to the end of the connection; resolves with every byte that came on it. */
  readAll(): Promise<Buffer>;
}

/** A server that answers each connection with 200 as soon as it is made, and reads when it is told to. */
async function startHastyServer(): Promise<{ url: string; visit(index: number): Promise<Visit> }> {
  const visits: Visit[] = [];
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {}); // some tests break it
    const chunks: Buffer[] = [];
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      // Of its head a server must have read something, or it would answer nothing.
      if (chunks.push(chunk) > 1) return;
      socket.pause();
      socket.write('HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n');
      visits.push({
        socket,
        async readAll() {
          socket.resume();
          await closed;
          return Buffer.concat(chunks);
        },
      });
      server.emit('visit');
    });
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const { socket } of visits) socket.destroy();
    server.close();
  });
  return {
    // A server that listens on a host and a port, and no pipe, has an AddressInfo.
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    async visit(index) {
      for (;;) {
        const visit = visits[index];
        if (visit !== undefined) return visit;
        await once(server, 'visit', { signal: AbortSignal.timeout(PATIENCE_MS) });
      }
    },
  };
}

/** The ids in the one request that a connection carried; fails where there is a byte more, or less. */
function readOneRequest(bytes: Buffer): string[] {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const head = bytes.subarray(0, end).toString('latin1');
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
  expect(bytes.length - end, 'bytes after the head').toBe(length);
  const spans = decodeRequest('application/x-protobuf', bytes.subarray(end));
  if (spans instanceof Error) throw spans;
  return spans.map(({ spanId }) => spanId);
}

function makeLargeSpan(service: WatchedService): string[] {
  return service.makeSpans('hasty', 1, { payload: 'x'.repeat(LARGE) });
}

describe('a backend that answers 200 before it has read the body', () => {
  it('gets not one byte of another batch, and its connection is not used again', async () => {
    const server = await startHastyServer();
    const healthy = await startFaultReceiver();
    const service = startWatchedService({
      backends: {
        hasty: { endpoint: server.url, maxExportBatchSize: 1, maxConcurrentExports: 1 },
        healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
      },
    });
    const ids = [...makeLargeSpan(service), ...makeLargeSpan(service), ...makeLargeSpan(service)];
    const flushed = service.processor.forceFlush();

    for (const [index, id] of ids.entries()) {
      const { readAll } = await server.visit(index);
      // A round trip to another backend is time enough for the answer to come. Most of the body has not left.
      service.makeSpans('healthy', 1);
      await service.until(({ backends }) => backends.healthy?.delivered === index + 1);
      expect(service.backend('hasty')).toMatchObject({ delivered: index, inFlight: 1 });
      expect(readOneRequest(await readAll())).toEqual([id]);
    }
    await flushed;

    expect(service.backend('hasty')).toMatchObject({ delivered: 3, dropped: {}, state: 'up' });
  });

  it('does not count as its having taken it, if it then goes away', async () => {
    const server = await startHastyServer();
    const service = startWatchedService({ backends: { hasty: { endpoint: server.url } } });
    const ids = makeLargeSpan(service);
    const flushed = service.processor.forceFlush();

    const { socket } = await server.visit(0);
    expect(service.backend('hasty')).toMatchObject({ delivered: 0, inFlight: 1 });
    socket.resetAndDestroy();
    await service.until(({ backends }) => backends.hasty?.state === 'degraded');
    const { readAll } = await server.visit(1);
    expect(readOneRequest(await readAll())).toEqual(ids);
    await flushed;

    expect(service.backend('hasty')).toMatchObject({ delivered: 1, dropped: {}, state: 'up' });
  });

  it('and never reads it, takes nothing', async () => {
    const server = await startHastyServer();
    const service = startWatchedService({
      backends: { hasty: { endpoint: server.url, timeoutMs: 300, retryMaxElapsedMs: 0 } },
    });
    makeLargeSpan(service);
    await service.processor.forceFlush();

    expect(service.backend('hasty')).toMatchObject({
      delivered: 0,
      dropped: { retry_exhausted: 1 },
      state: 'degraded',
    });
  });
});
