// @ts-check
// Set up before the service is loaded: node --import ./telemetry.mjs service.mjs

import { register } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutingSpanProcessor } from 'signalbox';

// Lets instrumentations see what ES modules import.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
registerInstrumentations({
  instrumentations: [
    // What the operator asks is no tenant's.
    new HttpInstrumentation({ ignoreIncomingRequestHook: ({ url = '' }) => url.startsWith('/-/') }),
  ],
});

export const processor = RoutingSpanProcessor.fromEnv();
export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'invoices' }),
  spanProcessors: [processor],
});
provider.register();
