import {
  backendNames,
  type ClassName,
  isUnfitStandby,
  type ParkingSetup,
  type ResidencySetup,
} from './residency-setups.js';

/*
 * The rules of residency as their documentation has them, and nothing of how they are checked.
 */

/** The classes of the backends that a configured key leads to; `undefined` for what is no such key. */
export function classesOf(setup: ResidencySetup, key: string): ClassName[] | undefined {
  const { routes, source, classes } = setup;
  const isName = routes === undefined && source.kind === 'none';
  const own = backendNames.find((name) => name === key);
  if (isName) return own && [classes[own]];
  return routes?.[key]?.map((name) => classes[name]);
}

/** Whether a configuration must not be taken. */
export function breaksRule(setup: ResidencySetup, { parkOverflow }: ParkingSetup): boolean {
  const { required, defaultRoute, source, classes, routes } = setup;
  // Not of residency: what asks for a default has to have one.
  if (defaultRoute === undefined && parkOverflow === 'default') return true;
  for (const [name, standby] of Object.entries(setup.standbys)) {
    if (isUnfitStandby(setup, name, standby)) return true;
  }
  const keys = new Set([...Object.keys(routes ?? {}), ...backendNames, ...Object.keys(required)]);
  for (const key of keys) {
    const reached = classesOf(setup, key);
    const wanted = required[key];
    if (reached !== undefined && crosses(setup, reached)) return true;
    if (wanted === undefined) continue;
    if (reached !== undefined) {
      if (reached.some((each) => each !== wanted)) return true;
    } else if (source.kind === 'none') return true;
    else if (source.kind === 'template' && source.own !== wanted) return true;
  }
  if (defaultRoute === undefined || Object.keys(required).length === 0) return false;
  const own = backendNames.find((name) => name === defaultRoute);
  const behind = classesOf(setup, defaultRoute) ?? (own ? [classes[own]] : []);
  // Its spans bear its name, which may be a key that a backend is found for.
  const wanted = required[defaultRoute];
  if (wanted !== undefined && behind.some((each) => each !== wanted)) return true;
  return behind.includes(undefined);
}

/** Whether two of these classes are in one group. */
export function crosses({ groups }: ResidencySetup, classes: Iterable<ClassName>): boolean {
  const found = new Set(classes);
  return groups.some((group) => group.filter((name) => found.has(name as ClassName)).length > 1);
}

/** Whether what a file holds of a key may be sent to a configured backend, all that is known being this setup. */
export function mayBeSentFromDisk(setup: ResidencySetup, key: string, to: ClassName): boolean {
  const { groups, required, defaultRoute, source } = setup;
  if (groups.length === 0 && Object.keys(required).length === 0) return true;
  const wanted = required[key];
  if (wanted !== undefined) return to === wanted;
  const own = backendNames.find((name) => name === key && name === defaultRoute);
  const reached = classesOf(setup, key) ?? (own && [setup.classes[own]]);
  if (reached !== undefined) return !crosses(setup, [...reached, to]) || reached.includes(to);
  return source.kind === 'template' && !crosses(setup, [source.own, to]);
}
