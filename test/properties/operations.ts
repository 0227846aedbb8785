import fc from 'fast-check';
import type { Disguise, HostileWrite, Operation, Place, Sampling } from './operation.js';
import { key } from './route-keys.js';
import { boundaryEnd, story } from './stories.js';

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
