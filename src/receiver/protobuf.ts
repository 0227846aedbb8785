import { type Field, type FieldType, type Message, readMessage } from './wire.js';

// What OTLP says of traces, written from its specification (1.x): the messages of `common/v1`, `resource/v1`,
// `trace/v1` and `collector/trace/v1`. No library: it would be the largest that signalbox brings along.

function one(name: string, type: FieldType): Field {
  return { name, type };
}

function many(name: string, type: Message): Field {
  return { name, type, isRepeated: true };
}

const anyValue: Message = { fields: {}, isOneof: true };
const keyValue: Message = { fields: { 1: one('key', 'string'), 2: one('value', anyValue) } };
Object.assign(anyValue.fields, {
  1: one('stringValue', 'string'),
  2: one('boolValue', 'bool'),
  3: one('intValue', 'int64'),
  4: one('doubleValue', 'double'),
  5: one('arrayValue', { fields: { 1: many('values', anyValue) } }),
  6: one('kvlistValue', { fields: { 1: many('values', keyValue) } }),
  7: one('bytesValue', 'bytes'),
});

const resource: Message = {
  fields: { 1: many('attributes', keyValue), 2: one('droppedAttributesCount', 'uint32') },
};

const scope: Message = {
  fields: {
    1: one('name', 'string'),
    2: one('version', 'string'),
    3: many('attributes', keyValue),
    4: one('droppedAttributesCount', 'uint32'),
  },
};

const event: Message = {
  fields: {
    1: one('timeUnixNano', 'fixed64'),
    2: one('name', 'string'),
    3: many('attributes', keyValue),
    4: one('droppedAttributesCount', 'uint32'),
  },
};

const link: Message = {
  fields: {
    1: one('traceId', 'bytes'),
    2: one('spanId', 'bytes'),
    3: one('traceState', 'string'),
    4: many('attributes', keyValue),
    5: one('droppedAttributesCount', 'uint32'),
    6: one('flags', 'fixed32'),
  },
};

const span: Message = {
  fields: {
    1: one('traceId', 'bytes'),
    2: one('spanId', 'bytes'),
    3: one('traceState', 'string'),
    4: one('parentSpanId', 'bytes'),
    5: one('name', 'string'),
    6: one('kind', 'int32'),
    7: one('startTimeUnixNano', 'fixed64'),
    8: one('endTimeUnixNano', 'fixed64'),
    9: many('attributes', keyValue),
    10: one('droppedAttributesCount', 'uint32'),
    11: many('events', event),
    12: one('droppedEventsCount', 'uint32'),
    13: many('links', link),
    14: one('droppedLinksCount', 'uint32'),
    15: one('status', { fields: { 2: one('message', 'string'), 3: one('code', 'int32') } }),
    16: one('flags', 'fixed32'),
  },
};

const scopeSpans: Message = {
  fields: { 1: one('scope', scope), 2: many('spans', span), 3: one('schemaUrl', 'string') },
};

const resourceSpans: Message = {
  fields: {
    1: one('resource', resource),
    2: many('scopeSpans', scopeSpans),
    3: one('schemaUrl', 'string'),
  },
};

const request: Message = { fields: { 1: many('resourceSpans', resourceSpans) } };

/** The answer to a request of which a part was not taken. */
export interface PartialSuccess {
  readonly rejectedSpans: number;
  readonly errorMessage: string;
}

/**
 * Decodes an `ExportTraceServiceRequest` into the shape that OTLP's JSON has: names in camel case, absent
 * fields absent; but 64-bit integers as `bigint`, and bytes, ids among them, as `Uint8Array`.
 *
 * @throws where the bytes are no such message, or have more than `maxFields` fields.
 */
export function decodeProtobufRequest(body: Uint8Array, maxFields: number): unknown {
  return readMessage(body, request, maxFields);
}

/** Encodes an `ExportTraceServiceResponse`; full success leaves `partial_success` unset, as OTLP asks. */
export function encodeProtobufResponse(partialSuccess?: PartialSuccess): Uint8Array {
  if (partialSuccess === undefined) return new Uint8Array();
  const rejected = [0x08, ...varint(partialSuccess.rejectedSpans)];
  return block(1, Buffer.concat([Buffer.from(rejected), text(2, partialSuccess.errorMessage)]));
}

/** Encodes the `google.rpc.Status` that OTLP/HTTP wants in the body of every failure. */
export function encodeProtobufStatus(message: string): Uint8Array {
  return text(2, message);
}

function text(field: number, value: string): Uint8Array {
  return block(field, Buffer.from(value));
}

function block(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}
