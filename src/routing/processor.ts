import type { Context, SpanContext } from '@opentelemetry/api';
import type { MetricsComponent } from '../accounting/backend-metrics.js';
import { assessHealth, boundedName, type Health } from '../accounting/health.js';
import { createKeyTallies } from '../accounting/key-tallies.js';
import { createLedger, type ExporterLedger, type Ledger } from '../accounting/ledger.js';
import { createLog, type Log } from '../accounting/log.js';
import { createMetrics } from '../accounting/metrics.js';
import { createRecent, type Recent } from '../accounting/recent.js';
import type { RoutingStats } from '../accounting/stats.js';
import type { Clock } from '../clock.js';
import type { AuditEvent } from '../config/audit-event.js';
import { resolveFromEnv } from '../config/env.js';
import { ConfigError } from '../config/error.js';
import { listFixedChanges } from '../config/fixed-settings.js';
import { mayReplay as mayReplayToday, type WrittenBatch } from '../config/may-replay.js';
import { mayLink } from '../config/residency.js';
import { isResolved, resolveConfig } from '../config/resolve.js';
import type { Backend, ResolvedConfig } from '../config/resolved.js';
import type { SignalboxConfig } from '../config/schema.js';
import { listShadowBackends } from '../config/shadow-backends.js';
import { callContained } from '../contained.js';
import { startDeadline } from '../deadline.js';
import { runDetached } from '../detached.js';
import { createSizeEstimate, SPAN_OBJECT_BYTES } from '../encoding/estimate.js';
import { createSpanEncoders } from '../encoding/span-encoder.js';
import type { Exporter, ExporterRole } from '../exporter/exporter.js';
import { failureOf, type ObserveSent } from '../exporter/observed.js';
import { openExporter } from '../exporter/open.js';
import { joinMemory, type MemoryShare } from '../exporter/shared-memory.js';
import { createWatch, type HeapProfileOptions, type Watch } from '../monitoring/watch.js';
import type { ReadableSpan } from '../sdk.js';
import { createSystemClock } from '../system-clock.js';
import { type AuditLog, createAuditLog } from '../transport/audit-log.js';
import { type BackendSet, createBackendSet } from './backend-set.js';
import { createDynamicBackends } from './dynamic-backends.js';
import { createDynamicSet, type DynamicSet } from './dynamic-set.js';
import { createExporterOwners } from './exporter-owners.js';
import type { OpenBackend } from './idle-closer.js';
import { createRouter, type Router } from './router.js';
import { createTable } from './table.js';
import { createApplyView } from './view.js';

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
  readonly #backends: BackendSet;
  readonly #dynamic: DynamicSet;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #recent: Recent;
  readonly #auditLog: AuditLog | undefined;
  readonly #watch: Watch | undefined;
  readonly #clock: Clock;
  #config: ResolvedConfig;
  #shadows: ReadonlySet<string>;
  readonly #memoryShare: MemoryShare;
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
    this.#config = resolved;
    this.#shadows = listShadowBackends(resolved);
    const clock = createSystemClock();
    const ownLog = createLog(clock);
    const watch =
      resolved.monitoring &&
      createWatch(resolved.monitoring, clock, (name) => this.#config.backends.has(name));
    const log = watch?.log(ownLog) ?? ownLog;
    const tallies = createKeyTallies();
    const metrics = createMetrics(resolved.meterProvider, tallies);
    const ledger = createLedger({ clock, log, metrics, tallies });
    const memoryShare = joinMemory(resolved.maxBufferedBytes);
    const { memory } = memoryShare;
    const { routeAttribute } = resolved;
    const encoderOf = createSpanEncoders(routeAttribute);
    const recent = createRecent(clock);
    const observe: ObserveSent = (backend, sent) => {
      const { result, durationMs } = sent;
      const failure = failureOf(result);
      if (failure !== undefined) recent.fail({ backend, durationMs, ...failure });
      watch?.onSent(backend, sent);
    };
    const auditLog =
      resolved.auditLog === undefined ? undefined : createAuditLog(resolved.auditLog, { log });
    const onAudit = (event: AuditEvent) => {
      auditLog?.write(event);
      this.#tellOfAudit(event);
    };
    const onLeave = watch?.onLeave;
    const parts = { routeAttribute, encoderOf, memory, log, clock, observe, onLeave, onAudit };
    const applyView = createApplyView(ledger.routing);
    const open = (
      backend: Backend,
      role: ExporterRole,
      component?: MetricsComponent,
    ): OpenBackend => {
      const own = ledger.backend(backend, component, role);
      const mayReplay = (batch: WrittenBatch) => mayReplayToday(this.#config, backend, batch);
      const exporter = openExporter(backend, { ...parts, role, ledger: own, mayReplay });
      return applyView({ backend, ledger: own, exporter });
    };
    const retire = (own: ExporterLedger) => ledger.retire(own);
    const owners = createExporterOwners();
    const backends = createBackendSet(resolved, { open, retire, owners, clock });
    const dynamic = createDynamicSet((config) =>
      createDynamicBackends(config, {
        lookupTimeoutMs: resolved.parkTimeoutMs,
        open: (backend) =>
          open(backend, 'primary', { ...backend, name: '(dynamic)', url: undefined }),
        retire,
        owners,
        log,
        clock,
      }),
    );
    const estimateBytes = createSizeEstimate('http/protobuf', routeAttribute);
    this.#router = createRouter({
      ...resolved,
      table: createTable(resolved, backends.exporterOf, dynamic.replace(resolved.dynamic)),
      estimateBytes: (span) => SPAN_OBJECT_BYTES + estimateBytes({ span, routeKey: undefined }),
      memory,
      ledger: ledger.routing,
      log,
      recent,
      mayLink: (backend, parents) =>
        mayLink(
          this.#config.residency,
          backend.class,
          parents?.exporters === undefined ? undefined : parents.classes,
        ),
      clock,
    });
    this.#backends = backends;
    this.#dynamic = dynamic;
    this.#ledger = ledger;
    this.#log = log;
    this.#recent = recent;
    this.#auditLog = auditLog;
    this.#clock = clock;
    this.#memoryShare = memoryShare;
    this.#watch = watch;
    // Its last report is made during the shutdown, and tells of the backends as they are then.
    const health = (nameOf: (backend: string) => string) => this.#assess(nameOf, false);
    watch?.start({ stats: () => this.stats(), health }, ownLog);
    this.#warn(resolved);
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

  /**
   * Puts another configuration in the place of the present one, at once and as a whole; no span is lost over it.
   *
   * Requests whose route is decided keep it, and the backends it leads to; the others are decided by the new routes. A
   * backend of the same name and settings keeps its queue and its connections. Any other is opened anew; what has been
   * removed or changed goes on with the spans of such requests, settles them, and is closed when none has come for a
   * minute. What comes even later is dropped as `backend_removed`. In `stats()` a backend that is closed is a part of
   * `(removed)`, or of the one that took its name.
   *
   * `routeAttribute`, `meterProvider` and what bounds parking can not change. After `shutdown()` this
   * does nothing.
   *
   * @param config - All of it, not only what changes; such as what `loadConfig()` reads anew.
   * @throws {@link ConfigError} naming every problem at once; then nothing has changed.
   */
  update(config: SignalboxConfig): void;
  /** @internal */
  update(config: SignalboxConfig | ResolvedConfig): void;
  update(config: SignalboxConfig | ResolvedConfig): void {
    if (this.#stopped !== undefined) return;
    const next = isResolved(config) ? config : resolveConfig(config);
    const problems = [
      ...listFixedChanges(this.#config, next),
      ...this.#backends.listProblems(next),
    ];
    if (problems.length > 0) throw new ConfigError(problems);
    this.#memoryShare.resize(next.maxBufferedBytes);
    this.#backends.replace(next);
    const dynamic = this.#dynamic.replace(next.dynamic);
    this.#router.setTable(createTable(next, this.#backends.exporterOf, dynamic));
    this.#config = next;
    this.#shadows = listShadowBackends(next);
    this.#warn(next);
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
   * for their request's key stay parked. All backends side by side: one that hangs delays no other's. Shadows' spans are
   * sent too, and not waited for.
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
   * Settles what it can within `SIGNALBOX_SHUTDOWN_TIMEOUT`, parked spans first, writes the rest to the spools, or
   * drops it as `shutdown_timeout`, and closes every connection. Spans that end later are dropped as `already_shutdown`.
   * Resolves in any case; calling it again gives the same promise.
   *
   * @param options - `timeoutMillis`: a shorter time than that.
   */
  shutdown(options?: { readonly timeoutMillis?: number | undefined }): Promise<void> {
    const { shutdownTimeoutMs } = this.#config;
    const timeoutMs = Math.min(options?.timeoutMillis ?? shutdownTimeoutMs, shutdownTimeoutMs);
    this.#stopped ??= runDetached(() => this.#stop(timeoutMs));
    return this.#stopped;
  }

  /** What has become of every span until now: a snapshot, whose counters obey the laws that {@link RoutingStats} states. */
  stats(): RoutingStats {
    return this.#ledger.stats();
  }

  /**
   * How the pipeline and each of its backends are, for a service's own health endpoint: without route keys, URLs or
   * credentials. It costs what `stats()` does.
   *
   * A backend that is down is no reason to restart the service: its spans wait, and would be lost.
   */
  health(): Health {
    return this.#assess(boundedName, this.#stopped !== undefined);
  }

  /**
   * Samples the heap and sends the profile to the endpoint of `monitoring`, whose telemetry has to include `memprof`.
   * The profile has names of functions and files, and no values.
   *
   * @returns whether the receiver has taken it; `false` as well while another one is made, or after `shutdown()`. Never
   *   rejects.
   */
  sendHeapProfile(options?: HeapProfileOptions): Promise<boolean> {
    return this.#watch?.sendHeapProfile(options) ?? Promise.resolve(false);
  }

  /** @internal Remembers decisions and failures from here on. */
  watch(): Pick<Recent, 'decisions' | 'failures'> {
    this.#recent.switchOn();
    return this.#recent;
  }

  async #flush(timeoutMs: number): Promise<void> {
    const { passed, cancel } = startDeadline(this.#clock, timeoutMs);
    const all = this.#exporters();
    const exporters = all.filter(({ role }) => role === 'primary');
    // Sent as well, and not waited for.
    for (const each of all) if (each.role === 'shadow') void each.flush(passed);
    const settled = await Promise.all(exporters.map((exporter) => exporter.flush(passed)));
    cancel();
    const unsettled = exporters.filter((_, index) => settled[index] === false);
    if (unsettled.length > 0) {
      const names = unsettled.map(({ name }) => name).join(', ');
      throw new Error(
        `signalbox: forceFlush gave up after ${timeoutMs / 1000} s on ${names}; what they hold stays queued`,
      );
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    const deadline = startDeadline(this.#clock, timeoutMs);
    // Half of the time: what waits for a lookup has to be sent after it. The others are sent meanwhile.
    const half = startDeadline(this.#clock, timeoutMs / 2);
    const lookups = this.#router.close(half.passed);
    if (lookups !== undefined) {
      for (const exporter of this.#exporters()) void exporter.flush(deadline.passed);
      await lookups;
    }
    half.cancel();
    this.#backends.close();
    this.#dynamic.close();
    const exporters = this.#exporters();
    // While those that stand by still take something.
    for (const { failover } of exporters) failover?.yieldAll();
    const closed = Promise.all(exporters.map((exporter) => exporter.shutdown(deadline)));
    await Promise.all([closed, this.#watch?.close(closed, deadline)]);
    await Promise.race([this.#auditLog?.flush(), deadline.passed]);
    deadline.cancel();
    this.#memoryShare.leave();
    this.#ledger.close();
    this.#log.flush();
  }

  #assess(nameOf: (backend: string) => string, isShutDown: boolean): Health {
    const nowMs = this.#clock.now();
    const waiting = this.#exporters().map((exporter) => {
      const sinceMs = exporter.oldestQueuedAtMs();
      const oldestQueuedMs = sinceMs === undefined ? undefined : nowMs - sinceMs;
      return { name: exporter.name, oldestQueuedMs };
    });
    const shadows = this.#shadows;
    return assessHealth(this.stats().backends, waiting, { isShutDown, shadows, nameOf });
  }

  #tellOfAudit(event: AuditEvent): void {
    callContained(
      () => this.#config.onAudit?.(event),
      (error) => {
        // Without its message, which is the application's.
        const name = error instanceof Error ? error.name : 'no error';
        this.#log.warn('onAudit', `the onAudit function failed (${name})`);
      },
    );
  }

  #exporters(): Exporter[] {
    return [...this.#backends.exporters(), ...this.#dynamic.exporters()];
  }

  #warn({ warnings }: ResolvedConfig): void {
    // Later in this turn: NodeSDK registers the logger after its processors have been made.
    this.#clock.schedule(() => {
      for (const warning of warnings) this.#log.once(warning, warning);
      const { isDisputed, memory } = this.#memoryShare;
      if (!isDisputed) return;
      const least = `the smallest, ${memory.maxBytes}, counts for all`;
      this.#log.once('memory', `SIGNALBOX_MAX_BUFFERED_BYTES differs between processors: ${least}`);
    }, 0);
  }

  /** The one place where a bug of ours ends, short of the application's request. */
  #reportBug(where: string, error: unknown): void {
    this.#log.warn(where, `${where} failed, which is a bug of signalbox: ${String(error)}`);
  }
}
