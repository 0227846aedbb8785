import type { CheckedConfig } from './check.js';
import { type Findings, shownKey, type Where } from './findings.js';
import { nearest } from './nearest.js';
import type { Backend, Route } from './resolved.js';

/** Checks that every parent of a route has a backend that it means something to. */
export function checkRouteParents(
  { routeParents = {} }: CheckedConfig,
  routes: ReadonlyMap<string, Route>,
  backends: ReadonlyMap<string, Backend>,
  where: Where,
  findings: Findings,
): void {
  for (const key of Object.keys(routeParents)) {
    const place = where(['routeParents', key]);
    const route = routes.get(key);
    if (route === undefined) {
      if (findings.has(where(['routes']))) continue;
      const near = nearest(key, routes.keys());
      const hint = near === undefined ? 'a key that has a route' : `did you mean ${near}?`;
      findings.problem(place, `is for ${shownKey(key)}, which no route has`, hint);
      continue;
    }
    const reached = route.backends.map((name) => backends.get(name));
    // One that has problems of its own has been told of.
    if (reached.includes(undefined)) continue;
    const having = reached.filter((backend) => backend?.parentHeader !== undefined);
    const fixed = having.find((backend) => backend?.delivery.kind === 'exporter');
    if (having.length === 0) {
      const what = `is for ${shownKey(key)}, which leads to no backend that has parents`;
      findings.problem(place, what, 'a route to a backend with PRESET=braintrust');
    } else if (fixed !== undefined) {
      const what = `is for ${shownKey(key)}, and the exporter of ${fixed.name} has one parent for all`;
      findings.problem(place, what, 'EXPORTER=signalbox, or a backend of its own for the key');
    }
  }
}
