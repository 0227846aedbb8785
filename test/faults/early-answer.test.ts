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

/** What fills a body: one span that is encoded with its batch, or many that are as they end. */
const fillings = [
  { filling: 'one span', spans: 1 },
  { filling: 'many spans', spans: 512 },
];

const limits = { maxExportBatchBytes: 2 * LARGE, maxConcurrentExports: 1 };

describe.each(fillings)(
  'a backend that answers 200 before it has read a body of $filling',
  ({ spans }) => {
    function makeLargeBatch(service: WatchedService, filler = 'x'): string[] {
      return service.makeSpans('hasty', spans, { payload: filler.repeat(LARGE / spans) });
    }

    it('gets not one byte of another batch, and its connection is not used again', async () => {
      const server = await startHastyServer();
      const healthy = await startFaultReceiver();
      const service = startWatchedService({
        maxBufferedBytes: 16 * LARGE,
        backends: {
          hasty: { ...limits, endpoint: server.url, maxExportBatchSize: spans },
          healthy: { endpoint: healthy.url, scheduleDelayMs: 0 },
        },
      });
      const batches = [makeLargeBatch(service)];
      const flushes = [service.processor.forceFlush()];

      for (const [index, filler] of ['y', 'z', 'end'].entries()) {
        const { readAll } = await server.visit(index);
        // A round trip to another backend is time enough for the answer to come. Most of the body has not left.
        service.makeSpans('healthy', 1);
        await service.until(({ backends }) => backends.healthy?.delivered === index + 1);
        expect(service.backend('hasty')).toMatchObject({
          delivered: index * spans,
          inFlight: spans,
        });
        // What would go into the memory of the first batch, if that were written to again.
        if (filler !== 'end') batches.push(makeLargeBatch(service, filler));
        flushes.push(service.processor.forceFlush());
        expect(readOneRequest(await readAll())).toEqual(batches[index]);
      }
      await Promise.all(flushes);

      const delivered = 3 * spans;
      expect(service.backend('hasty')).toMatchObject({ delivered, dropped: {}, state: 'up' });
    });

    it('does not count as its having taken it, if it then goes away', async () => {
      const server = await startHastyServer();
      const service = startWatchedService({
        backends: { hasty: { ...limits, endpoint: server.url } },
      });
      const ids = makeLargeBatch(service);
      const flushed = service.processor.forceFlush();

      const { socket } = await server.visit(0);
      expect(service.backend('hasty')).toMatchObject({ delivered: 0, inFlight: spans });
      socket.resetAndDestroy();
      await service.until(({ backends }) => backends.hasty?.state === 'degraded');
      const { readAll } = await server.visit(1);
      expect(readOneRequest(await readAll())).toEqual(ids);
      await flushed;

      expect(service.backend('hasty')).toMatchObject({
        delivered: spans,
        dropped: {},
        state: 'up',
      });
    });

    it('and never reads it, takes nothing', async () => {
      const server = await startHastyServer();
      const service = startWatchedService({
        backends: {
          hasty: { ...limits, endpoint: server.url, timeoutMs: 300, retryMaxElapsedMs: 0 },
        },
      });
      makeLargeBatch(service);
      await service.processor.forceFlush();

      expect(service.backend('hasty')).toMatchObject({
        delivered: 0,
        dropped: { retry_exhausted: spans },
        state: 'degraded',
      });
    });
  },
);
