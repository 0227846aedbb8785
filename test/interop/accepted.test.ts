import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { withRoute } from '../../src/index.js';
import type { ReceivedSpan } from '../../src/receiver/received.js';
import { makeFolder } from '../helpers/folder.js';
import { startReceiver } from '../helpers/receiver.js';
import { startService } from '../helpers/service.js';
import { waitForExported } from './exported-file.js';
import { createOtelcol } from './otelcol.js';
import { makeVariedSpans } from './varied-spans.js';

function byId(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  return spans.toSorted((one, other) => one.spanId.localeCompare(other.spanId));
}

test.each(
  (['http/protobuf', 'http/json'] as const).flatMap((protocol) =>
    (['none', 'gzip'] as const).map((compression) => ({ protocol, compression })),
  ),
)('a Collector reads what was sent: $protocol, $compression', async ({ protocol, compression }) => {
  const path = join(makeFolder(), 'traces.jsonl');
  const otelcol = await createOtelcol({
    config: stringify({
      receivers: { otlp: { protocols: { http: {}, grpc: {} } } },
      exporters: { file: { path, flush_interval: '100ms' } },
      service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } } },
    }),
  });
  await otelcol.start();
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const wire = { protocol, compression } as const;
  const service = startService({
    backends: {
      otelcol: { endpoint: otelcol.url, ...wire },
      // Whose decoder is tested against the official serializer's bytes.
      witness: { endpoint: `${receiver.url}/witness`, ...wire },
    },
    routes: { all: ['otelcol', 'witness'] },
  });
  onTestFinished(() => service.stop());
  const count = withRoute('all', () => makeVariedSpans(service.tracer));
  await service.provider.forceFlush();

  const { delivered, dropped } = service.processor.stats().backends.otelcol ?? {};
  expect({ delivered, dropped }).toEqual({ delivered: count, dropped: {} });
  const read = await waitForExported(path, count);
  expect(byId(read)).toEqual(byId(receiver.spans('witness')));
  expect(read.map(({ name }) => name)).toContain('GET /cart — “Größe” 🛤');
});
