import { Buffer } from 'node:buffer';
import type { Attributes } from '@opentelemetry/api';
import type { InstrumentationScope, Resource } from '../sdk.js';
import type { Slice } from './chunks.js';

/** A span that was encoded, and what it is sent under. */
export interface EncodedSpan {
  readonly slice: Slice;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

/** The body of one request. The parts that are not of spans may be shared with other bodies. */
export interface RequestBody {
  readonly parts: readonly Uint8Array[];
  /** Of all parts together: the request's `Content-Length`. */
  readonly size: number;
}

/** The spans of one batch by resource and scope, each in the order in which its first span came. */
export type SpanGroups = ReadonlyMap<Resource, ReadonlyMap<InstrumentationScope, readonly Slice[]>>;

/** What stands before and behind the spans of one resource, or one scope. */
export interface Frame {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** A scope as SDKs may have it; the attributes are in OTLP, and in no SDK that is out. */
export type AttributedScope = InstrumentationScope & {
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
};

/** Parts below this size are put together, since each is one more buffer for the socket to write. */
const SMALL_PART_SIZE = 1024;

/** Groups spans as the official serializer does: each resource and each scope is one object. */
export function groupSpans(spans: readonly EncodedSpan[]): SpanGroups {
  const groups = new Map<Resource, Map<InstrumentationScope, Slice[]>>();
  let last: EncodedSpan | undefined;
  let slices: Slice[] = [];
  for (const span of spans) {
    const { resource, scope, slice } = span;
    if (last === undefined || scope !== last.scope || resource !== last.resource) {
      slices = entryOf(
        entryOf(groups, resource, () => new Map()),
        scope,
        () => [],
      );
    }
    slices.push(slice);
    last = span;
  }
  return groups;
}

function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

/** The bytes of slices, those that lie side by side as one. */
export function joinSlices(slices: readonly Slice[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let first: Slice | undefined;
  let end = 0;
  for (const slice of slices) {
    if (first !== undefined && slice.chunk === first.chunk && slice.start === end) {
      end = slice.end;
      continue;
    }
    if (first !== undefined) parts.push(first.chunk.bytes.subarray(first.start, end));
    first = slice;
    end = slice.end;
  }
  if (first !== undefined) parts.push(first.chunk.bytes.subarray(first.start, end));
  return parts;
}

/** Makes a body of parts, small ones put together. */
export function createBody(parts: readonly Uint8Array[]): RequestBody {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let size = 0;

  function join(): void {
    const [only] = small;
    if (only !== undefined) joined.push(small.length === 1 ? only : Buffer.concat(small));
    small = [];
  }

  for (const part of parts) {
    size += part.length;
    if (part.length < SMALL_PART_SIZE) {
      small.push(part);
    } else {
      join();
      joined.push(part);
    }
  }
  join();
  return { parts: joined, size };
}

/**
 * Creates the function that frames a resource, or a scope: once, unless it is not final, as a resource is
 * while some of its attributes are pending.
 */
export function createFrameCache<T extends object>(
  frame: (subject: T) => Frame,
  isFinal: (subject: T) => boolean,
): (subject: T) => Frame {
  const frames = new WeakMap<T, Frame>();
  return (subject) => {
    let made = frames.get(subject);
    if (made === undefined) {
      made = frame(subject);
      if (isFinal(subject)) frames.set(subject, made);
    }
    return made;
  };
}

/** Whether all attributes of a resource are there. */
export function isSettled(resource: Resource): boolean {
  return resource.asyncAttributesPending !== true;
}
