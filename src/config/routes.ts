import type { CheckedConfig } from './check.js';
import { collectorOf, withoutNameOfCollector } from './collector.js';
import { isDynamic } from './dynamic.js';
import { type Findings, shownKey, type Where } from './findings.js';
import { nearest } from './nearest.js';
import type { DefaultRoute, ResolvedConfig, Route } from './resolved.js';
import { isRouteKey } from './route-key.js';
import { backendOf, listTargetFaults, type RouteEntry, readTargets } from './route-targets.js';
import { processSettings } from './schema.js';

type Routes = Pick<
  ResolvedConfig,
  'routes' | 'collector' | 'defaultRoute' | 'unknownRoute' | 'parkOverflow'
>;

/** Checks what leads where. `names` are the backends that exist, with or without problems of their own. */
export function resolveRoutes(
  config: CheckedConfig,
  names: ReadonlySet<string>,
  where: Where,
  findings: Findings,
): Routes {
  const routes = new Map<string, Route>();
  if (config.routes === undefined && !isDynamic(config)) {
    for (const name of names) routes.set(name, createRoute(name, [name], config));
  } else {
    for (const [key, entries] of Object.entries(config.routes ?? {})) {
      checkRoute(key, entries, names, where, findings);
      routes.set(key, createRoute(key, entries, config));
    }
  }
  const defaultRoute = withoutNameOfCollector(
    resolveDefault(config, routes, names, where, findings),
    config,
  );
  const { unknownRoute = processSettings.unknownRoute.default } = config;
  const { parkOverflow = processSettings.parkOverflow.default } = config;
  for (const [key, value] of Object.entries({ unknownRoute, parkOverflow })) {
    if (value !== 'default' || config.defaultRoute !== undefined) continue;
    if (findings.has(where(['defaultRoute']))) continue;
    const hint = `set ${where(['defaultRoute'])}, or drop`;
    findings.problem(where([key]), 'is default, and there is no default route', hint);
  }
  warnOfUnreachable(names, routes, defaultRoute, where, findings);
  return { routes, collector: collectorOf(config), defaultRoute, unknownRoute, parkOverflow };
}

function createRoute(
  key: string,
  entries: readonly RouteEntry[],
  { routeParents = {} }: CheckedConfig,
): Route {
  return Object.freeze({
    key,
    backends: Object.freeze(entries.map(backendOf)),
    targets: readTargets(entries),
    parent: Object.hasOwn(routeParents, key) ? routeParents[key] : undefined,
  });
}

function checkRoute(
  key: string,
  entries: readonly RouteEntry[],
  names: ReadonlySet<string>,
  where: Where,
  findings: Findings,
): void {
  const backends = entries.map(backendOf);
  const name = shownKey(key);
  const place = where(['routes', key]);
  // A route that could not be read has its key and nothing else.
  const isUnread = backends.length === 0 && findings.has(place);
  const problem = (what: string, hint: string) => findings.problem(place, what, hint);
  if (!isRouteKey(key)) {
    const hint = '1 to 128 letters, digits and . _ - : / beginning with a letter or digit';
    problem(`has ${name}, which is not a route key`, hint);
  }
  if (backends.length === 0 && !isUnread) {
    problem(`leads from ${name} to no backend`, 'at least one');
  }
  if (new Set(backends).size < backends.length) {
    problem(`leads from ${name} to a backend twice`, 'each once');
  }
  for (const backend of backends.filter((candidate) => !names.has(candidate))) {
    const what = `leads from ${name} to ${shownKey(backend)}, which is not a backend`;
    problem(what, backendHint(backend, names));
  }
  for (const { what, hint } of listTargetFaults(entries)) problem(what, hint);
}

function resolveDefault(
  config: CheckedConfig,
  routes: ReadonlyMap<string, Route>,
  names: ReadonlySet<string>,
  where: Where,
  findings: Findings,
): Route | undefined {
  const { defaultRoute: name, routes: configured } = config;
  if (name === undefined) return undefined;
  const place = where(['defaultRoute']);
  const route = routes.get(name);
  const leadsElsewhere = route && route.backends.length > 0 && route.backends.join() !== name;
  if (leadsElsewhere && names.has(name)) {
    findings.problem(
      place,
      `names both a route key and a backend, and that key leads elsewhere`,
      'rename the key or the backend',
    );
  }
  if (route !== undefined) return route;
  if (names.has(name)) return createRoute(name, [name], config);
  // Where the routes themselves could not be read, nobody knows what they would have offered.
  if (configured === undefined && findings.has(where(['routes']))) return undefined;
  if (names.size === 0) return undefined;
  const what = `names ${shownKey(name)}, which is neither a route key nor a backend`;
  // What has been refused is nothing to choose.
  const usable = [...routes.values()].filter(
    ({ key, backends }) => isRouteKey(key) && backends.length > 0,
  );
  const candidates = new Set([...usable.map(({ key }) => key), ...names]);
  findings.problem(place, what, backendHint(name, candidates));
  return undefined;
}

/** What would be right where a name is none of the candidates, which are gone through more than once. */
export function backendHint(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates);
  if (near !== undefined) return `did you mean ${near}?`;
  const [some = 'none', ...others] = candidates;
  return others.length < 8
    ? `there is ${[some, ...others].join(', ')}`
    : `one of the ${others.length + 1} that are configured`;
}

function warnOfUnreachable(
  names: ReadonlySet<string>,
  routes: ReadonlyMap<string, Route>,
  defaultRoute: DefaultRoute | undefined,
  where: Where,
  findings: Findings,
): void {
  const reached = new Set(defaultRoute?.backends);
  for (const { backends } of routes.values()) for (const name of backends) reached.add(name);
  for (const name of names) {
    if (reached.has(name)) continue;
    const what = `no route leads to the backend ${name}`;
    findings.warn(where(['routes']), what, 'add a route, or leave the backend out');
  }
}
