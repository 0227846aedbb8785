import type { Resource, ResourceDetector } from '@opentelemetry/resources';
import { otelVariable } from '../config/otel-variables.js';
import { type Packages, withExports } from './packages.js';

/** What is used of `@opentelemetry/resources` 2 and later; version 1 detects asynchronously. */
type Resources = Pick<
  typeof import('@opentelemetry/resources'),
  | 'defaultResource'
  | 'detectResources'
  | 'envDetector'
  | 'hostDetector'
  | 'osDetector'
  | 'processDetector'
  | 'serviceInstanceIdDetector'
>;

/** `@opentelemetry/resources`, if it is there and is one that can be used. */
export function loadResources(packages: Packages): Resources | undefined {
  return withExports<Resources>(packages.load('@opentelemetry/resources'), [
    'defaultResource',
    'detectResources',
    'envDetector',
    'hostDetector',
    'osDetector',
    'processDetector',
    'serviceInstanceIdDetector',
  ]);
}

/**
 * The entity that makes the spans: what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say, over what the
 * detectors find.
 *
 * `OTEL_NODE_RESOURCE_DETECTORS` names these, as for OpenTelemetry's own SDK (`env`, `host`, `os`, `process`,
 * `serviceinstance`, `all`, `none`); all of them by default. Those that ask a cloud provider are not among them, as
 * the first export would wait for their answer.
 */
export function detectResource(
  env: NodeJS.ProcessEnv,
  resources: Resources,
  warn: (message: string) => void,
): Resource {
  // In the order of merging: what the environment says counts over what was found.
  const known = new Map<string, ResourceDetector>([
    ['host', resources.hostDetector],
    ['os', resources.osDetector],
    ['process', resources.processDetector],
    ['serviceinstance', resources.serviceInstanceIdDetector],
    ['env', resources.envDetector],
  ]);
  const variable = 'OTEL_NODE_RESOURCE_DETECTORS';
  const names = new Set(
    (otelVariable(env, variable) ?? 'all').split(',').map((name) => name.trim()),
  );
  for (const name of names) {
    if (known.has(name) || name === 'all' || name === 'none') continue;
    warn(`${variable}: the detector ${JSON.stringify(name)} is not known, and is left out`);
  }
  const chosen = [...known].filter(([name]) => names.has('all') || names.has(name));
  const detectors = names.has('none') ? [] : chosen.map(([, detector]) => detector);
  return resources.defaultResource().merge(resources.detectResources({ detectors }));
}
