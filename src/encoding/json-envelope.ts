import { Buffer } from 'node:buffer';
import type { Resource } from '../sdk.js';
import { type FindRule, NO_RULE } from './attribute-rules.js';
import { type Write, writeApart } from './chunks.js';
import { type AttributedScope, createFrames, type Frame, type SpanGroups } from './envelope.js';
import { writeJsonAttributes } from './json-attributes.js';
import { writeJsonKey } from './json-value.js';
import { createLiteral, writeLiteral, writeString, writeUint32 } from './json-writer.js';
import { createKeys } from './keys.js';
import { asText, countOf } from './span-fields.js';

const REQUEST = { head: Buffer.from('{"resourceSpans":['), tail: Buffer.from(']}') };
const COMMA = Buffer.from(',');

const RESOURCE = createLiteral('{"resource":{"attributes":');
const SCOPE_SPANS = createLiteral(',"droppedAttributesCount":0},"scopeSpans":[');
const SCOPE = createLiteral('{"scope":{"name":');
const VERSION = createLiteral(',"version":');
const ATTRIBUTES = createLiteral(',"attributes":');
const DROPPED = createLiteral(',"droppedAttributesCount":');
const SPANS = createLiteral('},"spans":[');
const LIST_END = createLiteral(']');
const SCHEMA_URL = createLiteral(',"schemaUrl":');
const END = createLiteral('}');

/**
 * Creates the function that puts spans, each encoded with a comma before it, into an
 * `ExportTraceServiceRequest`, and gives its parts.
 */
export function createJsonEnvelope(
  findRule: FindRule = NO_RULE,
): (groups: SpanGroups) => Uint8Array[] {
  const keys = createKeys(writeJsonKey, findRule);

  const writeResource: Write<Resource> = (chunk, position, { attributes }) => {
    const start = writeLiteral(chunk, position, RESOURCE);
    const end = writeJsonAttributes(chunk, start, attributes, keys);
    return writeLiteral(chunk, end, SCOPE_SPANS);
  };

  const writeScope: Write<AttributedScope> = (chunk, position, scope) => {
    const { version, attributes, droppedAttributesCount } = scope;
    let at = writeLiteral(chunk, position, SCOPE);
    at = writeString(chunk, at, asText(scope.name));
    if (version !== undefined) {
      at = writeString(chunk, writeLiteral(chunk, at, VERSION), asText(version));
    }
    if (attributes !== undefined) {
      at = writeJsonAttributes(chunk, writeLiteral(chunk, at, ATTRIBUTES), attributes, keys);
    }
    if (droppedAttributesCount) {
      at = writeUint32(chunk, writeLiteral(chunk, at, DROPPED), countOf(droppedAttributesCount));
    }
    return writeLiteral(chunk, at, SPANS);
  };

  const { frameResource, frameScope } = createFrames(
    (resource) => frame(writeResource, resource),
    (scope) => frame(writeScope, scope),
  );

  return (groups) => {
    const resources = Array.from(groups, ([resource, scopes]) =>
      enclose(
        frameResource(resource),
        Array.from(scopes, ([scope, spans]) =>
          enclose(frameScope(scope), [withoutFirstComma(spans)]),
        ),
      ),
    );
    return enclose(REQUEST, resources);
  };
}

function frame<T extends { readonly schemaUrl?: string }>(write: Write<T>, subject: T): Frame {
  return { head: writeApart(write, subject), tail: writeApart(writeTail, subject.schemaUrl) };
}

const writeTail: Write<string | undefined> = (chunk, position, schemaUrl) => {
  let at = writeLiteral(chunk, position, LIST_END);
  if (schemaUrl) at = writeString(chunk, writeLiteral(chunk, at, SCHEMA_URL), asText(schemaUrl));
  return writeLiteral(chunk, at, END);
};

/** Puts the elements of a list, with commas between them, into what is around the list. */
function enclose({ head, tail }: Frame, elements: readonly Uint8Array[][]): Uint8Array[] {
  const content = elements.flatMap((parts, index) => (index === 0 ? parts : [COMMA, ...parts]));
  return [head, ...content, tail];
}

function withoutFirstComma([first, ...others]: readonly Uint8Array[]): Uint8Array[] {
  return first === undefined ? [] : [first.subarray(1), ...others];
}
