// @ts-check
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { RoutingSpanProcessor } from 'signalbox';

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'notes' }),
  spanProcessors: [RoutingSpanProcessor.fromEnv()],
});
provider.register();

process.once('beforeExit', () => provider.shutdown());
