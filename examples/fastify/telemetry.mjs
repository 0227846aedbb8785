// @ts-check
// Set up before the application is loaded: node --import ./telemetry.mjs server.mjs

import { register } from 'node:module';
import { FastifyOtelInstrumentation } from '@fastify/otel';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutingSpanProcessor } from 'signalbox';

// Lets instrumentations see what ES modules import.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
registerInstrumentations({
  instrumentations: [
    new HttpInstrumentation(),
    new FastifyOtelInstrumentation({ registerOnInitialization: true }),
  ],
});

export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'reports' }),
  spanProcessors: [RoutingSpanProcessor.fromEnv()],
});
provider.register();
