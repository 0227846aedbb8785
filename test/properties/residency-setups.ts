import fc from 'fast-check';
import type { BackendConfig, ResolveBackend, SignalboxConfig } from '../../src/index.js';

export const backendNames = ['b0', 'b1', 'b2', 'b3'] as const;
type BackendName = (typeof backendNames)[number];

/** Keys that a configuration may have: all are DNS labels, so that a template takes them. */
export const keys = ['acme', 'globex', 'initech', 'b0'] as const;

/** What a backend is called; `undefined` is no class. */
export type ClassName = 'eu' | 'us' | 'cn' | undefined;

/** Where backends come from that are not configured one by one. */
export type Source =
  | { readonly kind: 'none' }
  | { readonly kind: 'template'; readonly own: ClassName }
  | {
      readonly kind: 'function';
      readonly isLater: boolean;
      /** What it says of a key; nothing of one that is not here. */
      readonly answers: Readonly<Record<string, { readonly own: ClassName } | 'error'>>;
    };

/** All of a configuration that residency depends on. */
export interface ResidencySetup {
  readonly classes: Readonly<Record<BackendName, ClassName>>;
  readonly groups: readonly (readonly string[])[];
  /** Who stands by for a backend. */
  readonly standbys: Readonly<Partial<Record<BackendName, BackendName>>>;
  readonly required: Readonly<Record<string, string>>;
  readonly routes: Readonly<Record<string, readonly BackendName[]>> | undefined;
  /** A key or a backend. */
  readonly defaultRoute: string | undefined;
  readonly unknownRoute: 'drop' | 'default';
  readonly source: Source;
}

/** What can not change while a processor runs. */
export interface ParkingSetup {
  readonly parkMaxSpans: number;
  readonly parkOverflow: 'drop' | 'default';
}

const className = fc.constantFrom('eu' as const, 'us' as const, 'cn' as const);
const maybeClass = fc.option(className, { nil: undefined, freq: 5 });
const backendName = fc.constantFrom(...backendNames);
const key = fc.constantFrom(...keys);

const source: fc.Arbitrary<Source> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'none' as const }) },
  fc.record({ kind: fc.constant('template' as const), own: maybeClass }),
  fc.record({
    kind: fc.constant('function' as const),
    isLater: fc.boolean(),
    answers: fc.dictionary(
      key,
      fc.oneof(
        { weight: 4, arbitrary: fc.record({ own: maybeClass }) },
        fc.constant('error' as const),
      ),
      { maxKeys: 3, noNullPrototype: true },
    ),
  }),
);

const routes = fc
  .dictionary(key, fc.uniqueArray(backendName, { minLength: 1, maxLength: 3 }), {
    minKeys: 1,
    maxKeys: 4,
    noNullPrototype: true,
  })
  // A name that is a key and a backend's has to lead to that backend, where it is the default.
  .map((found) => (found.b0 === undefined ? found : { ...found, b0: ['b0' as const] }));

const anySetup: fc.Arbitrary<ResidencySetup> = fc
  .record({
    classes: fc.record({ b0: maybeClass, b1: maybeClass, b2: maybeClass, b3: maybeClass }),
    groups: fc.constantFrom(
      [],
      [['eu', 'us']],
      [['eu', 'us', 'cn']],
      [
        ['eu', 'us'],
        ['eu', 'cn'],
      ],
    ),
    standbys: fc.dictionary(backendName, backendName, {
      minKeys: 1,
      maxKeys: 3,
      noNullPrototype: true,
    }),
    required: fc.dictionary(
      fc.oneof({ weight: 8, arbitrary: key }, fc.constant('other')),
      className,
      {
        maxKeys: 2,
        noNullPrototype: true,
      },
    ),
    routes: fc.option(routes, { nil: undefined, freq: 4 }),
    defaultRoute: fc.option(fc.oneof(key, backendName), { nil: undefined, freq: 3 }),
    unknownRoute: fc.constantFrom('drop' as const, 'default' as const),
    source,
  })
  .map((setup) => withUsableDefault(setup));

/** A default that is there; without one, nothing follows it. */
function withUsableDefault(setup: ResidencySetup): ResidencySetup {
  const { defaultRoute, routes: configured, unknownRoute } = setup;
  const isThere =
    defaultRoute !== undefined &&
    (backendNames.some((name) => name === defaultRoute) ||
      configured?.[defaultRoute] !== undefined);
  return {
    ...setup,
    defaultRoute: isThere ? defaultRoute : undefined,
    unknownRoute: isThere ? unknownRoute : 'drop',
  };
}

