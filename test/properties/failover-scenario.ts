import fc from 'fast-check';
import type { SignalboxConfig } from '../../src/index.js';

/** What a backend suffers from for a while; nothing of it is final. */
export const ailments = [
  'none',
  'is unavailable',
  'is behind a gateway that waits in vain',
  'loses answers',
  'resets',
  'takes little',
  'hangs',
] as const;
export type Ailment = (typeof ailments)[number];

/** The three that fail; `standby` takes over for `first`, and `other` has none. */
export const names = ['first', 'standby', 'other'] as const;
export type Name = (typeof names)[number];

/** `acme` and `globex` have parents of their own, `globex` has a shadow, and `initech` has shares. */
export const keys = ['acme', 'globex', 'initech', 'umbrella'] as const;
export type Key = (typeof keys)[number];

/** What an update may change. */
export interface Variant {
  readonly hasStandby: boolean;
  readonly isMutual: boolean;
  /** The number in the name of the project of `acme`. */
  readonly project: number;
  readonly shareOfFirst: number;
  /** Whether `globex` has its shadow. */
  readonly hasShadow: boolean;
}

/** A while in which nothing but the traffic changes. */
export interface Phase {
  readonly ailments: Readonly<Record<Name, Ailment>>;
  readonly variant: Variant;
  /** A request's spans are flushed for it. */
  readonly flushesRequests: boolean;
}

/** A few phases, and how all backends are set. */
export interface Scenario {
  readonly phases: readonly Phase[];
  readonly wire: {
    readonly protocol: 'http/protobuf' | 'http/json';
    readonly compression: 'none' | 'gzip';
    readonly maxExportBatchSize: number;
    readonly maxConcurrentExports: number;
    readonly scheduleDelayMs: number;
  };
}

const sick: fc.Arbitrary<Ailment> = fc.constantFrom(...ailments.filter((each) => each !== 'hangs'));
const mostlySick = fc.oneof({ weight: 3, arbitrary: sick }, fc.constant('is unavailable' as const));

const variant: fc.Arbitrary<Variant> = fc.record({
  hasStandby: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  isMutual: fc.boolean(),
  project: fc.nat(2),
  shareOfFirst: fc.constantFrom(25, 50, 75),
  hasShadow: fc.boolean(),
});

/** Any of them. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  phases: fc
    .tuple(
      variant,
      fc.array(
        fc.record({
          ailments: fc.record({
            first: mostlySick,
            standby: fc.oneof(fc.constant('none' as const), sick),
            other: fc.oneof(fc.constant('none' as const), sick),
          }),
          update: fc.option(variant),
          flushesRequests: fc.boolean(),
        }),
        { minLength: 3, maxLength: 4 },
      ),
    )
    .map(([initial, phases]) => {
      let current = initial;
      return phases.map(({ update, ...phase }) => {
        current = update ?? current;
        return { ...phase, variant: current };
      });
    }),
  wire: fc.record({
    protocol: fc.constantFrom('http/protobuf', 'http/json'),
    compression: fc.constantFrom('none', 'gzip'),
    maxExportBatchSize: fc.constantFrom(64, 4, 1),
    maxConcurrentExports: fc.constantFrom(1, 4),
    scheduleDelayMs: fc.constantFrom(200, 0),
  }),
});

/** The configuration of a variant, at a receiver of all. */
export function configure(
  url: string,
  { hasStandby, isMutual, project, shareOfFirst, hasShadow }: Variant,
  wire: Scenario['wire'],
  maxBufferedBytes: number,
): SignalboxConfig {
  const backend = (name: Name, standby?: Name) => ({
    ...wire,
    preset: 'braintrust' as const,
    endpoint: `${url}/${name}`,
    apiKey: name,
    parent: parentOf(name),
    timeoutMs: 3_000,
    ...(standby && { standby }),
  });
  return {
    backends: {
      first: backend('first', hasStandby ? 'standby' : undefined),
      standby: backend('standby', isMutual ? 'first' : undefined),
      other: backend('other'),
    },
    routes: {
      acme: ['first'],
      globex: ['first', ...(hasShadow ? [{ backend: 'other', role: 'shadow' as const }] : [])],
      initech: [
        { backend: 'first', share: `${shareOfFirst}%` },
        { backend: 'other', share: `${100 - shareOfFirst}%` },
      ],
      umbrella: ['first'],
    },
    routeParents: { acme: `project_name:acme-${project}`, globex: 'project_name:globex' },
    maxBufferedBytes,
    shutdownTimeoutMs: 1_000,
  };
}

/** A backend's own parent. */
export function parentOf(name: string): string {
  return `project_name:${name}`;
}

/** The parent that a key's spans go under; `undefined` for the backend's own. */
export function parentOfKey(key: Key, { project }: Variant): string | undefined {
  if (key === 'acme') return `project_name:acme-${project}`;
  return key === 'globex' ? 'project_name:globex' : undefined;
}
