import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import {
  type Attributes,
  context,
  type DiagLogger,
  DiagLogLevel,
  diag,
  type Tracer,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { expect, onTestFinished, vi } from 'vitest';
import {
  type BackendStats,
  RoutingSpanProcessor,
  type RoutingStats,
  type SignalboxConfig,
  withRoute,
} from '../../src/index.js';
import { expectLaws } from '../helpers/laws.js';

/** Part of every secret in these tests. What contains it may be sent, and neither logged nor thrown. */
export const SECRET = 'hunter2-is-secret';

/** How long a condition is waited for: longer than any test needs, and shorter than a test may take. */
export const PATIENCE_MS = 20_000;

/** A service whose processor is watched from its start to its end. */
export interface WatchedService {
  readonly processor: RoutingSpanProcessor;
  readonly provider: BasicTracerProvider;
  readonly tracer: Tracer;
  /** Every line of OpenTelemetry's `diag`, at every level. */
  readonly log: readonly string[];
  /** Ends spans under a key, and returns their ids. */
  makeSpans(key: string, count: number, attributes?: Attributes): string[];
  /** The counters of one backend. */
  backend(name: string): BackendStats;
  /** Resolves once the condition holds. */
  until(condition: (stats: RoutingStats) => boolean): Promise<void>;
  /** Ends it before the test does. */
  stop(): Promise<void>;
}

/**
 * Starts a service that lasts as long as its test, and asserts of it, whatever the test is about:
 *
 * - both laws hold all the time;
 * - nothing is left when it has been shut down: no span, and no connection to any server of the test;
 * - no secret stands in a log line or in `stats()`, and no bug of signalbox's is reported.
 *
 * @param create - What makes the processor, or its configuration, in which a shutdown takes 1 s at the most.
 */
export function startWatchedService(
  create: SignalboxConfig | (() => RoutingSpanProcessor),
): WatchedService {
  const log: string[] = [];
  const connections = watchConnections();
  diag.setLogger(createLogger(log), {
    logLevel: DiagLogLevel.ALL,
    suppressOverrideMessage: true,
  });
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  const processor =
    typeof create === 'function'
      ? create()
      : new RoutingSpanProcessor({ shutdownTimeoutMs: 1_000, ...create });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const tracer = provider.getTracer('test');
  const violations: unknown[] = [];
  const watch = setInterval(() => {
    try {
      expectLaws(processor.stats());
    } catch (violation) {
      violations.push(violation);
    }
  }, 2);
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    await provider.shutdown();
    clearInterval(watch);
    diag.disable();
    context.disable();
    manager.disable();
    expect(violations, 'moments at which a law did not hold').toEqual([]);
    const stats = processor.stats();
    expectLaws(stats);
    expect(stats.parked).toBe(0);
    for (const [name, { queued, inFlight }] of Object.entries(stats.backends)) {
      expect({ queued, inFlight }, `what backend ${name} holds`).toEqual({
        queued: 0,
        inFlight: 0,
      });
    }
    const told = [...log, JSON.stringify(stats)];
    expect(told.filter((line) => line.includes(SECRET))).toEqual([]);
    expect(log.filter((line) => line.includes('bug of signalbox'))).toEqual([]);
    await connections.expectClosed();
  }

  const watched: WatchedService = {
    processor,
    provider,
    tracer,
    log,
    makeSpans: (key, count, attributes = {}) =>
      withRoute(key, () =>
        Array.from({ length: count }, () => {
          const span = tracer.startSpan(`work of ${key}`, { attributes });
          span.end();
          return span.spanContext().spanId;
        }),
      ),
    backend(name) {
      const backend = processor.stats().backends[name];
      if (backend === undefined) throw new Error(`no backend ${name}`);
      return backend;
    },
    until: (condition) =>
      vi.waitFor(
        () => {
          const stats = processor.stats();
          expect(condition(stats), JSON.stringify(stats)).toBe(true);
        },
        { interval: 2, timeout: PATIENCE_MS },
      ),
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
  onTestFinished(() => watched.stop());
  return watched;
}

/** Watches the servers' ends of all connections that are made from now on. */
function watchConnections(): { expectClosed(): Promise<void> } {
  const sockets = new Set<Socket>();
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  subscribe('net.server.socket', onSocket);
  return {
    async expectClosed() {
      // An end that nobody reads does not learn of the other one's.
      for (const socket of sockets) socket.resume();
      try {
        await vi.waitFor(() => expect(sockets.size, 'open connections').toBe(0), {
          interval: 2,
          timeout: 5_000,
        });
      } finally {
        unsubscribe('net.server.socket', onSocket);
      }
    },
  };
}

function createLogger(lines: string[]): DiagLogger {
  const write =
    (level: string) =>
    (...words: unknown[]): void => {
      lines.push([level, ...words.map(String)].join(' '));
    };
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    verbose: write('verbose'),
  };
}
