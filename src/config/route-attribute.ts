import type { CheckedConfig } from './check.js';
import { isCollector } from './collector.js';
import type { Fault, Findings, Where } from './findings.js';
import { processSettings } from './schema.js';

/** The attribute by which `signalbox collector-config` has a Collector route. */
export const ROUTE_ATTRIBUTE: string = processSettings.routeAttribute.default;

/**
 * What is wrong with the attribute of a configuration that has a Collector: it would not find the key, and where
 * signalbox does not write the attribute that it looks for, the application could.
 */
export function routeAttributeFault(routeAttribute: string): Fault | undefined {
  if (routeAttribute === ROUTE_ATTRIBUTE) return undefined;
  return {
    what: `leads to a Collector, which routes by ${ROUTE_ATTRIBUTE}, and another attribute or none is configured`,
    hint: `leave SIGNALBOX_ROUTE_ATTRIBUTE out`,
  };
}

/** Reports a route attribute by which none of the configured Collectors could route. */
export function checkRouteAttribute(
  { routeAttribute = ROUTE_ATTRIBUTE, backends = {}, template }: CheckedConfig,
  where: Where,
  findings: Findings,
): void {
  if (routeAttribute === ROUTE_ATTRIBUTE) return;
  const name = Object.keys(backends).find((each) => isCollector(backends[each]));
  if (name === undefined && !isCollector(template)) return;
  const place = where(name === undefined ? ['template', 'preset'] : ['backends', name, 'preset']);
  const what = `is not ${ROUTE_ATTRIBUTE}, by which a Collector routes (${place})`;
  findings.problem(where(['routeAttribute']), what, 'leave it out');
}
