import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { readFields } from '../../transport/protobuf-fields.js';
import type { SpoolFile } from './spool-file.js';

/** A part of a request's spans, as a body of its own. */
export interface HalfBody {
  readonly body: Uint8Array;
  readonly spans: number;
}

const gunzipAsync = promisify(gunzip);
const gzipAsync = promisify<Uint8Array, Buffer>(gzip);

/**
 * Splits a body of several spans into two, in their order, each span with its resource and scope; `undefined`
 * for one that is not made as signalbox makes them.
 */
export async function halveBody(file: SpoolFile): Promise<[HalfBody, HalfBody] | undefined> {
  try {
    const isCompressed = file.contentEncoding === 'gzip';
    const body = isCompressed ? await gunzipAsync(file.body) : file.body;
    const count = Math.ceil(file.spans / 2);
    const take = file.contentType === 'application/json' ? takeFromJson : takeFromProtobuf;
    const halves = [take(body, 0, count), take(body, count, file.spans)] as const;
    if (halves[0].spans !== count || halves[0].spans + halves[1].spans !== file.spans) {
      return undefined;
    }
    if (!isCompressed) return [...halves];
    const [first, second] = await Promise.all(halves.map(compress));
    return first && second && [first, second];
  } catch {
    // Whatever reads a body throws on what it can not read. Its checksum held, so it is another version's.
    return undefined;
  }
}

async function compress({ body, spans }: HalfBody): Promise<HalfBody> {
  return { body: await gzipAsync(body), spans };
}

/** Counts spans, and tells which of them lie within the part that is wanted. */
function createCounter(from: number, to: number) {
  let seen = 0;
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    isWanted(): boolean {
      const isWanted = seen >= from && seen < to;
      seen += 1;
      if (isWanted) taken += 1;
      return isWanted;
    },
  };
}

type Counter = ReturnType<typeof createCounter>;

/** `ExportTraceServiceRequest` of `trace_service.proto`, down to the spans, whose bytes are copied. */
function takeFromProtobuf(body: Uint8Array, from: number, to: number): HalfBody {
  const counter = createCounter(from, to);
  const request = filterFields(body, 1, (resourceSpans) =>
    filterFields(resourceSpans, 2, (scopeSpans) =>
      filterFields(scopeSpans, 2, (span) => (counter.isWanted() ? span : undefined)),
    ),
  );
  return { body: request ?? new Uint8Array(0), spans: counter.taken };
}

/**
 * A message without those of its fields of one number for which `filter` finds nothing; `undefined` where that is
 * all of them. Every field at these levels is length-delimited.
 */
function filterFields(
  message: Uint8Array,
  filtered: number,
  filter: (value: Uint8Array) => Uint8Array | undefined,
): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let kept = 0;
  for (const { number, value } of readFields(message)) {
    if (!(value instanceof Uint8Array)) throw new TypeError('a field of another type');
    const content = number === filtered ? filter(value) : value;
    if (content === undefined) continue;
    if (number === filtered) kept += 1;
    parts.push(encodeVarint((number << 3) | 2), encodeVarint(content.length), content);
  }
  return kept === 0 ? undefined : Buffer.concat(parts);
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** The levels of the JSON, of which the spans are a list at the last. */
const LISTS = ['resourceSpans', 'scopeSpans', 'spans'];

function takeFromJson(body: Uint8Array, from: number, to: number): HalfBody {
  const counter = createCounter(from, to);
  const request: unknown = JSON.parse(new TextDecoder().decode(body));
  const filtered = filterList(request, LISTS, counter);
  return { body: Buffer.from(JSON.stringify(filtered)), spans: counter.taken };
}

function filterList(
  object: unknown,
  [list, ...below]: readonly string[],
  counter: Counter,
): unknown {
  if (list === undefined) return counter.isWanted() ? object : undefined;
  if (typeof object !== 'object' || object === null) throw new TypeError('not an object');
  const elements: unknown = Reflect.get(object, list);
  if (!Array.isArray(elements)) throw new TypeError('not a list');
  const kept = elements
    .map((element) => filterList(element, below, counter))
    .filter((element) => element !== undefined);
  return kept.length === 0 ? undefined : { ...object, [list]: kept };
}
