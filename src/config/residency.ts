import type { CheckedConfig } from './check.js';
import { warnOfClasses } from './class-warnings.js';
import { type Findings, shownKey, type Where } from './findings.js';
import { frozenMap } from './frozen-map.js';
import { nearest } from './nearest.js';
import { listReachable, type ReachableBackend, type Reached } from './reach.js';
import type { DefaultRoute, DynamicConfig, Residency, ResolvedConfig, Route } from './resolved.js';
import { isRouteKey } from './route-key.js';
import { backendHint } from './routes.js';
import { templateName } from './template.js';

/** Where spans may go, as it was read: with or without problems of its own. */
export interface ResidencyParts extends Pick<ResolvedConfig, 'routes' | 'defaultRoute'> {
  readonly dynamic: DynamicConfig | undefined;
}

/** What every check needs. */
interface Checking extends ResidencyParts {
  readonly config: CheckedConfig;
  readonly residency: Residency;
  /** Those of which something is to be said. */
  readonly backends: ReadonlyMap<string, ReachableBackend>;
  readonly template: ReachableBackend | undefined;
  readonly where: Where;
  readonly findings: Findings;
}

/** What is known of a backend before it is complete. */
type Reaching = Reached<ReachableBackend>;

/** Whether spans of one key may not reach backends of both classes. A backend without a class excludes none. */
export function areExclusive(
  { exclusive }: Pick<Residency, 'exclusive'>,
  one: string | undefined,
  other: string | undefined,
): boolean {
  if (one === undefined || other === undefined || one === other) return false;
  return exclusive.some((group) => group.includes(one) && group.includes(other));
}

/**
 * Whether a link to a span may stand at a backend: the ids of spans are not to cross classes that exclude each other.
 *
 * @param classes - Of the backends that the span is at; `undefined` where nobody can say which these are.
 */
export function mayLink(
  residency: Pick<Residency, 'exclusive'> | undefined,
  own: string | undefined,
  classes: readonly (string | undefined)[] | undefined,
): boolean {
  if (residency === undefined || own === undefined) return true;
  if (classes !== undefined) return classes.every((each) => !areExclusive(residency, own, each));
  return !residency.exclusive.some((group) => group.includes(own));
}

/**
 * Checks that no key can lead its spans across classes that exclude each other, nor out of the class that it requires.
 *
 * @returns the rules, for what is only known later; `undefined` where there are none.
 */
export function resolveResidency(
  config: CheckedConfig,
  parts: ResidencyParts,
  where: Where,
  findings: Findings,
): Residency | undefined {
  const { exclusiveClasses = [], routeClasses = {} } = config;
  const residency: Residency = Object.freeze({
    exclusive: Object.freeze(exclusiveClasses.map((group) => Object.freeze([...group]))),
    required: frozenMap(Object.entries(routeClasses)),
  });
  const { exclusive, required } = residency;
  warnOfClasses(config, residency, where, findings);
  if (exclusive.length === 0 && required.size === 0) return undefined;

  const classes = readClasses(config, where, findings);
  const checking: Checking = { ...parts, ...classes, config, residency, where, findings };
  for (const route of parts.routes.values()) checkRoute(route, placeOf(route, checking), checking);
  for (const key of required.keys()) {
    if (!parts.routes.has(key)) checkKeyWithoutRoute(key, checking);
  }
  if (parts.defaultRoute !== undefined) checkDefault(parts.defaultRoute, checking);
  return residency;
}

/**
 * What may be judged by its class. To be asked before anything is found here: of a class that was refused nobody knows what
 * it was meant to be.
 */
function readClasses(
  { backends = {}, template }: CheckedConfig,
  where: Where,
  findings: Findings,
): Pick<Checking, 'backends' | 'template'> {
  const isRead = (...path: string[]) => !findings.has(where([...path, 'class']));
  const read = Object.entries(backends).flatMap(([name, options]) =>
    options !== undefined && isRead('backends', name) ? [[name, options] as const] : [],
  );
  return { backends: new Map(read), template: isRead('template') ? template : undefined };
}

