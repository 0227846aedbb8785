import { createBackendLookup } from './backend-lookup.js';
import type { Outside } from './backend-source.js';
import type { CheckedConfig } from './check.js';
import type { Findings, Where } from './findings.js';
import { frozenMap } from './frozen-map.js';
import type { DynamicConfig } from './resolved.js';
import { processSettings } from './schema.js';
import { resolveTemplate } from './template.js';

/** Whether there may be backends that are not configured one by one. */
export function isDynamic({ template, resolveBackend }: CheckedConfig): boolean {
  return template !== undefined || resolveBackend !== undefined;
}

/** Completes the source of backends that are not configured one by one; `undefined` where there is none. */
export function resolveDynamic(
  config: CheckedConfig,
  where: Where,
  findings: Findings,
  outside: Outside,
): DynamicConfig | undefined {
  const { template, resolveBackend } = config;
  const limits = {
    hosts: outside.hosts,
    classes: frozenMap<string, string>([]),
    idleTimeoutMs: config.templateIdleTimeoutMs ?? processSettings.templateIdleTimeoutMs.default,
    maxBackends: config.templateMaxBackends ?? processSettings.templateMaxBackends.default,
  };
  if (template !== undefined) {
    if (resolveBackend !== undefined) {
      const what = `stands beside ${where(['template'])}`;
      findings.problem(where(['resolveBackend']), what, 'give one of the two');
    }
    const at = (key: string, part?: string) =>
      where(part === undefined ? ['template', key] : ['template', key, part]);
    const resolved = resolveTemplate(template, at, findings, outside);
    return resolved && Object.freeze({ ...resolved, ...limits, ttlMs: Number.POSITIVE_INFINITY });
  }
  if (resolveBackend === undefined) return undefined;
  return Object.freeze({
    ...limits,
    lookUp: createBackendLookup(resolveBackend, outside),
    source: resolveBackend,
    ttlMs: config.resolveBackendTtlMs ?? processSettings.resolveBackendTtlMs.default,
  });
}
