// @ts-check
// What a user would run without signalbox: for each backend a filter, a BatchSpanProcessor, and the stock exporter.

import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { TENANT_ATTRIBUTE } from '../workload.mjs';
import { backendName, createIdleExporter, FAN_OUT_KEY } from './subject.mjs';

/** @typedef {import('@opentelemetry/sdk-trace-base').SpanProcessor} SpanProcessor */
/** @typedef {import('@opentelemetry/sdk-trace-base').ReadableSpan} ReadableSpan */
/** @typedef {import('@opentelemetry/sdk-trace-base').Span} Span */
/** @typedef {import('@opentelemetry/api').Context} Context */

const AMPLE_SPANS = 2_000_000;

/**
 * @param {import('./subject.mjs').Setup} setup
 * @returns {import('./subject.mjs').Subject}
 */
export function createSubject(setup) {
  const spanProcessors = Array.from({ length: setup.backends }, (_, index) => {
    const name = backendName(index);
    const processor = new BatchSpanProcessor(createExporter(name, setup), {
      ...(setup.queues === 'ample' && { maxQueueSize: AMPLE_SPANS }),
      ...(setup.delivery === 'none' && { maxExportBatchSize: AMPLE_SPANS }),
      ...(setup.scheduleDelayMs !== undefined && { scheduledDelayMillis: setup.scheduleDelayMs }),
    });
    return new TenantFilter(setup.fanOut === true ? FAN_OUT_KEY : name, processor);
  });
  return { spanProcessors, inRoute: (_key, fn) => fn() };
}

/** Hands the spans of one tenant on. @implements {SpanProcessor} */
export class TenantFilter {
  /** @param {string} tenant @param {SpanProcessor} inner */
  constructor(tenant, inner) {
    this.tenant = tenant;
    this.inner = inner;
  }

  /** @param {Span} span @param {Context} context */
  onStart(span, context) {
    this.inner.onStart(span, context);
  }

  /** @param {ReadableSpan} span */
  onEnd(span) {
    if (span.attributes[TENANT_ATTRIBUTE] === this.tenant) this.inner.onEnd(span);
  }

  forceFlush() {
    return this.inner.forceFlush();
  }

  shutdown() {
    return this.inner.shutdown();
  }
}

/**
 * @param {string} name
 * @param {import('./subject.mjs').Setup} setup
 * @returns {import('@opentelemetry/sdk-trace-base').SpanExporter}
 */
function createExporter(name, setup) {
  if (setup.delivery === 'none') return createIdleExporter();
  const Exporter = setup.protocol === 'http/json' ? JsonExporter : ProtobufExporter;
  /** @type {ConstructorParameters<typeof ProtobufExporter>[0]} */
  const options = {
    url: `${setup.receiverUrl}/${name}/v1/traces`,
    // A flush starts all its exports at once; past the default of 30 they fail.
    ...(setup.queues === 'ample' && { concurrencyLimit: AMPLE_SPANS }),
  };
  // The enum is not exported where its members could be named.
  if (setup.compression === 'gzip') Object.assign(options, { compression: 'gzip' });
  return new Exporter(options);
}
