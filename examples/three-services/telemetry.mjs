// @ts-check
// Set up before each of the services is loaded: node --import ./telemetry.mjs gateway.mjs

import { register } from 'node:module';
import { CompositePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutePropagator, RoutingSpanProcessor } from 'signalbox';

// Lets instrumentations see what ES modules import.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
registerInstrumentations({
  instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation()],
});

export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME }),
  spanProcessors: [RoutingSpanProcessor.fromEnv()],
});
provider.register({
  // Tells the services in SIGNALBOX_PROPAGATION_HOSTS the key, signed, and believes what they have signed.
  propagator: new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), RoutePropagator.fromEnv()],
  }),
});
