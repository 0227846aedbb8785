// @ts-check
// signalbox's own encoder, driven as its exporters drive it: spans one by one into chunks, chunks into a request's body, and
// the memory released as after a request that went well.
//
//   npm run build && node --expose-gc bench/encoding.mjs      the ratios alone, of several rounds

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.mjs';

/** @typedef {import('@opentelemetry/sdk-trace-base').ReadableSpan} ReadableSpan */

/** @typedef {(spans: ReadableSpan[]) => unknown} EncodeBatch */
/** @typedef {import('../dist/encoding/chunks.js').Chunk} Chunk */
/** @typedef {ReadableSpan['resource']} Resource */
/** @typedef {ReadableSpan['instrumentationScope']} Scope */

/** @returns {Promise<{ ownProtobuf: EncodeBatch, ownJson: EncodeBatch }>} */
export async function createOwnEncoders() {
  const { createChunks } = await import('../dist/encoding/chunks.js');
  const { createSpanEncoder } = await import('../dist/encoding/span-encoder.js');

  /** @param {'http/protobuf' | 'http/json'} protocol @returns {EncodeBatch} */
  function createEncode(protocol) {
    const encoder = createSpanEncoder({ protocol, routeAttribute: undefined });
    const chunks = createChunks();
    return (spans) => {
      /** @type {{ chunk: Chunk, from: number, to: number, resource: Resource, scope: Scope }[]} */
      const runs = [];
      for (const span of spans) {
        const message = encoder.encode({ span, routeKey: undefined }, chunks);
        if (message instanceof Error) throw message;
        const { chunk, index } = message;
        const last = runs.at(-1);
        // One resource and scope, so a run ends where its chunk does.
        if (last?.chunk === chunk) last.to += 1;
        else
          runs.push({
            chunk,
            from: index,
            to: index + 1,
            resource: span.resource,
            scope: span.instrumentationScope,
          });
      }
      const body = encoder.createBody(runs);
      for (const { chunk, from, to } of runs) chunks.release(chunk, to - from);
      return body;
    };
  }

  return { ownProtobuf: createEncode('http/protobuf'), ownJson: createEncode('http/json') };
}

async function printRatios() {
  const spec = JSON.stringify({ passes: 12, batches: 20 });
  /** @type {number[][]} */
  const ratios = [[], []];
  for (let round = 0; round < 5; round += 1) {
    const child = fork(new URL('serializers.mjs', import.meta.url), [spec], {
      execArgv: ['--expose-gc'],
    });
    const result = await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`a round ended with ${code}`)));
    });
    ratios[0]?.push(result.protobuf / result.ownProtobuf);
    ratios[1]?.push(result.json / result.ownJson);
  }
  const [protobuf = [], json = []] = ratios;
  console.log(`protobuf: ${median(protobuf).toFixed(2)} times as fast as the official serializer`);
  console.log(`JSON: ${median(json).toFixed(2)} times`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await printRatios();
