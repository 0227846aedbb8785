import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { buildWithGo } from './go.js';
import { freePort } from './otelcol.js';
import { sendVariedSpans } from './sent-spans.js';
import { startServer } from './server.js';
import { timeBoxMs } from './time-box.js';

const jaeger = buildWithGo({
  name: 'jaeger',
  directory: fileURLToPath(new URL('jaeger', import.meta.url)),
  files: ['go.mod', 'go.sum'],
  target: 'github.com/jaegertracing/jaeger/cmd/all-in-one',
  timeoutMs: timeBoxMs(),
});
if ('fault' in jaeger) console.log(`Jaeger is skipped: ${jaeger.fault}`);

interface JaegerSpan {
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly spanID: string; readonly refType: string }[];
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
  readonly logs: readonly unknown[];
}

test
  .runIf('path' in jaeger)
  .each(
    (['http/protobuf', 'http/json'] as const).flatMap((protocol) =>
      (['none', 'gzip'] as const).map((compression) => ({ protocol, compression })),
    ),
  )('Jaeger shows what was sent: $protocol, $compression', async (wire) => {
  if (!('path' in jaeger)) return;
  const [otlp, query] = [await freePort(), await freePort()];
  const others = [
    'collector.otlp.grpc',
    'collector.grpc-server',
    'collector.http-server',
    'query.grpc-server',
    'admin.http',
  ];
  const ports = await Promise.all(
    others.map(async (each) => `--${each}.host-port=127.0.0.1:${await freePort()}`),
  );
  await startServer(
    jaeger.path,
    [
      `--collector.otlp.http.host-port=127.0.0.1:${otlp}`,
      `--query.http-server.host-port=127.0.0.1:${query}`,
      ...ports,
      // What else it listens on, for senders that are long gone.
      '--http-server.host-port=127.0.0.1:0',
      ...['jaeger-binary', 'jaeger-compact', 'zipkin-compact'].map(
        (each) => `--processor.${each}.server-host-port=127.0.0.1:0`,
      ),
    ],
    `http://127.0.0.1:${query}/api/services`,
  );
  const sent = await sendVariedSpans({ endpoint: `http://127.0.0.1:${otlp}`, ...wire });
  for (const span of sent) {
    const answer = await fetch(`http://127.0.0.1:${query}/api/traces/${span.traceId}`);
    const { data } = (await answer.json()) as { data: readonly { spans: readonly JaegerSpan[] }[] };
    const shown = data[0]?.spans.find(({ spanID }) => spanID === span.spanId);
    expect(shown?.operationName).toBe(span.name);
    const parents = shown?.references.filter(({ refType }) => refType === 'CHILD_OF') ?? [];
    expect(parents.map(({ spanID }) => spanID)).toEqual(
      span.parentSpanId ? [span.parentSpanId] : [],
    );
    expect(shown?.logs).toHaveLength(span.events.length);
    const tags = new Map(shown?.tags.map(({ key, value }) => [key, value]));
    for (const { key, value } of span.attributes) {
      expect(tags.has(key), key).toBe(true);
      if (value.type === 'string' || value.type === 'bool') expect(tags.get(key)).toBe(value.value);
    }
    if (span.status.code === 2) expect(tags.get('error')).toBe(true);
  }
});
