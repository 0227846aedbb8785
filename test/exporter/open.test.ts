import { readFileSync } from 'node:fs';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/config/resolved.js';
import { createSpanEncoders } from '../../src/encoding/span-encoder.js';
import { createMemory } from '../../src/exporter/memory.js';
import { openExporter } from '../../src/exporter/open.js';
import { createSystemClock } from '../../src/system-clock.js';
import { VERSION } from '../../src/version.js';
import { makeSpan } from '../encoding/span-fixtures.js';
import { never, now } from '../helpers/deadline.js';
import { plainAttributes, startReceiver, type TestReceiver } from '../helpers/receiver.js';
import { backendDefaults, createCheckingLedger, createRecordingLog } from './fixtures.js';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function openReceiver(): Promise<TestReceiver> {
  const receiver = await startReceiver();
  closing.push(() => receiver.stop());
  return receiver;
}

function open(backend: Partial<Backend>) {
  const accounting = createCheckingLedger();
  const memory = createMemory(1024 * 1024);
  const exporter = openExporter(
    { ...backendDefaults, ...backend },
    {
      routeAttribute: 'signalbox.route',
      encoderOf: createSpanEncoders('signalbox.route'),
      memory,
      ledger: accounting.ledger,
      log: createRecordingLog().log,
      clock: createSystemClock(),
    },
  );
  closing.push(() => exporter.shutdown(now()));
  return { ...accounting, exporter, memory };
}

describe('an exporter that is opened for a backend', () => {
  it.each<{ protocol: Backend['protocol']; compression: Backend['compression'] }>([
    { protocol: 'http/protobuf', compression: 'none' },
    { protocol: 'http/protobuf', compression: 'gzip' },
    { protocol: 'http/json', compression: 'none' },
    { protocol: 'http/json', compression: 'gzip' },
  ])('delivers by $protocol with compression $compression', async ({ protocol, compression }) => {
    const receiver = await openReceiver();
    const { exporter, counts, memory } = open({
      url: `${receiver.url}/standard/v1/traces`,
      headers: { authorization: 'Bearer key' },
      parent: 'project_name:checkout',
      protocol,
      compression,
    });
    const attributes = { tenant: 'acme', 'braintrust.parent': 'project_name:other' };
    exporter.accept({ span: makeSpan({ attributes }), routeKey: 'acme' });
    await exporter.flush();
    const [request] = receiver.requests;
    expect(request?.headers.authorization).toBe('Bearer key');
    expect(request?.headers['user-agent']).toMatch(/^signalbox\/\S+ OTel-OTLP-Exporter-JavaScript/);
    expect(request?.headers['content-encoding']).toBe(compression === 'gzip' ? 'gzip' : undefined);
    expect(request?.spans.map((span) => plainAttributes(span.attributes))).toEqual([
      { tenant: 'acme', 'signalbox.route': 'acme' },
    ]);
    expect(counts).toMatchObject({ accepted: 1, delivered: 1, bytes: request?.wireBytes });
    expect(memory.usedBytes).toBe(0);
  });

  it('delivers through the stock exporter, which stays the application’s own', async () => {
    const receiver = await openReceiver();
    const stock = new OTLPTraceExporter({ url: `${receiver.url}/standard/v1/traces` });
    const { exporter, counts } = open({
      url: undefined,
      delivery: { kind: 'exporter', exporter: stock },
    });
    exporter.accept({ span: makeSpan({ attributes: { tenant: 'acme' } }), routeKey: 'acme' });
    await exporter.flush();
    expect(receiver.spans().map((span) => plainAttributes(span.attributes))).toEqual([
      { tenant: 'acme', 'signalbox.route': 'acme' },
    ]);
    expect(counts.delivered).toBe(1);
  });

  it('is flushed and shut down without having had a span, and counts the spans that come too late', async () => {
    const { exporter, dropped, counts } = open({});
    await exporter.flush();
    await exporter.shutdown(never());
    exporter.accept({ span: makeSpan(), routeKey: 'acme' });
    expect(counts.accepted).toBe(1);
    expect(dropped).toEqual({ shutdown_timeout: 1 });
  });

  it('shuts the application’s own exporter down also when it has had no span', async () => {
    const calls: string[] = [];
    const { exporter } = open({
      delivery: {
        kind: 'exporter',
        exporter: { export() {}, shutdown: async () => void calls.push('shutdown') },
      },
    });
    await exporter.shutdown(never());
    expect(calls).toEqual(['shutdown']);
  });

  it('names the package’s own version', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(VERSION).toBe(version);
  });
});
