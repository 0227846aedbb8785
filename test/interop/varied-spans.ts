import {
  context,
  createTraceState,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** Makes spans, under the active route, that have everything that OTLP can say: all types of attributes, parents, events, links, statuses. */
export function makeVariedSpans(tracer: Tracer): number {
  const remote = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    traceState: createTraceState('vendor=one,other=two'),
  };
  const parent = tracer.startSpan(
    'GET /cart — “Größe” 🛤',
    {
      kind: SpanKind.SERVER,
      attributes: {
        text: 'plain',
        empty: '',
        unicode: 'line\nbreak "quotes" \\ \u0000 💡',
        whole: 42,
        negative: -7,
        large: Number.MAX_SAFE_INTEGER,
        fraction: 0.1,
        huge: 1e300,
        yes: true,
        no: false,
        texts: ['a', '', 'c'],
        numbers: [1, 2, 3],
        fractions: [0.5, 1.5],
        flags: [true, false],
        none: [],
      },
    },
    trace.setSpanContext(context.active(), remote),
  );
  const inParent = trace.setSpan(context.active(), parent);
  const kinds = [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER];
  for (const kind of kinds) {
    const links = [{ context: remote, attributes: { reason: 'batch', count: 3 } }];
    const child = tracer.startSpan(`child ${kind}`, { kind, links }, inParent);
    child.addEvent('first', { 'event.text': 'x', 'event.number': 1.25 });
    child.addEvent('second', {}, [1_700_000_000, 123_456_789]);
    child.end();
  }
  const failed = tracer.startSpan('failed', {}, inParent);
  failed.recordException(new Error('no such cart'));
  failed.setStatus({ code: SpanStatusCode.ERROR, message: 'no such cart' });
  failed.end();
  parent.setStatus({ code: SpanStatusCode.OK });
  parent.end();
  const root = tracer.startSpan('a root of its own', {}, context.active());
  root.end();
  return kinds.length + 3;
}
