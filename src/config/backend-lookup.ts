import { resolveBackend } from './backend.js';
import { type Outside, withCaches } from './backend-source.js';
import { checkSettings } from './check.js';
import { isCollector } from './collector.js';
import { ConfigError } from './error.js';
import { createFindings, shown, type Where } from './findings.js';
import type { ResolveBackend } from './options.js';
import type { Backend, DynamicConfig } from './resolved.js';
import { routeAttributeFault } from './route-attribute.js';
import { type BackendConfig, backendSettings } from './schema.js';
import { isObject } from './setting.js';
import { templateName } from './template.js';

/**
 * Makes the function that asks the application for the backend of a key, and checks its answer as a configured backend
 * is checked.
 *
 * It throws, or rejects, with what the application's function does, or with a {@link ConfigError} for an answer that is
 * no valid backend.
 */
export function createBackendLookup(
  resolve: ResolveBackend,
  outside: Outside,
): DynamicConfig['lookUp'] {
  const complete = (key: string, answer: unknown): Backend | undefined => {
    // Whoever looks into a database may well have a null for nothing.
    if (answer === undefined || answer === null) return undefined;
    return completeBackend(key, answer, outside);
  };
  return (key) => {
    const answer: unknown = resolve(key);
    if (!isThenable(answer)) return complete(key, answer);
    return Promise.resolve(answer).then((later) => complete(key, later));
  };
}

function completeBackend(
  key: string,
  answer: unknown,
  { surroundings, hosts, routeAttribute }: Outside,
): Backend {
  const findings = createFindings();
  const where: Where = (path) => ['resolveBackend', ...path.map(shown)].join('.');
  if (!isObject(answer)) {
    findings.problem(where([]), 'gave no object of settings', 'such as { endpoint }, or undefined');
    throw new ConfigError(findings.problems);
  }
  const options: BackendConfig = checkSettings(answer, backendSettings, [], where, findings);
  const at = (setting: string, part?: string) =>
    where(part === undefined ? [setting] : [setting, part]);
  const attributeFault = isCollector(options) ? routeAttributeFault(routeAttribute) : undefined;
  if (attributeFault) findings.problem(at('preset'), attributeFault.what, attributeFault.hint);
  const name = templateName(key);
  const backend = resolveBackend(name, options, at, findings, withCaches(surroundings, hosts));
  if (backend === undefined || findings.problems.length > 0) {
    throw new ConfigError(findings.problems);
  }
  return backend;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && 'then' in value && typeof value.then === 'function';
}
