import type { CheckedConfig } from './check.js';
import { isDynamic } from './dynamic.js';
import { presets } from './presets.js';
import type { DefaultRoute } from './resolved.js';
import { type BackendConfig, backendSettings } from './schema.js';

/** Whether a backend is an OpenTelemetry Collector that routes by the spans' keys. */
export function isCollector(options: BackendConfig | undefined): boolean {
  return presets[options?.preset ?? backendSettings.preset.default].isCollector === true;
}

/**
 * The name of the Collector that has the routes, so that every valid key leads to it: the only backend, where neither
 * routes nor backends for further keys are configured. `undefined` where the routes are here.
 */
export function collectorOf(config: CheckedConfig): string | undefined {
  if (config.routes !== undefined || isDynamic(config)) return undefined;
  const [entry, ...others] = Object.entries(config.backends ?? {});
  if (entry === undefined || others.length > 0) return undefined;
  const [name, options] = entry;
  return isCollector(options) ? name : undefined;
}

/**
 * A default route that is a Collector by its own name has no key: that name is none that the Collector's routes know,
 * and one that they did know would lead somewhere else than its default route.
 */
export function withoutNameOfCollector(
  route: DefaultRoute | undefined,
  { routes, backends }: CheckedConfig,
): DefaultRoute | undefined {
  if (route?.key === undefined) return route;
  const isKey = routes !== undefined && Object.hasOwn(routes, route.key);
  if (isKey || !isCollector(backends?.[route.key])) return route;
  return Object.freeze({ ...route, key: undefined });
}
