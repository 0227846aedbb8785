import { Buffer } from 'node:buffer';
import type { Attributes } from '@opentelemetry/api';
import type { InstrumentationScope, Resource } from '../sdk.js';
import type { RequestBody } from '../transport/body.js';
import { type Chunk, startOf } from './chunks.js';

/** Spans of one resource and scope that were encoded one after the other, side by side in one chunk. */
export interface EncodedRun {
  readonly chunk: Chunk;
  /** The first span's number in the chunk. */
  readonly from: number;
  /** The number of the one behind the last. */
  readonly to: number;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

/**
 * The bytes of one batch's spans by resource and scope, each in the order in which its first span came; those
 * that lie side by side as one.
 */
export type SpanGroups = ReadonlyMap<
  Resource,
  ReadonlyMap<InstrumentationScope, readonly Uint8Array[]>
>;

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
export function groupSpans(runs: readonly EncodedRun[]): SpanGroups {
  const groups = new Map<Resource, Map<InstrumentationScope, Uint8Array[]>>();
  for (const { resource, scope, chunk, from, to } of runs) {
    const parts = entryOf(entryOf(groups, resource, createGroup), scope, createParts);
    parts.push(chunk.bytes.subarray(startOf(chunk, from), startOf(chunk, to)));
  }
  return groups;
}

function createGroup(): Map<InstrumentationScope, Uint8Array[]> {
  return new Map();
}

function createParts(): Uint8Array[] {
  return [];
}

function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

/** Makes a body of parts, small ones put together. Parts that are not of spans may be shared with other bodies. */
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

/** Creates the functions that frame a resource, once its attributes are all there, and a scope. */
export function createFrames(
  resource: (subject: Resource) => Frame,
  scope: (subject: InstrumentationScope) => Frame,
): {
  readonly frameResource: (subject: Resource) => Frame;
  readonly frameScope: (subject: InstrumentationScope) => Frame;
} {
  return {
    frameResource: createFrameCache(resource, isSettled),
    frameScope: createFrameCache(scope, () => true),
  };
}

/** Frames each subject once, unless it is not final. */
function createFrameCache<T extends object>(
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
function isSettled(resource: Resource): boolean {
  return resource.asyncAttributesPending !== true;
}
