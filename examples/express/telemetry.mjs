// @ts-check
// Set up before the application is loaded: node --import ./telemetry.mjs server.mjs

import { register } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutingSpanProcessor } from 'signalbox';

// Lets instrumentations see what ES modules import.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
registerInstrumentations({
  instrumentations: [
    new HttpInstrumentation(),
    // The boundary does nothing that a span would tell of, and each costs every request some microseconds.
    new ExpressInstrumentation({ ignoreLayers: ['middleware - signalbox'] }),
  ],
});

export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'orders' }),
  spanProcessors: [RoutingSpanProcessor.fromEnv()],
});
provider.register();
