import type { BackendConfig, SpanExporter } from '../../src/index.js';
import { hang, startFaultReceiver } from './fault-receiver.js';
import { startSilence } from './faulty-backend.js';

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
