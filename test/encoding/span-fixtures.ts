import { type Attributes, type Link, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** What a test wants of a span; the rest is the SDK's. */
export interface SpanWish {
  readonly name?: string;
  readonly attributes?: Attributes;
  readonly events?: readonly { readonly name: string; readonly attributes?: Attributes }[];
  readonly links?: readonly Attributes[];
  readonly statusMessage?: string;
}

/** Makes one ended span with the real SDK, without limits. */
export function makeSpan(wish: SpanWish = {}): ReadableSpan {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'checkout' }),
    spanProcessors: [new SimpleSpanProcessor(memory)],
    spanLimits: {
      attributeCountLimit: Number.POSITIVE_INFINITY,
      attributeValueLengthLimit: Number.POSITIVE_INFINITY,
    },
  });
  const links: Link[] = (wish.links ?? []).map((attributes) => ({
    context: {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: TraceFlags.SAMPLED,
    },
    attributes,
  }));
  const span = provider.getTracer('test', '1.0.0').startSpan(wish.name ?? 'work', { links });
  span.setAttributes(wish.attributes ?? {});
  for (const event of wish.events ?? []) {
    span.addEvent(event.name, event.attributes);
  }
  if (wish.statusMessage !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: wish.statusMessage });
  }
  span.end();
  const [made] = memory.getFinishedSpans();
  if (made === undefined) {
    throw new Error('the SDK made no span');
  }
  return made;
}

/** An ended span with attributes that the SDK's own checks would not let through. */
export function makeHostileSpan(attributes: object): ReadableSpan {
  return Object.create(makeSpan(), { attributes: { value: attributes, enumerable: true } });
}
