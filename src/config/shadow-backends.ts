import { listReachable } from './reach.js';
import type { ResolvedConfig } from './resolved.js';

/** The backends that get nothing but copies that may be lost: shadows of the routes that lead to them, and no more. */
export function listShadowBackends({
  backends,
  routes,
  defaultRoute,
}: Pick<ResolvedConfig, 'backends' | 'routes' | 'defaultRoute'>): ReadonlySet<string> {
  const shadows = new Set<string>();
  const others = new Set<string>();
  for (const route of [...routes.values(), ...(defaultRoute === undefined ? [] : [defaultRoute])]) {
    const kept = route.backends.filter((name, index) => {
      const isShadow = route.targets?.[index]?.role === 'shadow';
      if (isShadow) shadows.add(name);
      return !isShadow;
    });
    // Who takes over for a primary is none either. A shadow's spans are handed to nobody.
    const reached = listReachable({ backends: kept }, (name) => backends.get(name));
    for (const { name } of reached) others.add(name);
  }
  return new Set([...shadows].filter((name) => !others.has(name)));
}
