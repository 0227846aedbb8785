import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createSpanEncoders } from '../../../src/encoding/span-encoder.js';
import { createQueue } from '../../../src/exporter/queue.js';
import { halveBody } from '../../../src/exporter/spool/body-halves.js';
import type { SpoolFile } from '../../../src/exporter/spool/spool-file.js';
import { createWire } from '../../../src/exporter/wire.js';
import { decodeRequest } from '../../../src/receiver/decode.js';
import { makeRouted, range } from '../fixtures.js';

const SPANS = 9;

/** A file of spans that are of several resources and scopes. */
function makeFile(protocol: 'http/protobuf' | 'http/json', isCompressed: boolean): SpoolFile {
  const encoder = createSpanEncoders(undefined)({ protocol, parent: undefined });
  const wire = createWire({
    backend: { compression: 'none', maxConcurrentExports: 1 },
    encoder,
    estimateBytes: () => 0,
    openTransport() {
      throw new Error('nothing is sent here');
    },
  });
  const resources = ['a', 'b'].map((name) => ({ attributes: { 'service.name': name } }));
  const scopes = [{ name: 'one', version: '1', schemaUrl: 'https://example.com' }, { name: 'two' }];
  const queue = createQueue({ now: () => 0 });
  for (const id of range(1, SPANS)) {
    const [resource, scope] = [resources[id % 2], scopes[id % 3 === 0 ? 0 : 1]];
    const routed = makeRouted(id, id * 100, {
      ...(resource && { resource }),
      ...(scope && { instrumentationScope: scope }),
    });
    const kept = wire.take(routed, undefined);
    if (kept instanceof Error) throw kept;
    queue.push(kept, routed.span, id);
  }
  const packed = wire.pack(queue.takeOldest(SPANS, Number.POSITIVE_INFINITY), undefined);
  if (packed instanceof Error) throw packed;
  const body = Buffer.concat(packed.parcel.parts);
  return {
    fingerprint: 'f',
    routeKeys: [],
    spans: SPANS,
    createdAt: 0,
    contentType: protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
    ...(isCompressed && { contentEncoding: 'gzip' as const }),
    body: isCompressed ? gzipSync(body) : body,
  };
}

function decode(file: SpoolFile, body: Uint8Array) {
  const plain = file.contentEncoding === 'gzip' ? gunzipSync(body) : body;
  const spans = decodeRequest(file.contentType, plain);
  if (spans instanceof Error) throw spans;
  return spans;
}

describe.each([
  ['http/protobuf', false],
  ['http/json', false],
  ['http/protobuf', true],
  ['http/json', true],
] as const)('a body of %s (compressed: %s)', (protocol, isCompressed) => {
  it('is split into two that have every span once, as it was', async () => {
    const file = makeFile(protocol, isCompressed);
    const halves = await halveBody(file);
    expect(halves?.map(({ spans }) => spans)).toEqual([5, 4]);
    const spans = (halves ?? []).map(({ body }) => decode(file, body));
    expect(spans.map(({ length }) => length)).toEqual([5, 4]);
    const byId = (a: { spanId: string }, b: { spanId: string }) => (a.spanId < b.spanId ? -1 : 1);
    expect(spans.flat().sort(byId)).toEqual(decode(file, file.body).sort(byId));
  });

  it('that is not what its header says is not split', async () => {
    const file = makeFile(protocol, isCompressed);
    expect(await halveBody({ ...file, spans: SPANS + 1 })).toBeUndefined();
    expect(await halveBody({ ...file, body: Buffer.from('\xff\xff', 'latin1') })).toBeUndefined();
  });
});