/** Without routes each backend's own name is its key. */
function placeOf({ key }: Route, { config, where }: Checking): string {
  return config.routes === undefined ? where(['backends', key, 'class']) : where(['routes', key]);
}

function checkRoute(route: Route, place: string, checking: Checking): void {
  const reached = listReachable(route, (name) => checking.backends.get(name));
  checkReach(route.key, reached, place, checking);
}

/** Checks one key against all that its spans may reach. */
function checkReach(
  key: string,
  reached: readonly Reaching[],
  place: string,
  { residency, findings }: Checking,
): void {
  const required = residency.required.get(key);
  if (required !== undefined) {
    const outside = reached.filter(({ backend }) => backend.class !== required);
    // Within one class there are no two that exclude each other.
    if (outside.length === 0) return;
    const what = `the key ${shownKey(key)} requires the class ${required}, and its spans may reach ${listed(outside)}`;
    findings.problem(place, what, `backends of the class ${required} alone`);
    return;
  }
  const crossed = findCrossing(reached, residency);
  if (crossed === undefined) return;
  const what = `spans of the key ${shownKey(key)} may reach ${listed(crossed)}, which exclude each other`;
  findings.problem(place, what, 'backends of one of these classes');
}

function findCrossing(
  reached: readonly Reaching[],
  residency: Residency,
): readonly Reaching[] | undefined {
  for (const one of reached) {
    const other = reached.find(({ backend }) =>
      areExclusive(residency, one.backend.class, backend.class),
    );
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

/** Checks a key that requires a class and has no route: its backend is made, or found, when it comes. */
function checkKeyWithoutRoute(key: string, checking: Checking): void {
  const { config, routes, dynamic, backends, template, where, findings } = checking;
  const place = where(['routeClasses', key]);
  const name = shownKey(key);
  const keys = [...routes.keys()];
  if (config.resolveBackend !== undefined && isRouteKey(key)) {
    const near = nearest(key, keys);
    if (near === undefined) return;
    const what = `has ${name}, which no route has, so that it counts for what resolveBackend finds`;
    findings.warn(place, what, `did you mean ${near}?`);
    return;
  }
  if (config.template === undefined) {
    // Where these could not be read, nobody knows which keys there would have been.
    const isUnread = findings.has(where(['routes'])) || findings.has(where(['backends']));
    if (config.routes === undefined && isUnread) return;
    findings.problem(place, `has ${name}, which is no route's key`, backendHint(key, keys));
    return;
  }
  // A template that can not be used has been told of.
  if (dynamic === undefined) return;
  if (!isRouteKey(key) || dynamic.lookUp(key) === undefined) {
    const what = `has ${name}, which is no route's key, nor one that the template takes`;
    findings.problem(place, what, backendHint(key, keys));
    return;
  }
  const own = templateName(key);
  const reached = listReachable({ backends: [own] }, (each) =>
    each === own ? template : backends.get(each),
  );
  checkReach(key, reached, where(['template', 'class']), checking);
}

/**
 * Checks the route of spans that no key has come for. Whose they are may become known when they have left: where some key
 * requires a class, they go nowhere that has none.
 */
function checkDefault(route: DefaultRoute, checking: Checking): void {
  const { routes, backends, residency, where, findings } = checking;
  const place = where(['defaultRoute']);
  // That of a key has been checked with the keys. Any other has a name too, which its spans bear.
  // One without a name is a Collector's own, and leads to nothing else.
  const { key } = route;
  if (key !== undefined && !routes.has(key)) checkRoute({ ...route, key }, place, checking);
  if (residency.required.size === 0) return;
  const reached = listReachable(route, (name) => backends.get(name));
  const unclassed = reached.filter(({ backend }) => backend.class === undefined);
  if (unclassed.length === 0) return;
  const what = `leads to ${listed(unclassed)}, while ${where(['routeClasses'])} has keys that require one`;
  findings.problem(place, what, 'set the CLASS of its backends, or leave the default route out');
}

function listed(reached: readonly Reaching[]): string {
  return reached
    .map(({ name, backend }) => {
      const own = backend.class === undefined ? 'no class' : `class ${backend.class}`;
      return `${shownKey(name)} (${own})`;
    })
    .join(' and ');
}
