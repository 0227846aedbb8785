import fc from 'fast-check';
import type { Key } from './model.js';
import type { BoundaryEnd, Operation, Place } from './operation.js';
import { key } from './route-keys.js';

/** How boundaries complete: mostly later. */
export const boundaryEnd = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<BoundaryEnd>('resolves', 'rejects') },
  { weight: 1, arbitrary: fc.constantFrom<BoundaryEnd>('atOnce', 'throws') },
);

/** Steps that chance would rarely put side by side. */
export const story: fc.Arbitrary<Operation[]> = fc.oneof(
  fc.tuple(key, fc.nat(3)).map((given) => request(...given)),
  fc.tuple(key, boundaryEnd).map((given) => abortedRequest(...given)),
  fc.tuple(key, key).map((given) => leakedTimer(...given)),
  fc.tuple(key, key, fc.boolean(), fc.boolean()).map((given) => pooledCallback(...given)),
  fc.tuple(key, key).map((given) => sharedTrace(...given)),
  fc.tuple(key, key).map((given) => batchOfMessages(...given)),
);

const child = (place: Place): Operation => ({
  kind: 'start',
  in: place,
  root: false,
  sampling: 'sampled',
  write: undefined,
});

/** A server span, children that end before the key is known, and the key. */
function request(given: Key, spans: number): Operation[] {
  const children = Array.from({ length: spans }, (): Operation[] => [
    child(0),
    { kind: 'end', span: 0 },
  ]);
  return [
    child('root'),
    ...children.flat(),
    { kind: 'setRoute', in: 0, key: given },
    { kind: 'end', span: 0 },
  ];
}

/** The client goes away while its tenant is being looked up. */
function abortedRequest(given: Key, end: BoundaryEnd): Operation[] {
  return [
    child('root'),
    { kind: 'withBoundary', in: 0, end },
    { kind: 'end', span: 0 },
    { kind: 'turn' },
    { kind: 'setRoute', in: 0, key: given },
    { kind: 'complete', boundary: 0 },
  ];
}

/** A timer outlives its request, and does another tenant's work in its context. */
function leakedTimer(first: Key, second: Key): Operation[] {
  return [
    child('root'),
    { kind: 'setRoute', in: 0, key: first },
    { kind: 'end', span: 0 },
    { kind: 'setRoute', in: 0, key: second },
    child(0),
    { kind: 'end', span: 0 },
  ];
}

/** A pool runs a callback in the scope of one request, or of an outer one, and under the span of another. */
function pooledCallback(
  first: Key,
  second: Key,
  nested: boolean,
  spanOfFirst: boolean,
): Operation[] {
  return [
    { kind: 'withRoute', in: 'root', key: first },
    { kind: 'withRoute', in: nested ? 0 : 'root', key: second },
    child(spanOfFirst ? 1 : 0),
    { kind: 'mix', scopeOf: spanOfFirst ? 1 : 2, spanOf: 0 },
    child(0),
    { kind: 'end', span: 0 },
    { kind: 'end', span: 0 },
  ];
}

/** Two requests of one remote trace, and a parent of which only its ids are known. */
function sharedTrace(first: Key, second: Key): Operation[] {
  return [
    { kind: 'remoteParent', in: 'root', trace: 0 },
    child(0),
    { kind: 'setRoute', in: 0, key: first },
    child(1),
    { kind: 'setRoute', in: 0, key: second },
    { kind: 'disguise', in: 0, as: 'rebuilt' },
    child(0),
    { kind: 'end', span: 0 },
  ];
}

/** A worker handles the messages of a batch beside each other, each at a boundary, under one span. */
function batchOfMessages(first: Key, second: Key): Operation[] {
  return [
    child('root'),
    { kind: 'withBoundary', in: 0, end: 'resolves' },
    child(0),
    { kind: 'withBoundary', in: 2, end: 'resolves' },
    child(0),
    { kind: 'setRoute', in: 0, key: second },
    { kind: 'setRoute', in: 2, key: first },
    { kind: 'end', span: 0 },
    { kind: 'end', span: 0 },
  ];
}
