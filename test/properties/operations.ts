import fc from 'fast-check';
import type { Key } from './model.js';

/**
 * What a test does to a service, one step at a time.
 *
 * Contexts are never forgotten, as a timer never forgets its own: any step may run in any context that any
 * step before has made. They are named from the newest back, so that a shorter list of steps still means much
 * the same, which is what lets fast-check shrink one.
 */
export type Operation =
  /** Starts a span, and makes the context in which it is active. */
  | {
      readonly kind: 'start';
      readonly in: Place;
      readonly root: boolean;
      readonly sampling: Sampling;
      readonly write: HostileWrite | undefined;
    }
  | { readonly kind: 'end'; readonly span: number }
  /** Makes a context with a remote parent: of one of a few traces, so that requests may share one. */
  | { readonly kind: 'remoteParent'; readonly in: Place; readonly trace: number }
  | { readonly kind: 'setRoute'; readonly in: Place; readonly key: Key }
  /** Makes the context inside `withRoute`. */
  | { readonly kind: 'withRoute'; readonly in: Place; readonly key: Key }
  /** Makes the context inside `withBoundary`. */
  | { readonly kind: 'withBoundary'; readonly in: Place; readonly end: BoundaryEnd }
  /** A boundary that is still running completes. */
  | { readonly kind: 'complete'; readonly boundary: number }
  /** Makes the context of a pooled callback: the scope of one request, the active span of another. */
  | { readonly kind: 'mix'; readonly scopeOf: Place; readonly spanOf: Place }
  /** Makes a context whose parent is the active span in other clothes. */
  | { readonly kind: 'disguise'; readonly in: Place; readonly as: Disguise }
  /** Writes what only signalbox should; the span may have ended. */
  | { readonly kind: 'write'; readonly span: number; readonly write: HostileWrite }
  /** Lets the event loop turn, so that batches leave and answers arrive. */
  | { readonly kind: 'turn' }
  | { readonly kind: 'forceFlush' }
  /** Shuts one of the processors down; the others go on. */
  | { readonly kind: 'shutdown'; readonly processor: number };

/** A context: the root one, or the n-th from the newest back (again from the newest where there are fewer). */
export type Place = 'root' | number;

export type Sampling = 'sampled' | 'notRecorded' | 'recordedOnly';

export type BoundaryEnd = 'atOnce' | 'throws' | 'resolves' | 'rejects';

export type Disguise =
  /** `trace.setSpanContext` with the span's own context object. */
  | 'rewrapped'
  /** With a new object that has its ids. */
  | 'rebuilt'
  /** As if it had come over the wire: a service that calls itself. */
  | 'remote'
  | 'invalid'
  /** No parent at all; the scope stays. */
  | 'none';

export type HostileWrite =
  | 'setAttribute'
  | 'setAttributes'
  /** An array in place of the key. */
  | 'array'
  /** More attributes than any span limit lets in. */
  | 'flood'
  /** Past the API, into the SDK's own object. */
  | 'object';

const valid = (given: string): Key => ({ given, valid: true });
const invalid = (given: unknown): Key => ({ given, valid: false });

/** A key with all that the grammar allows, and longer than a hostile limit of lengths. */
export const LONG_KEY = 'eu:tenants/acme.corp-1_x';

const keys: readonly Key[] = [
  valid('acme'),
  valid('globex'),
  valid('initech'),
  valid('a'),
  valid('b'),
  valid('c'),
  valid(LONG_KEY),
  valid('nobody'),
  valid('constructor'),
  valid('x'.repeat(128)),
  invalid('x'.repeat(129)),
  invalid(''),
  invalid('acme '),
  invalid('-acme'),
  invalid('acme\n'),
  invalid('ácme'),
  invalid('__proto__'),
  invalid(undefined),
  invalid(42),
];

const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...keys.slice(0, 3)) },
  { weight: 4, arbitrary: fc.constantFrom(...keys) },
);

/** Mostly what is new; now and then anything. */
const recent = fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, { weight: 2, arbitrary: fc.nat(40) });

const place: fc.Arbitrary<Place> = fc.oneof(
  { weight: 6, arbitrary: recent },
  { weight: 1, arbitrary: fc.constant('root' as const) },
);

const write = fc.constantFrom<HostileWrite>(
  'setAttribute',
  'setAttributes',
  'array',
  'flood',
  'object',
);

const disguise = fc.constantFrom<Disguise>(
  'rebuilt',
  'rebuilt',
  'rewrapped',
  'remote',
  'invalid',
  'none',
);

const boundaryEnd = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<BoundaryEnd>('resolves', 'rejects') },
  { weight: 1, arbitrary: fc.constantFrom<BoundaryEnd>('atOnce', 'throws') },
);

const start = fc.record({
  kind: fc.constant('start' as const),
  in: place,
  root: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  sampling: fc.oneof(
    { weight: 10, arbitrary: fc.constant<Sampling>('sampled') },
    { weight: 1, arbitrary: fc.constantFrom<Sampling>('notRecorded', 'recordedOnly') },
  ),
  write: fc.option(write, { nil: undefined, freq: 4 }),
});

const step: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 20, arbitrary: start },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('end' as const), span: recent }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('remoteParent' as const),
      in: place,
      trace: fc.nat(2),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('setRoute' as const), in: place, key }),
  },
  {
    weight: 7,
    arbitrary: fc.record({ kind: fc.constant('withRoute' as const), in: place, key }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('withBoundary' as const),
      in: place,
      end: boundaryEnd,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('complete' as const), boundary: recent }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('mix' as const), scopeOf: place, spanOf: place }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('disguise' as const), in: place, as: disguise }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('write' as const), span: recent, write }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'turn' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'forceFlush' as const }) },
);

/** Steps that chance would rarely put side by side. */
const story: fc.Arbitrary<Operation[]> = fc.oneof(
  fc.tuple(key, fc.nat(3)).map((given) => request(...given)),
  fc.tuple(key, boundaryEnd).map((given) => abortedRequest(...given)),
  fc.tuple(key, key).map((given) => leakedTimer(...given)),
  fc.tuple(key, key, fc.boolean(), fc.boolean()).map((given) => pooledCallback(...given)),
  fc.tuple(key, key).map((given) => sharedTrace(...given)),
);

const shutdown = fc.record({ kind: fc.constant('shutdown' as const), processor: fc.nat(1) });

/** Whole runs: steps, with a story among them now and then, and seldom an early shutdown. */
export const operations: fc.Arbitrary<Operation[]> = fc
  .array(
    fc.oneof(
      { weight: 150, arbitrary: step.map((operation) => [operation]) },
      { weight: 25, arbitrary: story },
      { weight: 1, arbitrary: shutdown.map((operation) => [operation]) },
    ),
    { maxLength: 70, size: 'max' },
  )
  .map((parts) => parts.flat());

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
