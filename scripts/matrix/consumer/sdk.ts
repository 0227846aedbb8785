// What the SDK calls these in version 2; the matrix puts another file here for version 3.
export {
  InMemorySpanExporter,
  NodeTracerProvider as Provider,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';
