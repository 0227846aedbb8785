import { expect, onTestFinished, test } from 'vitest';
import { withRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { makeFolder } from '../helpers/folder.js';
import { startReceiver } from '../helpers/receiver.js';
import { type Service, startService } from '../helpers/service.js';
import { collectorConfig } from './collector-config.js';
import { createOtelcol } from './otelcol.js';

function settingsFor(url: string): NodeJS.ProcessEnv {
  return {
    SIGNALBOX_BACKENDS: 'acme',
    SIGNALBOX_BACKEND_ACME_ENDPOINT: `${url}/acme`,
    SIGNALBOX_BACKEND_ACME_SCHEDULE_DELAY: '50',
  };
}

/** Makes spans of one key, and returns their ids. */
function makeSpans(service: Service, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    withRoute('acme', () => service.inSpan(`span ${index}`, (span) => span.spanContext().spanId)),
  );
}

function arrivedAt(receiver: { spans(): readonly { readonly spanId: string }[] }): Set<string> {
  return new Set(receiver.spans().map(({ spanId }) => spanId));
}

test('a Collector that was down gets all that was spooled meanwhile', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const config = await collectorConfig(settingsFor(receiver.url));
  const otelcol = await createOtelcol({ config });
  const service = startService({
    backends: {
      fleet: {
        preset: 'collector',
        endpoint: otelcol.url,
        spoolDir: makeFolder(),
        retryMaxElapsedMs: 0,
        scheduleDelayMs: 50,
      },
    },
  });
  onTestFinished(() => service.stop());

  await otelcol.start();
  const made = makeSpans(service, 100);
  await service.provider.forceFlush();
  await otelcol.stop();
  made.push(...makeSpans(service, 500));
  await eventually(() => service.processor.stats().backends.fleet?.spooled === 500);
  await otelcol.start();
  await receiver.waitForSpans(600);
  expect(arrivedAt(receiver)).toEqual(new Set(made));
  expect(service.processor.stats().backends.fleet).toMatchObject({ delivered: 600, dropped: {} });
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'what a Collector holds while a backend is down outlives its own restart, by %s',
  async (signal) => {
    let isUp = false;
    let refused = 0;
    const receiver = await startReceiver({
      answer() {
        if (isUp) return undefined;
        refused += 1;
        return { status: 503 };
      },
    });
    onTestFinished(() => receiver.stop());
    const otelcol = await createOtelcol({
      config: await collectorConfig(settingsFor(receiver.url)),
    });
    await otelcol.start();
    const service = startService({
      backends: { fleet: { preset: 'collector', endpoint: otelcol.url, maxExportBatchSize: 50 } },
    });
    onTestFinished(() => service.stop());
    const made = makeSpans(service, 500);
    await service.provider.forceFlush();
    expect(service.processor.stats().backends.fleet).toMatchObject({ delivered: 500, dropped: {} });

    await eventually(() => refused > 0);
    await otelcol.stop(signal);
    isUp = true;
    await otelcol.start();
    await eventually(() => arrivedAt(receiver).size >= made.length);
    expect(arrivedAt(receiver)).toEqual(new Set(made));
  },
);
