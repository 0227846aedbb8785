// @ts-check
// Set up before the application is loaded: node --import ./telemetry.mjs worker.mjs

import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutingSpanProcessor } from 'signalbox';

export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'worker' }),
  spanProcessors: [RoutingSpanProcessor.fromEnv()],
});
provider.register();
