import { type Findings, shownKey, type Where } from './findings.js';
import type { Backend, Route } from './resolved.js';

/**
 * Checks that no exporter that was made elsewhere has two roles: each role has a queue of its own, and calls of one
 * exporter may not overlap.
 */
export function checkRoles(
  routes: Iterable<Route>,
  backends: ReadonlyMap<string, Backend>,
  where: Where,
  findings: Findings,
): void {
  const primaries = new Set<string>();
  const shadows = new Map<string, string>();
  for (const { key, backends: names, targets } of routes) {
    for (const [index, name] of names.entries()) {
      if (targets?.[index]?.role === 'shadow') shadows.set(name, key);
      else primaries.add(name);
    }
  }
  for (const [name, key] of shadows) {
    if (!primaries.has(name) || backends.get(name)?.delivery.kind !== 'exporter') continue;
    findings.problem(
      where(['routes', key]),
      `has ${shownKey(name)} as a shadow, which is none elsewhere, and has one exporter`,
      'EXPORTER=signalbox, or a backend of its own for each role',
    );
  }
}
