import { listReachable, type Reached } from './reach.js';
import { areExclusive } from './residency.js';
import type { Backend, DynamicConfig, Residency, ResolvedConfig } from './resolved.js';
import { templateName } from './template.js';

/** What a batch on disk says of its spans. */
export interface WrittenBatch {
  readonly routeKeys: readonly string[];
  /** What it is sent under in place of the backend's own parent. */
  readonly parent?: string | undefined;
}

/**
 * Whether a batch that was written to disk, maybe by an earlier process under other rules, may be sent to a backend
 * under the configuration of today.
 *
 * What was to go under another parent than that of its keys today may not, nor may what is of no key and has one. Without rules of residency all else may. With
 * some, each of its route keys has to be known today, and allow the backend's
 * class: what the rule for a key that is gone was, nobody can say.
 *
 * @param backend - As it was opened. Where one of its name is configured today, both have to be allowed.
 */
export function mayReplay(
  config: ResolvedConfig,
  backend: Backend,
  { routeKeys, parent }: WrittenBatch,
): boolean {
  const { residency, backends } = config;
  if (backend.parentHeader !== undefined && !isParentToday(config, routeKeys, parent)) return false;
  if (residency === undefined) return true;
  const today = backends.get(backend.name);
  return (
    routeKeys.length > 0 &&
    routeKeys.every(
      (key) =>
        isAllowed(key, backend, config, residency) &&
        (today === undefined || isAllowed(key, today, config, residency)),
    )
  );
}

/** Whether the keys have this parent today. The backend's own is a part of its identity, which is checked before. */
function isParentToday(
  { routes, defaultRoute }: ResolvedConfig,
  routeKeys: readonly string[],
  parent: string | undefined,
): boolean {
  if (routeKeys.length === 0) return parent === undefined;
  return routeKeys.every((key) => {
    const route = routes.get(key) ?? (defaultRoute?.key === key ? defaultRoute : undefined);
    return route?.parent === parent;
  });
}

function isAllowed(
  key: string,
  backend: Backend,
  config: ResolvedConfig,
  residency: Residency,
): boolean {
  const required = residency.required.get(key);
  if (required !== undefined) return backend.class === required;
  return (
    listReachedToday(key, backend, config)?.every(
      (reached) => !areExclusive(residency, reached.backend.class, backend.class),
    ) ?? false
  );
}

/** What the key's spans may reach today; `undefined` where that can not be said. */
function listReachedToday(
  key: string,
  backend: Backend,
  { routes, defaultRoute, dynamic, backends }: ResolvedConfig,
): Reached<Backend>[] | undefined {
  const route = routes.get(key) ?? (defaultRoute?.key === key ? defaultRoute : undefined);
  if (route !== undefined) return listReachable(route, (name) => backends.get(name));
  const found = dynamic && findToday(key, backend, dynamic);
  return (
    found &&
    listReachable({ backends: [found.name] }, (name) =>
      name === found.name ? found : backends.get(name),
    )
  );
}

/** The backend that is the key's own. The application is not asked: its answer is the one that was opened. */
function findToday(
  key: string,
  backend: Backend,
  { source, lookUp }: DynamicConfig,
): Backend | undefined {
  if (typeof source === 'function') return backend.name === templateName(key) ? backend : undefined;
  const made = lookUp(key);
  return made instanceof Promise ? undefined : made;
}
