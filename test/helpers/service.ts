import { context, type Span, type Tracer, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, type TracerConfig } from '@opentelemetry/sdk-trace-base';
import { RoutingSpanProcessor, type SignalboxConfig } from '../../src/index.js';
import type { ExportResult, ReadableSpan, SpanExporter } from '../../src/sdk.js';

/** An exporter that keeps the names of what it is given, in order. */
export interface RecordingExporter extends SpanExporter {
  readonly spans: ReadableSpan[];
  names(): string[];
}

export function recordingExporter(): RecordingExporter {
  const spans: ReadableSpan[] = [];
  return {
    spans,
    names: () => spans.map(({ name }) => name),
    export(batch, callback: (result: ExportResult) => void) {
      spans.push(...batch);
      callback({ code: 0 });
    },
    async shutdown() {},
  };
}

export interface Service {
  readonly processor: RoutingSpanProcessor;
  readonly provider: BasicTracerProvider;
  readonly tracer: Tracer;
  /** Starts a span that is active in `fn`, and ends it when `fn` has completed. */
  inSpan<T>(name: string, fn: (span: Span) => T): T;
  stop(): Promise<void>;
}

/** A service in this process: a tracer provider with one `RoutingSpanProcessor`, and a context manager. */
export function startService(config: SignalboxConfig, tracing: TracerConfig = {}): Service {
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  const processor = new RoutingSpanProcessor(config);
  const provider = new BasicTracerProvider({ ...tracing, spanProcessors: [processor] });
  const tracer = provider.getTracer('test');

  function inSpan<T>(name: string, fn: (span: Span) => T): T {
    return tracer.startActiveSpan(name, (span) => {
      const result = fn(span);
      if (result instanceof Promise) {
        return result.finally(() => span.end()) as T;
      }
      span.end();
      return result;
    });
  }

  return {
    processor,
    provider,
    tracer,
    inSpan,
    async stop() {
      await provider.shutdown();
      context.disable();
      trace.disable();
      manager.disable();
    },
  };
}
