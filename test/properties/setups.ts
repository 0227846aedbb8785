import fc from 'fast-check';
import type { SignalboxConfig } from '../../src/index.js';
import type { RoutingSetup } from './model-processor.js';
import { LONG_KEY } from './route-keys.js';

/** One processor's configuration, but for where its backends are. */
export interface Setup extends RoutingSetup {
  /** The empty string writes none; `undefined` is the default. */
  readonly routeAttribute: string | undefined;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly compression: 'none' | 'gzip';
  readonly maxExportBatchSize: number;
  readonly maxConcurrentExports: number;
  readonly scheduleDelayMs: number;
}

/** The names that backends have; each has a receiver of its own. */
export const backendNames = ['a', 'b', 'c'] as const;

type Table = Pick<RoutingSetup, 'backends' | 'routes' | 'defaultRoute'>;

const fanOut = {
  acme: ['a'],
  globex: ['b'],
  initech: ['a', 'b', 'c'],
  [LONG_KEY]: ['c', 'b'],
};

const tables: readonly Table[] = [
  { backends: backendNames, routes: { ...fanOut, standard: ['c'] }, defaultRoute: 'standard' },
  { backends: backendNames, routes: fanOut, defaultRoute: undefined },
  // A backend as the default, which is no key.
  { backends: backendNames, routes: fanOut, defaultRoute: 'c' },
  { backends: backendNames, routes: undefined, defaultRoute: 'a' },
  { backends: backendNames, routes: undefined, defaultRoute: undefined },
  // Keys that are names of other things: of properties, and of backends that they do not lead to.
  {
    backends: backendNames,
    routes: { constructor: ['b'], a: ['c'], acme: ['a', 'c'] },
    defaultRoute: 'constructor',
  },
  // Everything leads to the same place.
  {
    backends: ['a', 'b'],
    routes: { acme: ['a', 'b'], globex: ['b', 'a'], initech: ['a', 'b'] },
    defaultRoute: 'globex',
  },
  { backends: ['a'], routes: undefined, defaultRoute: 'a' },
];

const wire = {
  routeAttribute: fc.constantFrom(undefined, undefined, 'tenant.route', ''),
  protocol: fc.constantFrom('http/protobuf' as const, 'http/json' as const),
  compression: fc.constantFrom('none' as const, 'gzip' as const),
  maxExportBatchSize: fc.constantFrom(512, 3, 1),
  maxConcurrentExports: fc.constantFrom(1, 4),
  scheduleDelayMs: fc.constantFrom(5_000, 1, 0),
};

/** Every configuration that the routing of spans depends on, and some that it must not depend on. */
export const setup: fc.Arbitrary<Setup> = fc
  .record({
    // Two of the shape that routing is made for, to one of each other.
    table: fc.constantFrom(...tables, ...tables.slice(0, 2)),
    unknownRoute: fc.constantFrom('drop' as const, 'default' as const),
    parkMaxSpans: fc.oneof(
      { weight: 2, arbitrary: fc.constant(10_000) },
      { weight: 3, arbitrary: fc.constantFrom(1, 2, 3) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    parkOverflow: fc.constantFrom('drop' as const, 'default' as const),
    ...wire,
  })
  .map(({ table, unknownRoute, parkOverflow, ...rest }) => ({
    ...rest,
    ...table,
    // Neither can be without a default route.
    unknownRoute: table.defaultRoute === undefined ? 'drop' : unknownRoute,
    parkOverflow: table.defaultRoute === undefined ? 'drop' : parkOverflow,
  }));

/** The setup as a configuration, its backends at these addresses. */
export function configOf(setup: Setup, endpointOf: (backend: string) => string): SignalboxConfig {
  const { protocol, compression, maxExportBatchSize, maxConcurrentExports, scheduleDelayMs } =
    setup;
  const wireSettings = {
    protocol,
    compression,
    maxExportBatchSize,
    maxConcurrentExports,
    scheduleDelayMs,
  };
  const backends = setup.backends.map((name) => [
    name,
    { endpoint: endpointOf(name), ...wireSettings },
  ]);
  return {
    backends: Object.fromEntries(backends),
    unknownRoute: setup.unknownRoute,
    parkMaxSpans: setup.parkMaxSpans,
    parkOverflow: setup.parkOverflow,
    ...(setup.routes && { routes: setup.routes }),
    ...(setup.defaultRoute !== undefined && { defaultRoute: setup.defaultRoute }),
    ...(setup.routeAttribute !== undefined && { routeAttribute: setup.routeAttribute }),
  };
}

/** Name of the attribute that carries the key; `undefined` where none does. */
export function routeAttributeOf({
  routeAttribute = 'signalbox.route',
}: Setup): string | undefined {
  return routeAttribute === '' ? undefined : routeAttribute;
}
