import { once } from 'node:events';
import net from 'node:net';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import { joinMemory } from '../../src/exporter/shared-memory.js';
import {
  type BackendConfig,
  RoutingSpanProcessor,
  type SignalboxConfig,
  withRoute,
} from '../../src/index.js';
import { sum } from '../helpers/laws.js';
import { memoryInUse } from '../helpers/memory-in-use.js';
import { startFaultReceiver } from './fault-receiver.js';
import { startWatchedService, type WatchedService } from './watched-service.js';

const KIB = 1_024;
const MIB = 1_024 * KIB;
const HANGING = 50;
const BUDGET = 16 * MIB;
const ROUNDS = 40;
/** Of each backend: the hanging ones get three times the budget in all. */
const SPANS_A_ROUND = 6;
const payload = 'x'.repeat(4 * KIB);

/** One server for all backends that hang: it reads whatever comes, and keeps and answers nothing. */
async function startHanging(): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return `http://127.0.0.1:${address.port}`;
}

/** Watches what the whole process holds of the budget, from now on. */
function watchBudget(): { readonly most: number; readonly samples: number } {
  const { memory, leave } = joinMemory(BUDGET);
  const seen = { most: 0, samples: 0 };
  const timer = setInterval(() => {
    seen.most = Math.max(seen.most, memory.usedBytes);
    seen.samples += 1;
  }, 1);
  onTestFinished(() => {
    clearInterval(timer);
    leave();
    expect(memory.usedBytes).toBe(0);
  });
  return seen;
}

const names = Array.from({ length: HANGING }, (_, index) => `hanging-${index + 1}`);

async function hangingConfig(): Promise<SignalboxConfig> {
  const endpoint = await startHanging();
  const backend: BackendConfig = { endpoint, scheduleDelayMs: 0 };
  return {
    backends: Object.fromEntries(names.map((name) => [name, backend])),
    routes: { loud: names },
    maxBufferedBytes: BUDGET,
    shutdownTimeoutMs: 50,
  };
}

interface Setup {
  readonly service: WatchedService;
  /** The processor of the backends that hang. */
  readonly loud: RoutingSpanProcessor;
  makeLoudSpans(count: number): void;
}

const setups: readonly {
  readonly where: string;
  readonly start: (healthy: string) => Promise<Setup>;
}[] = [
  {
    where: 'of its own processor',
    async start(endpoint) {
      const config = await hangingConfig();
      const service = startWatchedService({
        ...config,
        backends: { ...config.backends, healthy: { endpoint, scheduleDelayMs: 0 } },
        routes: { ...config.routes, healthy: ['healthy'] },
      });
      return {
        service,
        loud: service.processor,
        makeLoudSpans: (count) => void service.makeSpans('loud', count, { payload }),
      };
    },
  },
  {
    where: 'of another processor in the process',
    async start(endpoint) {
      const service = startWatchedService({
        backends: { healthy: { endpoint, scheduleDelayMs: 0 } },
        maxBufferedBytes: BUDGET,
      });
      const loud = new RoutingSpanProcessor(await hangingConfig());
      const provider = new BasicTracerProvider({ spanProcessors: [loud] });
      onTestFinished(() => provider.shutdown());
      const tracer = provider.getTracer('loud');
      return {
        service,
        loud,
        makeLoudSpans: (count) =>
          withRoute('loud', () => {
            for (let each = 0; each < count; each += 1) {
              tracer.startSpan('loud', { attributes: { payload } }).end();
            }
          }),
      };
    },
  },
];

describe('50 backends that hang at full load', () => {
  it.each(setups)(
    '$where cost a healthy one no span, and the process no more memory than the budget',
    async ({ start }) => {
      // Before the processors, so that it lasts longer than they do.
      const budget = watchBudget();
      const healthy = await startFaultReceiver();
      const { service, loud, makeLoudSpans } = await start(healthy.url);
      const before = await memoryInUse();
      const rssBefore = process.memoryUsage().rss;
      const ids: string[] = [];

      async function load(rounds: number): Promise<void> {
        for (let round = 0; round < rounds; round += 1) {
          makeLoudSpans(SPANS_A_ROUND);
          const settled = ids.length - SPANS_A_ROUND;
          ids.push(...service.makeSpans('healthy', SPANS_A_ROUND, { payload }));
          await service.until(({ backends }) => (backends.healthy?.delivered ?? 0) >= settled);
        }
      }
      await load(ROUNDS / 2);
      const half = await memoryInUse();
      await load(ROUNDS / 2);
      const { rss } = process.memoryUsage();
      const full = await memoryInUse();
      await service.until(({ backends }) => backends.healthy?.delivered === ids.length);

      expect(service.backend('healthy')).toMatchObject({ accepted: ids.length, dropped: {} });
      expect(healthy.arrived.toSorted()).toEqual(ids.toSorted());
      // Each of the others keeps its part of the budget, and loses the rest.
      for (const name of names) {
        const { accepted, delivered, queued, inFlight, dropped } =
          loud.stats().backends[name] ?? {};
        expect({ accepted, delivered }).toEqual({
          accepted: ROUNDS * SPANS_A_ROUND,
          delivered: 0,
        });
        expect(sum(dropped ?? {})).toBe(dropped?.buffer_full);
        expect((queued ?? 0) + (inFlight ?? 0)).toBeGreaterThan(
          0.5 * (BUDGET / HANGING / (4 * KIB)),
        );
      }
      expect(budget.samples).toBeGreaterThan(10);
      expect(budget.most).toBeGreaterThan(BUDGET / 2);
      expect(budget.most).toBeLessThanOrEqual(BUDGET);
      // What spans take as bytes, and at most half as much again for what they stand in.
      expect(full.buffers - before.buffers).toBeLessThan(1.5 * BUDGET);
      expect(full.heap - before.heap).toBeLessThan(BUDGET);
      expect(full.buffers + full.heap - half.buffers - half.heap).toBeLessThan(BUDGET / 4);
      expect(rss - rssBefore).toBeLessThan(8 * BUDGET);
    },
  );
});
