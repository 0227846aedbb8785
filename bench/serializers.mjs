// @ts-check
// The encoder against the official serializers, in one process, in turn: batches of 512 spans into request bodies.
//
//   node --expose-gc serializers.mjs '{ "passes": 9, "batches": 20 }'

import { existsSync } from 'node:fs';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { median } from './statistics.mjs';
import { createTraceMaker } from './workload.mjs';

/** @typedef {import('@opentelemetry/sdk-trace-base').ReadableSpan} ReadableSpan */

/**
 * @typedef {object} SerializersSpec
 * @property {number} batches in one pass
 * @property {number} passes the first third of which warms up
 */

/**
 * Microseconds of CPU for each span, medians of the passes; the own ones are absent from a build without them.
 *
 * @typedef {{ protobuf: number, json: number, ownProtobuf?: number, ownJson?: number }} SerializersResult
 */

/**
 * Encodes a batch, and returns what it made, so that none of the work can be left out.
 *
 * @typedef {(spans: ReadableSpan[]) => unknown} EncodeBatch
 */

const BATCH = 512;

/** @type {SerializersSpec} */
const spec = JSON.parse(process.argv[2] ?? '');

/** @returns {Promise<ReadableSpan[]>} */
async function createBatch() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'bench', 'service.version': '1.0.0' }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const makeTrace = createTraceMaker(provider.getTracer('bench', '1.0.0'), 'request');
  while (exporter.getFinishedSpans().length < BATCH) {
    makeTrace('b0');
    await provider.forceFlush();
  }
  return exporter.getFinishedSpans().slice(0, BATCH);
}

/**
 * signalbox's own encoder is no part of the public API: `encoding.mjs` beside this file knows how to drive it, and
 * exports `createOwnEncoders(): { ownProtobuf: EncodeBatch, ownJson: EncodeBatch }`.
 *
 * @returns {Promise<Record<string, EncodeBatch>>} none where the build has no encoder of its own
 */
async function loadOwnEncoders() {
  const built = new URL('../dist/encoding/protobuf.js', import.meta.url);
  const driver = new URL('encoding.mjs', import.meta.url);
  if (!existsSync(built) || !existsSync(driver)) return {};
  const { createOwnEncoders } = await import(driver.href);
  return createOwnEncoders();
}

/** @type {unknown} */
let last;

/** @param {EncodeBatch} encode @param {ReadableSpan[]} batch @returns {number} microseconds for each span */
function time(encode, batch) {
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (let i = 0; i < spec.batches; i += 1) last = encode(batch);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (spec.batches * batch.length);
}

/** @type {Record<string, EncodeBatch>} */
const encoders = {
  protobuf: (spans) => ProtobufTraceSerializer.serializeRequest(spans),
  json: (spans) => JsonTraceSerializer.serializeRequest(spans),
  ...(await loadOwnEncoders()),
};
const batch = await createBatch();
const timed = Object.entries(encoders).map(([name, encode]) => {
  /** @type {number[]} */
  const times = [];
  return { name, encode, times };
});
for (let pass = 0; pass < spec.passes; pass += 1) {
  for (const { encode, times } of timed) {
    const usPerSpan = time(encode, batch);
    if (pass >= spec.passes / 3) times.push(usPerSpan);
  }
}
if (last === undefined) throw new Error('nothing was encoded');

const result = Object.fromEntries(timed.map(({ name, times }) => [name, median(times)]));
process.send?.(result, () => process.exit());
