// What an application writes in TypeScript: it has to hold with the types of every SDK and every undici.
import { metrics } from '@opentelemetry/api';
import {
  loadConfig,
  RoutingSpanProcessor,
  type SignalboxConfig,
  setRoute,
  statsHandler,
  withBoundary,
  withRoute,
} from 'signalbox';
import { routeRequests } from 'signalbox/node';
import { Agent } from 'undici';
import {
  InMemorySpanExporter,
  Provider,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from './sdk.js';

class CountingExporter implements SpanExporter {
  exported = 0;
  export(spans: ReadableSpan[], resultCallback: (result: { code: number }) => void): void {
    this.exported += spans.length;
    resultCallback({ code: 0 });
  }
  async shutdown(): Promise<void> {}
}

const config: SignalboxConfig = {
  backends: {
    plain: { endpoint: 'https://otlp.example.com', dispatcher: new Agent() },
    memory: { exporter: new InMemorySpanExporter() },
    counting: { exporter: new CountingExporter(), view: (span) => ({ ...span, name: 'span' }) },
  },
  routes: { acme: ['plain', 'memory'] },
  defaultRoute: 'counting',
  meterProvider: metrics.getMeterProvider(),
};

const processor: SpanProcessor = new RoutingSpanProcessor(config);
const provider = new Provider({
  spanProcessors: [processor, new RoutingSpanProcessor(loadConfig())],
});

export const handler = statsHandler(new RoutingSpanProcessor(config));
export const boundary = routeRequests({ route: (request) => request.headers.host });
export const outcome: Promise<string> = withBoundary(async () => setRoute('acme'));
withRoute('acme', () => provider.getTracer('consumer').startSpan('span').end());
