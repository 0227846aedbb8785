/** A span as a test writes it; ids of fewer digits than OTLP's are filled up with zeros. */
export interface WrittenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly service?: string;
  readonly key?: string;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Milliseconds since the epoch. */
  readonly startMs?: number;
  readonly durationMs?: number;
  readonly kind?: number;
  readonly error?: string;
  readonly events?: readonly { readonly name: string; readonly offsetMs: number }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

/** The ids that OTLP has for the short ones of a test. */
export const fullTraceId = (id: string) => id.padStart(32, '0');
export const fullSpanId = (id: string) => id.padStart(16, '0');

/** The body of an export request, in JSON. */
export function otlpJson(spans: readonly WrittenSpan[]): string {
  const services = groupByService(spans);
  return JSON.stringify({
    resourceSpans: [...services].map(([service, own]) => ({
      resource: { attributes: [attribute('service.name', service)] },
      scopeSpans: [{ scope: { name: 'test', version: '1.0.0' }, spans: own.map(toSpan) }],
    })),
  });
}

/** Sends spans to a backend of a sink, as one request; resolves with the status of its answer. */
export async function sendSpans(
  sinkUrl: string,
  backend: string,
  spans: readonly WrittenSpan[],
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const response = await fetch(`${sinkUrl}/${backend}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: otlpJson(spans),
  });
  await response.arrayBuffer();
  return response.status;
}

const START_MS = Date.UTC(2026, 0, 1);

function toSpan(span: WrittenSpan): object {
  const { name = 'work', startMs = START_MS, durationMs = 10, key, attributes = {} } = span;
  const nano = (ms: number) => String(BigInt(Math.round(ms * 1_000)) * 1_000n);
  return {
    traceId: fullTraceId(span.traceId),
    spanId: fullSpanId(span.spanId),
    ...(span.parentSpanId !== undefined && { parentSpanId: fullSpanId(span.parentSpanId) }),
    name,
    kind: span.kind ?? 1,
    startTimeUnixNano: nano(startMs),
    endTimeUnixNano: nano(startMs + durationMs),
    attributes: [
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      ...(key === undefined ? [] : [attribute('signalbox.route', key)]),
    ],
    events: (span.events ?? []).map(({ name, offsetMs }) => ({
      name,
      timeUnixNano: nano(startMs + offsetMs),
      attributes: [attribute('detail', name)],
    })),
    links: (span.links ?? []).map(({ traceId, spanId }) => ({
      traceId: fullTraceId(traceId),
      spanId: fullSpanId(spanId),
    })),
    status: span.error === undefined ? {} : { code: 2, message: span.error },
  };
}

function attribute(key: string, value: string | number | boolean): object {
  if (typeof value === 'string') return { key, value: { stringValue: value } };
  if (typeof value === 'boolean') return { key, value: { boolValue: value } };
  return { key, value: Number.isInteger(value) ? { intValue: value } : { doubleValue: value } };
}

function groupByService(spans: readonly WrittenSpan[]): Map<string, WrittenSpan[]> {
  const groups = new Map<string, WrittenSpan[]>();
  for (const span of spans) {
    const { service = 'shop' } = span;
    const group = groups.get(service);
    if (group === undefined) groups.set(service, [span]);
    else group.push(span);
  }
  return groups;
}
