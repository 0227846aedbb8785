// @ts-check
// Set up before the application is loaded: node --import ./telemetry.mjs service.mjs

import { register } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutingSpanProcessor } from 'signalbox';

// Lets instrumentations see what ES modules import; they must be there before `http` is loaded.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });

/** Everything is in the environment: SIGNALBOX_BACKENDS, SIGNALBOX_ROUTES and so on. */
export const routing = RoutingSpanProcessor.fromEnv();

/**
 * The ids of all spans that were made. Only the demo needs it: it is how the demo knows, without asking
 * signalbox, what should have arrived.
 *
 * @type {string[]}
 */
export const madeSpanIds = [];

/** @type {import('@opentelemetry/sdk-trace-node').SpanProcessor} */
const notary = {
  onStart() {},
  onEnd(span) {
    madeSpanIds.push(span.spanContext().spanId);
  },
  async forceFlush() {},
  async shutdown() {},
};

export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'demo' }),
  spanProcessors: [notary, routing],
});

// The global provider, and with it the context manager that carries a request's decision across `await`.
provider.register();
