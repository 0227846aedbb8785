import { z } from 'zod';
import { decodeProtobufRequest } from './protobuf.js';
import type { AnyValue, KeyValue, ReceivedSpan } from './received.js';

/** The two encodings of OTLP/HTTP, by their media type. */
export type MediaType = 'application/x-protobuf' | 'application/json';

/**
 * Decodes the body of an export request.
 *
 * One schema reads both encodings: a protobuf body is first brought into the shape of OTLP's JSON, where only
 * a `Uint8Array`, which JSON can not hold, tells the two apart. It follows "JSON Protobuf Encoding" of the
 * OTLP specification: ids in hex, enums as integers, unknown fields ignored; and ProtoJSON for the rest:
 * 64-bit integers as strings or numbers (a number beyond 2^53 is as exact as JavaScript's), `null` is absent,
 * `NaN` and the infinities are strings, bytes are base64.
 *
 * @returns the spans, or an `Error` that says what is malformed, and where; no contents.
 */
export function decodeRequest(mediaType: MediaType, body: Uint8Array): ReceivedSpan[] | Error {
  let message: unknown;
  try {
    message =
      mediaType === 'application/json' ? parseJson(body) : decodeProtobufRequest(body, MAX_VALUES);
  } catch (cause) {
    return new Error(`the body is not ${mediaType}`, { cause });
  }
  const { success, data, error } = request.safeParse(message);
  return success ? data : new Error(error.issues.map(describe).join('; '));
}

/**
 * How many values a body may hold: the fields of a protobuf message, or the commas and opening brackets of JSON. A value
 * is two bytes on the wire, next to none under gzip, and takes microseconds to check, in which nothing else is answered.
 * This is some 5,000 spans of twenty attributes, ten times an exporter's usual batch, and takes about a second at worst.
 */
const MAX_VALUES = 500_000;

const utf8 = new TextDecoder('utf-8', { fatal: true });

// Protobuf's decoder has a limit of 100 messages; in JSON a repeated message is two levels.
const MAX_JSON_DEPTH = 200;

function parseJson(body: Uint8Array): unknown {
  if (countValues(body) > MAX_VALUES) throw new RangeError(`more than ${MAX_VALUES} values`);
  const message: unknown = JSON.parse(utf8.decode(body));
  if (isDeeperThan(MAX_JSON_DEPTH, message)) throw new RangeError('nested too deep');
  return message;
}

/** The commas and opening brackets that stand in no string: a value there may be a text of any number of them. */
function countValues(json: Uint8Array): number {
  let count = 0;
  let isString = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) isString = !isString;
    else if (byte === BACKSLASH) at += 1;
    else if (!isString && (byte === COMMA || byte === OPEN_OBJECT || byte === OPEN_ARRAY))
      count += 1;
  }
  return count;
}

const [QUOTE, BACKSLASH, COMMA, OPEN_OBJECT, OPEN_ARRAY] = Buffer.from('"\\,{[');

function isDeeperThan(depth: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeperThan(depth - 1, member));
}

function describe({ path, message }: z.core.$ZodIssue): string {
  return `${path.join('.') || 'request'}: ${message}`;
}

// What the wire leaves out, or JSON has as null, has the field's default.
function field<T extends z.ZodType>(type: T, absent: z.output<T>) {
  return type.nullish().transform((value) => value ?? absent);
}

/**
 * Read up to the first item that is malformed: a fault takes ten times as long as an item, and every one of a million
 * may have some. Each by itself, for zod remembers whatever it has met in one parse, for the sake of cycles.
 */
function list<T extends z.ZodType>(type: T) {
  return z
    .unknown()
    .nullish()
    .transform((items, context): z.output<T>[] => {
      const outputs: z.output<T>[] = [];
      if (items === undefined || items === null) return outputs;
      if (!Array.isArray(items)) {
        context.addIssue({ code: 'custom', message: 'expected an array' });
        return z.NEVER;
      }
      for (const [index, item] of items.entries()) {
        const { success, data, error } = type.safeParse(item);
        if (!success) {
          for (const { message, path } of error.issues) {
            context.addIssue({ code: 'custom', message, path: [index, ...path] });
          }
          return z.NEVER;
        }
        outputs.push(data);
      }
      return outputs;
    });
}

