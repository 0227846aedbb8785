import type { Resource } from '../sdk.js';
import { type FindRule, NO_RULE } from './attribute-rules.js';
import { writeAttributes, writeKey } from './attributes.js';
import { type Chunk, type Write, writeApart } from './chunks.js';
import { type AttributedScope, createFrames, type Frame, type SpanGroups } from './envelope.js';
import { createKeys } from './keys.js';
import { asText, countOf } from './span-fields.js';
import { closeMessage, writeText, writeVarint } from './writer.js';

/**
 * Creates the function that puts encoded spans into an `ExportTraceServiceRequest`, and gives its parts:
 * byte for byte what the official serializer writes.
 */
export function createProtobufEnvelope(
  findRule: FindRule = NO_RULE,
): (groups: SpanGroups) => Uint8Array[] {
  const keys = createKeys(writeKey, findRule);

  const writeResource: Write<Resource> = (chunk, position, { attributes }) => {
    const { bytes } = chunk;
    bytes[position] = 0x0a; // resource = 1
    const start = position + 2;
    let at = start;
    if (attributes) at = writeAttributes(chunk, at, 0x0a, attributes, keys); // attributes = 1
    bytes[at++] = 0x10; // dropped_attributes_count = 2
    bytes[at++] = 0;
    return closeMessage(chunk, 1, start, at);
  };

  const writeScope: Write<AttributedScope> = (chunk, position, scope) => {
    const { bytes } = chunk;
    bytes[position] = 0x0a; // scope = 1
    const start = position + 2;
    let at = start;
    bytes[at++] = 0x0a; // name = 1
    at = writeText(chunk, at, asText(scope.name));
    if (scope.version) {
      bytes[at++] = 0x12; // version = 2
      at = writeText(chunk, at, asText(scope.version));
    }
    if (scope.attributes) at = writeAttributes(chunk, at, 0x1a, scope.attributes, keys); // attributes = 3
    if (scope.droppedAttributesCount) {
      bytes[at++] = 0x20; // dropped_attributes_count = 4
      at = writeVarint(chunk, at, countOf(scope.droppedAttributesCount));
    }
    return closeMessage(chunk, 1, start, at);
  };

  const { frameResource, frameScope } = createFrames(
    (resource) => frame(writeResource, resource),
    (scope) => frame(writeScope, scope),
  );

  return (groups) => {
    const body: Uint8Array[] = [];
    for (const [resource, scopes] of groups) {
      const content: Uint8Array[] = [];
      for (const [scope, spans] of scopes) {
        const { head, tail } = frameScope(scope);
        content.push(...asField(0x12, [head, ...spans, tail])); // scope_spans = 2
      }
      const { head, tail } = frameResource(resource);
      body.push(...asField(0x0a, [head, ...content, tail])); // resource_spans = 1
    }
    return body;
  };
}

function frame<T extends { readonly schemaUrl?: string }>(write: Write<T>, subject: T): Frame {
  const { schemaUrl } = subject;
  return {
    head: writeApart(write, subject),
    tail: schemaUrl ? writeApart(writeSchemaUrl, schemaUrl) : new Uint8Array(0),
  };
}

function writeSchemaUrl(chunk: Chunk, position: number, schemaUrl: string): number {
  chunk.bytes[position] = 0x1a; // schema_url = 3, of a resource and of a scope
  return writeText(chunk, position + 1, asText(schemaUrl));
}

/** Puts a field's tag and length before what it is made of. */
function asField(tag: number, parts: readonly Uint8Array[]): Uint8Array[] {
  let size = 0;
  for (const part of parts) size += part.length;
  return [writeApart(writeTagAndLength, { tag, size }), ...parts];
}

function writeTagAndLength(
  chunk: Chunk,
  position: number,
  { tag, size }: { readonly tag: number; readonly size: number },
): number {
  chunk.bytes[position] = tag;
  return writeVarint(chunk, position + 1, size);
}
