import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { BackendConfig, SpanExporter } from '../../src/index.js';
import { hang, startFaultReceiver } from './fault-receiver.js';

/** The ways in which a backend can hang, each as its configuration. */
export const hangingBackends: readonly {
  readonly way: string;
  readonly start: () => Promise<BackendConfig>;
}[] = [
  {
    way: 'reads requests and never answers',
    start: async () => ({ endpoint: (await startFaultReceiver(hang)).url }),
  },
  {
    way: 'takes connections and never reads',
    start: async () => ({ endpoint: `http://127.0.0.1:${await startSilence()}` }),
  },
  {
    way: 'never ends its TLS handshake',
    start: async () => ({ endpoint: `https://127.0.0.1:${await startSilence()}` }),
  },
  {
    way: 'is behind a proxy that never answers',
    start: async () => ({
      endpoint: 'http://backend.invalid',
      proxy: `http://127.0.0.1:${await startSilence()}`,
    }),
  },
  {
    way: 'refuses connections, and is tried again',
    // Nothing listens on port 1.
    start: async () => ({ endpoint: 'http://127.0.0.1:1' }),
  },
  {
    way: 'asks for a long wait',
    start: async () => {
      const headers = { 'retry-after': '100' };
      const { url } = await startFaultReceiver({ answer: () => ({ status: 503, headers }) });
      return { endpoint: url };
    },
  },
  {
    way: 'has an exporter that never calls back',
    start: async () => ({ exporter: createStuckExporter(async () => {}) }),
  },
  {
    way: 'has an exporter that neither calls back nor shuts down',
    start: async () => ({ exporter: createStuckExporter(() => new Promise(() => {})) }),
  },
  {
    way: 'never answers the stock exporter',
    start: async () => ({
      endpoint: (await startFaultReceiver(hang)).url,
      exporter: 'otlp-http',
      timeoutMs: 60_000,
    }),
  },
];

function createStuckExporter(shutdown: () => Promise<void>): SpanExporter {
  return { export() {}, forceFlush: () => new Promise(() => {}), shutdown };
}

/** Starts a server that takes connections, reads nothing and says nothing; resolves with its port. */
async function startSilence(): Promise<number> {
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {}); // its client goes away
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  // A server that listens on a host and a port, and no pipe, has an AddressInfo.
  return (server.address() as net.AddressInfo).port;
}
