import type { Context, SpanContext } from '@opentelemetry/api';
import { createLedger, type Ledger } from '../accounting/ledger.js';
import { createLog, type Log } from '../accounting/log.js';
import { createMetrics } from '../accounting/metrics.js';
import type { RoutingStats } from '../accounting/stats.js';
import type { Clock } from '../clock.js';
import { resolveFromEnv } from '../config/env.js';
import { isResolved, resolveConfig } from '../config/resolve.js';
import type { ResolvedConfig } from '../config/resolved.js';
import type { SignalboxConfig } from '../config/schema.js';
import { startDeadline } from '../deadline.js';
import { runDetached } from '../detached.js';
import { createSizeEstimate, SPAN_OBJECT_BYTES } from '../encoding/estimate.js';
import { createSpanEncoders } from '../encoding/span-encoder.js';
import type { Exporter } from '../exporter/exporter.js';
import { createMemory } from '../exporter/memory.js';
import { openExporter } from '../exporter/open.js';
import type { ReadableSpan } from '../sdk.js';
import { createSystemClock } from '../system-clock.js';
import { createRouter, type Router } from './router.js';
import { createTable } from './table.js';

/**
 * How long `forceFlush` waits. Below the 30 s after which the SDK's own `forceFlush` gives up, whose timer
 * starts first, so that the caller learns which backends did not settle and not only that time ran out.
 */
const FLUSH_TIMEOUT_MS = 25_000;

/** A span that has started, reduced to what signalbox reads; the `Span` of SDK 2 and of SDK 3 both fit. */
export interface StartedSpan {
  spanContext(): SpanContext;
}

/**
 * A span processor that sends each request's spans to the backends that its route key leads to.
 *
 * Register it where a `BatchSpanProcessor` would stand: in the `spanProcessors` of a `NodeTracerProvider`,
 * a `BasicTracerProvider` or a `NodeSDK`. Every backend has its own queue, batches, retries, connections
 * and credentials. Once it is constructed nothing here throws into the application; `forceFlush` alone
 * rejects, as the specification asks of it.
 */
export class RoutingSpanProcessor {
  readonly #router: Router;
  readonly #exporters: readonly Exporter[];
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #shutdownTimeoutMs: number;
  #stopped: Promise<void> | undefined;

  /**
   * Reads `config` once and keeps a copy: changing the object, or the environment, later changes nothing.
   * No variable is read, and no connection is made before the first batch.
   *
   * @throws {@link ConfigError} naming every problem at once.
   */
  constructor(config: SignalboxConfig);
  /** @internal */
  constructor(config: SignalboxConfig | ResolvedConfig);
  constructor(config: SignalboxConfig | ResolvedConfig) {
    const resolved = isResolved(config) ? config : resolveConfig(config);
    const clock = createSystemClock();
    const log = createLog(clock);
    const ledger = createLedger({ clock, log, metrics: createMetrics(resolved.meterProvider) });
    const memory = createMemory(resolved.maxBufferedBytes);
    const { routeAttribute } = resolved;
    const encoderOf = createSpanEncoders(routeAttribute);
    const exporters = new Map<string, Exporter>();
    for (const backend of resolved.backends.values()) {
      const parts = { routeAttribute, encoderOf, memory, ledger: ledger.backend(backend) };
      exporters.set(backend.name, openExporter(backend, { ...parts, log, clock }));
    }
    const estimateBytes = createSizeEstimate('http/protobuf', routeAttribute);
    this.#router = createRouter({
      ...resolved,
      table: createTable(resolved, (name) => required(exporters, name)),
      estimateBytes: (span) => SPAN_OBJECT_BYTES + estimateBytes({ span, routeKey: undefined }),
      memory,
      ledger: ledger.routing,
      log,
      clock,
    });
    this.#exporters = [...exporters.values()];
    this.#ledger = ledger;
    this.#log = log;
    this.#clock = clock;
    this.#shutdownTimeoutMs = resolved.shutdownTimeoutMs;
    // Later in this turn: NodeSDK registers the logger after its processors have been made.
    clock.schedule(() => {
      for (const warning of resolved.warnings) log.once(warning, warning);
    }, 0);
  }

  /**
   * The processor that the environment, and the file that `SIGNALBOX_CONFIG_FILE` names, describe.
   *
   * @param env - Read once, here.
   * @throws {@link ConfigError} naming every problem at once.
   */
  static fromEnv(env?: NodeJS.ProcessEnv): RoutingSpanProcessor {
    return new RoutingSpanProcessor(resolveFromEnv(env));
  }

  onStart(span: StartedSpan, parentContext: Context): void {
    try {
      this.#router.start(span.spanContext(), parentContext);
    } catch (error) {
      this.#reportBug('onStart', error);
    }
  }

  onEnd(span: ReadableSpan): void {
    try {
      this.#router.end(span);
    } catch (error) {
      this.#reportBug('onEnd', error);
    }
  }

  /**
   * Settles every span that had ended before the call: delivered, or dropped with a reason. Spans that wait
   * for their request's key stay parked. All backends side by side: one that hangs delays no other's.
   *
   * @param options - `timeoutMillis`: how long it waits at most, as the provider's `forceFlush` takes it; 25 s by
   *   default, and never longer.
   * @throws when that is over, once, naming the backends that did not settle.
   */
  forceFlush(options?: { readonly timeoutMillis?: number | undefined }): Promise<void> {
    const timeoutMs = Math.min(options?.timeoutMillis ?? FLUSH_TIMEOUT_MS, FLUSH_TIMEOUT_MS);
    // Detached: a backend that hangs must not keep the context of the request that flushed.
    return this.#stopped ?? runDetached(() => this.#flush(timeoutMs));
  }

  /**
   * Settles what it can within `SIGNALBOX_SHUTDOWN_TIMEOUT`, parked spans first, drops the rest as
   * `shutdown_timeout`, and closes every connection. Spans that end later are dropped as `already_shutdown`.
   * Resolves in any case; calling it again gives the same promise.
   */
  shutdown(): Promise<void> {
    this.#stopped ??= runDetached(() => this.#stop());
    return this.#stopped;
  }

  /** What has become of every span until now: a snapshot, whose counters obey the laws that {@link RoutingStats} states. */
  stats(): RoutingStats {
    return this.#ledger.stats();
  }

  async #flush(timeoutMs: number): Promise<void> {
    const { passed, cancel } = startDeadline(this.#clock, timeoutMs);
    const settled = await Promise.all(this.#exporters.map((exporter) => exporter.flush(passed)));
    cancel();
    const unsettled = this.#exporters.filter((_, index) => settled[index] === false);
    if (unsettled.length > 0) {
      const names = unsettled.map(({ name }) => name).join(', ');
      throw new Error(
        `signalbox: forceFlush gave up after ${timeoutMs / 1000} s on ${names}; what they hold stays queued`,
      );
    }
  }

  async #stop(): Promise<void> {
    this.#router.close();
    const { passed, cancel } = startDeadline(this.#clock, this.#shutdownTimeoutMs);
    await Promise.all(this.#exporters.map((exporter) => exporter.shutdown(passed)));
    cancel();
    this.#ledger.close();
    this.#log.flush();
  }

  /** The one place where a bug of ours ends, short of the application's request. */
  #reportBug(where: string, error: unknown): void {
    this.#log.warn(where, `${where} failed, which is a bug of signalbox: ${String(error)}`);
  }
}

function required(exporters: ReadonlyMap<string, Exporter>, name: string): Exporter {
  const exporter = exporters.get(name);
  if (exporter === undefined) throw new Error(`signalbox: no exporter for the backend ${name}`);
  return exporter;
}