/** The setup without what breaks a rule, as far as that is to be had: configurations that are drawn blindly mostly do. */
function repair(setup: ResidencySetup): ResidencySetup {
  const { classes, groups, source: from } = setup;
  const clash = (one: BackendName, other: BackendName) =>
    classes[one] !== classes[other] &&
    groups.some((group) => [one, other].every((name) => group.includes(classes[name] ?? '')));
  const required: Record<string, string> = {};
  const kept: Record<string, readonly BackendName[]> = {};
  for (const [each, names] of Object.entries(setup.routes ?? {})) {
    const wanted = setup.required[each];
    const inside = names.filter((name) => classes[name] === wanted);
    if (wanted !== undefined && inside.length > 0) {
      required[each] = wanted;
      kept[each] = inside;
    } else {
      const [first = 'b0'] = names;
      kept[each] = names.filter((name) => !clash(first, name)).slice(0, 2);
      if (kept[each]?.[1] !== undefined && clash(kept[each][1], first)) kept[each] = [first];
    }
  }
  for (const [each, wanted] of Object.entries(setup.required)) {
    if (kept[each] !== undefined) continue;
    const own = backendNames.find((name) => name === each);
    const isOwnName = setup.routes === undefined && from.kind === 'none' && own !== undefined;
    if (isOwnName && classes[own] === wanted) required[each] = wanted;
    if (from.kind === 'function') required[each] = wanted;
    if (from.kind === 'template' && from.own === wanted) required[each] = wanted;
  }
  const leadsTo = kept[setup.defaultRoute ?? ''] ?? [setup.defaultRoute];
  const isClassed = backendNames.every((name) => !leadsTo.includes(name) || classes[name]);
  const needsClass = Object.keys(required).length > 0;
  const classed = backendNames.find((name) => classes[name] !== undefined);
  const defaultRoute = needsClass && !isClassed ? classed : setup.defaultRoute;
  const repaired = {
    ...setup,
    required,
    routes: setup.routes === undefined ? undefined : kept,
    defaultRoute: defaultRoute === 'b0' && kept.b0 === undefined ? undefined : defaultRoute,
  };
  const standbys = Object.keys(setup.standbys).flatMap((name) => {
    const fit = backendNames.find((each) => !isUnfitStandby(repaired, name, each));
    return fit === undefined ? [] : [[name, fit]];
  });
  return withUsableDefault({ ...repaired, standbys: Object.fromEntries(standbys) });
}

/** Whether a backend may not stand by for another: of another class, itself, or on a route with it. */
export function isUnfitStandby(
  { classes, routes: configured }: Pick<ResidencySetup, 'classes' | 'routes'>,
  name: string,
  standby: BackendName,
): boolean {
  const own = backendNames.find((each) => each === name);
  const leadsToBoth = (names: readonly BackendName[]) =>
    names.some((each) => each === name) && names.includes(standby);
  return (
    own === undefined ||
    own === standby ||
    classes[own] !== classes[standby] ||
    Object.values(configured ?? {}).some(leadsToBoth)
  );
}

const luck = fc.integer({ min: 0, max: 3 });

/** A configuration, which mostly breaks no rule. */
export const residencySetup: fc.Arbitrary<ResidencySetup> = fc
  .tuple(anySetup, luck)
  .map(([setup, toss]) => (toss === 0 ? setup : repair(setup)));

/** Configurations of one service over time. Where they share a source, it stays open from one to the next. */
export const residencySetups: fc.Arbitrary<ResidencySetup[]> = fc
  .tuple(
    fc.array(fc.tuple(anySetup, luck), { minLength: 2, maxLength: 4 }),
    fc.option(source, { nil: undefined }),
  )
  .map(([all, shared]) =>
    all.map(([setup, toss]) => {
      const own = shared === undefined ? setup : { ...setup, source: shared };
      return toss === 0 ? own : repair(own);
    }),
  );

export const parkingSetup: fc.Arbitrary<ParkingSetup> = fc.record({
  parkMaxSpans: fc.constantFrom(10_000, 10_000, 1, 0),
  parkOverflow: fc.constantFrom('drop' as const, 'drop' as const, 'default' as const),
});

/** What a backend is reached by. */
export interface Addresses {
  /** Settings of a configured backend, with its spool. */
  configured(name: string): BackendConfig;
  /** Settings of a backend that is found for a key. */
  found(own: ClassName): BackendConfig;
  /** Settings of the template. */
  template(own: ClassName): BackendConfig;
}

/** The setups as configurations. Those with the same source have the same function. */
export function configsOf(
  setups: readonly ResidencySetup[],
  parking: ParkingSetup,
  addresses: Addresses,
): SignalboxConfig[] {
  const resolvers = new Map<Source, ResolveBackend>();
  return setups.map((setup) => {
    const { source: from, defaultRoute, routes: configured, unknownRoute } = setup;
    const resolveBackend = resolvers.get(from) ?? createResolver(from, addresses);
    if (resolveBackend !== undefined) resolvers.set(from, resolveBackend);
    const backends = backendNames.map((name) => [
      name,
      withStandby(withClass(addresses.configured(name), setup.classes[name]), setup.standbys[name]),
    ]);
    return {
      ...parking,
      unknownRoute,
      shutdownTimeoutMs: 2_000,
      backends: Object.fromEntries(backends),
      exclusiveClasses: setup.groups,
      routeClasses: { ...setup.required },
      ...(configured && { routes: { ...configured } }),
      ...(defaultRoute !== undefined && { defaultRoute }),
      ...(from.kind === 'template' && {
        template: withClass(addresses.template(from.own), from.own),
      }),
      ...(resolveBackend && { resolveBackend }),
    };
  });
}

function createResolver(from: Source, addresses: Addresses): ResolveBackend | undefined {
  if (from.kind !== 'function') return undefined;
  return (asked) => {
    const answer = from.answers[asked];
    if (answer === 'error') throw new Error('no tenants');
    const settings = answer && withClass(addresses.found(answer.own), answer.own);
    return from.isLater ? Promise.resolve(settings) : settings;
  };
}

function withStandby(settings: BackendConfig, standby: string | undefined): BackendConfig {
  return standby === undefined ? settings : { ...settings, standby };
}

function withClass(settings: BackendConfig, own: ClassName): BackendConfig {
  return own === undefined ? settings : { ...settings, class: own };
}
