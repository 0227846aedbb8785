import type { RoutingDropReason } from '../accounting/reasons.js';
import type {
  Backend,
  DefaultRoute,
  ResolvedConfig,
  Route,
  RouteTarget,
} from '../config/resolved.js';
import type { RouteLane } from '../encoding/routed-span.js';
import type { Exporter } from '../exporter/exporter.js';
import { createCollectorRoute } from './collector-route.js';
import { type ChooseExporters, createChoice } from './route-choice.js';

/** Where spans go: to the exporters of a route, or nowhere, with the reason. */
export type Destination = RouteDestination | NoDestination;

/** The backends of one route. */
export interface RouteDestination {
  /** The key that leads here; `undefined` where a Collector has the default route. */
  readonly routeKey: string | undefined;
  /** One for each backend of the route. */
  readonly exporters: readonly Exporter[];
  /** Names of these backends. */
  readonly backends: readonly string[];
  /** Which of the exporters a trace goes to; `undefined` for all. */
  readonly choose: ChooseExporters | undefined;
  /** How its spans travel; `undefined` for as any. */
  readonly lane: RouteLane | undefined;
  /** The residency classes of these backends. */
  readonly classes: readonly (string | undefined)[];
  /** Those of the exporters whose backends have `REROOT`, with these; `undefined` where none has. */
  readonly rerooting: ReadonlyMap<Exporter, Backend> | undefined;
}

/** Nowhere: spans are dropped, and counted by their reason. */
export interface NoDestination {
  readonly exporters: undefined;
  readonly reason: RoutingDropReason;
}

/** Not known yet: the backend of the key is being looked up. */
export interface PendingDestination {
  /** Calls back, once and later, with where the key leads; `undefined` for one that no route knows. */
  whenFound(callback: (found: Destination | undefined) => void): void;
}

/** Where keys lead that no configured route knows. */
export interface DynamicRoutes {
  /** As that of the table. A lookup that fails leads nowhere: a key that may be known is not an unknown one. */
  find(key: string): Destination | PendingDestination | undefined;
}

/** Whether spans have to wait for it. */
export function isPending(
  found: Destination | PendingDestination | undefined,
): found is PendingDestination {
  return found !== undefined && 'whenFound' in found;
}

/** What every key leads to: one configuration's, which does not change. */
export interface RoutingTable {
  /** Where the key leads; `undefined` for a key that no route knows. */
  find(key: string): Destination | PendingDestination | undefined;
  /** Where unknown and invalid keys lead. */
  readonly unknown: Destination;
  /** Where spans without a key lead. */
  readonly default: Destination;
  /** Whether every key, and the default, lead to the same backends: there is nothing to wait for. */
  readonly isUniform: boolean;
}

/**
 * Builds the table of a configuration, with `exporterOf` giving the exporter of each backend's name and role.
 *
 * @param dynamic - Asked for the keys that no configured route knows, and for no other.
 */
export function createTable(
  config: ResolvedConfig,
  exporterOf: (backend: string, role: RouteTarget['role']) => Exporter,
  dynamic?: DynamicRoutes,
): RoutingTable {
  const laneOf = createLanesOfRoutes();
  const destinationOf = (route: Route | DefaultRoute): RouteDestination => {
    const { key, backends, targets } = route;
    const exporters = backends.map((name, index) =>
      exporterOf(name, targets?.[index]?.role ?? 'primary'),
    );
    return {
      routeKey: key,
      exporters,
      backends,
      choose: targets && createChoice(key ?? '', targets, exporters),
      lane: laneOf(route),
      classes: backends.map((name) => config.backends.get(name)?.class),
      rerooting: rerootingOf(route, exporters),
    };
  };
  function rerootingOf({ backends }: Route | DefaultRoute, exporters: readonly Exporter[]) {
    const rerooting = new Map<Exporter, Backend>();
    for (const [index, exporter] of exporters.entries()) {
      const backend = config.backends.get(backends[index] ?? '');
      if (backend?.reroot) rerooting.set(exporter, backend);
    }
    return rerooting.size === 0 ? undefined : rerooting;
  }
  const routes = new Map(
    Array.from(config.routes, ([key, route]) => [key, destinationOf(route)] as const),
  );
  const fallback: Destination = config.defaultRoute
    ? destinationOf(config.defaultRoute)
    : { exporters: undefined, reason: 'no_route' };
  const findCollector = createCollectorRoute(config, exporterOf);
  return {
    find: (key) => routes.get(key) ?? dynamic?.find(key) ?? findCollector?.(key),
    unknown:
      config.unknownRoute === 'default'
        ? fallback
        : { exporters: undefined, reason: 'unknown_route' },
    default: fallback,
    isUniform: dynamic === undefined && isUniform(config),
  };
}

function isUniform({ routes, defaultRoute, backends, collector }: ResolvedConfig): boolean {
  if (defaultRoute === undefined || collector !== undefined) return false;
  const signature = ({ key, backends: names, targets, parent }: Route | DefaultRoute) => {
    // A Collector leads on by the key: spans have to wait for it, although they all go to the one backend. Nor is what is
    // counted by key, or shared out by it, the same for two keys.
    const isByKey = targets !== undefined || names.some((name) => backends.get(name)?.isCollector);
    return JSON.stringify([[...new Set(names)].sort(), parent, isByKey && key]);
  };
  const expected = signature(defaultRoute);
  for (const route of routes.values()) {
    if (signature(route) !== expected) return false;
  }
  return true;
}
/** Keys of the same parent have one lane, unless they are counted. */
function createLanesOfRoutes(): (route: Route | DefaultRoute) => RouteLane | undefined {
  const ofParents = new Map<string, RouteLane>();
  return ({ key, parent, targets }) => {
    if (targets !== undefined) return { parent, countedKey: key };
    if (parent === undefined) return undefined;
    const lane = ofParents.get(parent) ?? { parent, countedKey: undefined };
    ofParents.set(parent, lane);
    return lane;
  };
}
