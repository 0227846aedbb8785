import type { Attributes, Meter, ObservableCallback } from '@opentelemetry/api';

/** Adds to, or records with, one instrument. Never throws. */
export type Write = (value: number, attributes: Attributes) => void;

/** The instruments that all backends of a processor write to, told apart by their attributes. */
export interface Instruments {
  /** `otel.sdk.processor.span.queue.capacity` */
  readonly queueCapacity: Write;
  /** `otel.sdk.processor.span.processed` */
  readonly processed: Write;
  /** `otel.sdk.exporter.span.inflight` */
  readonly inflight: Write;
  /** `otel.sdk.exporter.span.exported` */
  readonly exported: Write;
  /** `otel.sdk.exporter.operation.duration`, in seconds */
  readonly duration: Write;
  /** Observes `otel.sdk.processor.span.queue.size` and `signalbox.route.spans` no more. */
  close(): void;
}

/**
 * Creates the instruments, under the names, units and descriptions of the semantic conventions.
 *
 * @param observeQueues - States every queue's size, whenever the metrics are collected: the one count that
 *   changes with every span, and so the one that is not written as it changes.
 * @param observeRoutes - States the counts of every route that is counted by key, likewise.
 * @param onThrow - Told of the first time that the application's meter throws; it is not called again.
 */
export function createInstruments(
  meter: Meter,
  observeQueues: ObservableCallback,
  observeRoutes: ObservableCallback,
  onThrow: (error: unknown) => void,
): Instruments {
  let broken = false;

  function guarded(write: Write): Write {
    return (value, attributes) => {
      if (broken) return;
      try {
        write(value, attributes);
      } catch (error) {
        broken = true;
        onThrow(error);
      }
    };
  }

  const queueSize = meter.createObservableUpDownCounter('otel.sdk.processor.span.queue.size', {
    unit: '{span}',
    description: 'The number of spans in the queue of a given instance of an SDK span processor.',
  });
  const queueCapacity = meter.createUpDownCounter('otel.sdk.processor.span.queue.capacity', {
    unit: '{span}',
    description:
      'The maximum number of spans the queue of a given instance of an SDK span processor can hold.',
  });
  const processed = meter.createCounter('otel.sdk.processor.span.processed', {
    unit: '{span}',
    description:
      'The number of spans for which the processing has finished, either successful or failed.',
  });
  const inflight = meter.createUpDownCounter('otel.sdk.exporter.span.inflight', {
    unit: '{span}',
    description:
      'The number of spans which were passed to the exporter, but that have not been exported yet (neither successful, nor failed).',
  });
  const exported = meter.createCounter('otel.sdk.exporter.span.exported', {
    unit: '{span}',
    description:
      'The number of spans for which the export has finished, either successful or failed.',
  });
  const duration = meter.createHistogram('otel.sdk.exporter.operation.duration', {
    unit: 's',
    description: 'The duration of exporting a batch of telemetry records.',
    // No buckets unless a view asks for them, as the SDK's own exporters have it: the default ones are
    // made for milliseconds, and would be there once for every backend.
    advice: { explicitBucketBoundaries: [] },
  });
  queueSize.addCallback(observeQueues);
  const routeSpans = meter.createObservableCounter('signalbox.route.spans', {
    unit: '{span}',
    description:
      'The number of spans of a route that has a shadow or a share, by backend and outcome.',
  });
  routeSpans.addCallback(observeRoutes);

  return {
    queueCapacity: guarded((value, attributes) => queueCapacity.add(value, attributes)),
    processed: guarded((value, attributes) => processed.add(value, attributes)),
    inflight: guarded((value, attributes) => inflight.add(value, attributes)),
    exported: guarded((value, attributes) => exported.add(value, attributes)),
    duration: guarded((value, attributes) => duration.record(value, attributes)),
    close: () =>
      guarded(() => {
        queueSize.removeCallback(observeQueues);
        routeSpans.removeCallback(observeRoutes);
      })(0, {}),
  };
}