function id(bytes: number) {
  return z.union([
    z
      .string()
      .regex(new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`), `expected ${2 * bytes} hex digits`)
      .toLowerCase(),
    z
      .instanceof(Uint8Array)
      .refine((value) => value.length === bytes, `expected ${bytes} bytes`)
      .transform((value) => Buffer.from(value).toString('hex')),
  ]);
}

function integer(min: bigint, max: bigint) {
  return z
    .union([
      z.number().refine(Number.isInteger, 'expected an integer'),
      z.string().regex(/^-?\d+$/, 'expected an integer'),
      z.bigint(),
    ])
    .transform(BigInt)
    .refine((value) => value >= min && value <= max, 'out of range');
}

const text = field(z.string(), '');
const count = field(integer(0n, 2n ** 32n - 1n).transform(Number), 0);
const time = field(integer(0n, 2n ** 64n - 1n), 0n);
const enumeration = field(z.int32(), 0);
const int64 = integer(-(2n ** 63n), 2n ** 63n - 1n);
const traceId = id(16);
const spanId = id(8);
/** A root span's parent; the Collector writes it so, instead of leaving it out. */
const emptyId = z.union([
  z.literal(''),
  z
    .instanceof(Uint8Array)
    .refine((value) => value.length === 0)
    .transform(() => ''),
]);
const double = z.union([
  // Not z.number(), which takes neither NaN nor the infinities; protobuf has them as they are.
  z.custom<number>((value) => typeof value === 'number', 'expected a number'),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
]);
const bytes = z.union([
  z.base64().transform((value) => Uint8Array.from(Buffer.from(value, 'base64'))),
  // A copy, because the decoder's is a view of the whole body.
  z.instanceof(Uint8Array).transform((value) => Uint8Array.from(value)),
]);

const anyValue: z.ZodType<AnyValue> = z.lazy(() =>
  z
    .object({
      stringValue: z.string().nullish(),
      boolValue: z.boolean().nullish(),
      intValue: int64.nullish(),
      doubleValue: double.nullish(),
      arrayValue: z.object({ values: list(anyValue) }).nullish(),
      kvlistValue: z.object({ values: attributes }).nullish(),
      bytesValue: bytes.nullish(),
    })
    .transform((member): AnyValue => {
      if (member.stringValue != null) return { type: 'string', value: member.stringValue };
      if (member.boolValue != null) return { type: 'bool', value: member.boolValue };
      if (member.intValue != null) return { type: 'int', value: member.intValue };
      if (member.doubleValue != null) return { type: 'double', value: member.doubleValue };
      if (member.arrayValue != null) return { type: 'array', value: member.arrayValue.values };
      if (member.kvlistValue != null) return { type: 'kvlist', value: member.kvlistValue.values };
      if (member.bytesValue != null) return { type: 'bytes', value: member.bytesValue };
      return { type: 'empty', value: undefined };
    }),
);

const attributes: z.ZodType<KeyValue[]> = list(
  z.object({ key: text, value: field(anyValue, { type: 'empty', value: undefined }) }),
);

const event = z.object({
  timeUnixNano: time,
  name: text,
  attributes,
  droppedAttributesCount: count,
});

const link = z.object({
  traceId,
  spanId,
  traceState: text,
  attributes,
  droppedAttributesCount: count,
  flags: count,
});

const span = z.object({
  traceId,
  spanId,
  traceState: text,
  parentSpanId: emptyId.or(field(spanId, '')),
  flags: count,
  name: text,
  kind: enumeration,
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
  droppedAttributesCount: count,
  events: list(event),
  droppedEventsCount: count,
  links: list(link),
  droppedLinksCount: count,
  status: field(z.object({ message: text, code: enumeration }), { message: '', code: 0 }),
});

const scope = field(
  z.object({ name: text, version: text, attributes, droppedAttributesCount: count }),
  { name: '', version: '', attributes: [], droppedAttributesCount: 0 },
);

const resource = field(z.object({ attributes, droppedAttributesCount: count }), {
  attributes: [],
  droppedAttributesCount: 0,
});

const scopeSpans = z.object({ scope, spans: list(span), schemaUrl: text });

const resourceSpans = z.object({ resource, scopeSpans: list(scopeSpans), schemaUrl: text });

const request = z
  .object({ resourceSpans: list(resourceSpans) })
  .transform((message) => message.resourceSpans.flatMap(flatten));

function flatten(group: z.output<typeof resourceSpans>): ReceivedSpan[] {
  const owner = { ...group.resource, schemaUrl: group.schemaUrl };
  return group.scopeSpans.flatMap(({ scope, spans, schemaUrl }) => {
    const library = { ...scope, schemaUrl };
    return spans.map((each) => ({ resource: owner, scope: library, ...each }));
  });
}
