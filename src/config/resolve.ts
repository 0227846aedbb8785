import { resolve as resolvePath } from 'node:path';
import { resolveBackend } from './backend.js';
import { backendNameHint, isBackendName } from './backend-name.js';
import { type CachedSurroundings, type Surroundings, withCaches } from './backend-source.js';
import { type CheckedConfig, checkConfig } from './check.js';
import { directoryFault } from './directory.js';
import { isDynamic, resolveDynamic } from './dynamic.js';
import { withRequiredClasses } from './dynamic-classes.js';
import { ConfigError } from './error.js';
import { createFindings, type Findings, shown, shownKey, type Where } from './findings.js';
import { frozenMap } from './frozen-map.js';
import { resolveMonitoring } from './monitoring.js';
import { resolveResidency } from './residency.js';
import type { Backend, ResolvedConfig } from './resolved.js';
import { checkRouteAttribute } from './route-attribute.js';
import { checkRouteParents } from './route-parents.js';
import { checkRoles } from './route-roles.js';
import { resolveRoutes } from './routes.js';
import { processSettings, type SignalboxConfig } from './schema.js';
import { checkStandbys } from './standby.js';
import { loadPackage } from './stock-exporter.js';
import { readTextFile } from './text-file.js';

/** The files and packages of this process. */
export const system: Surroundings = { readFile: readTextFile, loadPackage, directoryFault };

/**
 * Checks a configuration given in code and completes it: defaults filled in, files read. The environment is
 * not looked at, and later changes to `config` change nothing.
 *
 * @throws {ConfigError} naming every problem, by paths such as `backends.acme.endpoint`.
 */
export function resolveConfig(
  config: SignalboxConfig,
  surroundings: Surroundings = system,
): ResolvedConfig {
  const findings = createFindings();
  const where: Where = ([setting, ...path]) => {
    if (setting === undefined) return 'configuration';
    const hasKeys = ['routes', 'routeParents', 'routeClasses'].includes(setting);
    return [shown(setting), ...path.map(hasKeys ? shownKey : shown)].join('.');
  };
  return resolveWith(checkConfig(config, where, findings), where, findings, surroundings);
}

/**
 * Completes a configuration that has passed the schema.
 *
 * @throws {ConfigError} naming every problem among the findings, those found before included.
 */
export function resolveWith(
  config: CheckedConfig,
  where: Where,
  findings: Findings,
  surroundings: Surroundings,
): ResolvedConfig {
  const allowed = config.allowedHosts && Object.freeze([...config.allowedHosts]);
  const hosts = Object.freeze({ allowed, refusePrivate: false });
  const cached = withCaches(surroundings, hosts);
  const backends = resolveBackends(config, where, findings, cached);
  const names = new Set(Object.keys(config.backends ?? {}));
  const { routeAttribute = processSettings.routeAttribute.default } = config;
  const source = resolveDynamic(config, where, findings, { surroundings, hosts, routeAttribute });
  const monitoring = resolveMonitoring(config.monitoring, where, findings, cached);
  checkAudit(config, backends.values(), where, findings);
  checkRouteAttribute(config, where, findings);
  const { routes, ...choices } = resolveRoutes(config, names, where, findings);
  const { defaultRoute } = choices;
  const parts = { routes, defaultRoute, dynamic: source };
  const residency = resolveResidency(config, parts, where, findings);
  checkRouteParents(config, routes, backends, where, findings);
  checkStandbys(config.backends ?? {}, backends, { routes, ...choices }, where, findings);
  checkRoles(routes.values(), backends, where, findings);
  if (findings.problems.length > 0) throw new ConfigError(findings.problems);

  const settings = processSettings;
  const resolved: ResolvedConfig = Object.freeze({
    backends: frozenMap(backends),
    routes: frozenMap(routes),
    dynamic: source && residency ? withRequiredClasses(source, residency, routes) : source,
    ...choices,
    residency,
    routeAttribute: routeAttribute === '' ? undefined : routeAttribute,
    maxBufferedBytes: config.maxBufferedBytes ?? settings.maxBufferedBytes.default,
    shutdownTimeoutMs: config.shutdownTimeoutMs ?? settings.shutdownTimeoutMs.default,
    parkMaxSpans: config.parkMaxSpans ?? settings.parkMaxSpans.default,
    parkTimeoutMs: config.parkTimeoutMs ?? settings.parkTimeoutMs.default,
    meterProvider: config.meterProvider,
    auditLog:
      config.auditLog === undefined || config.auditLog === 'stderr'
        ? config.auditLog
        : resolvePath(config.auditLog),
    onAudit: config.onAudit,
    monitoring,
    warnings: Object.freeze(findings.warnings),
  });
  resolvedHere.add(resolved);
  return resolved;
}

/** Tells of audit headers that nobody reads, and of a log in which nothing will stand. */
function checkAudit(
  { auditLog, onAudit, template, resolveBackend }: CheckedConfig,
  backends: Iterable<Backend>,
  where: Where,
  findings: Findings,
): void {
  const asking = Array.from(backends).find(({ auditHeaders }) => auditHeaders);
  const isRead = auditLog !== undefined || onAudit !== undefined;
  if (asking !== undefined && !isRead) {
    const place = where(['backends', asking.name, 'auditHeaders']);
    findings.warn(place, 'has no effect', `set ${where(['auditLog'])} as well`);
  }
  const mayAsk = asking ?? template?.auditHeaders ?? resolveBackend;
  if (auditLog !== undefined && !mayAsk) {
    const hint = 'set AUDIT_HEADERS of a backend';
    findings.warn(where(['auditLog']), 'has no effect, as no backend has audit headers', hint);
  }
}

const resolvedHere = new WeakSet<object>();

/** Whether a configuration has been checked and completed here: a look-alike has not. */
export function isResolved(config: object): config is ResolvedConfig {
  return resolvedHere.has(config);
}

function resolveBackends(
  config: CheckedConfig,
  where: Where,
  findings: Findings,
  surroundings: CachedSurroundings,
): Map<string, Backend> {
  const entries = Object.entries(config.backends ?? {});
  if (
    entries.length === 0 &&
    !isDynamic(config) &&
    !findings.has(where(['backends'])) &&
    !findings.has(where([]))
  ) {
    findings.problem(where(['backends']), 'names no backend', processSettings.backends.hint);
  }
  const backends = new Map<string, Backend>();
  const exporters = new Map<object, string>();
  for (const [name, options] of entries) {
    if (!isBackendName(name)) {
      const place = where(['backends', name]);
      findings.problem(place, 'is not the name of a backend', backendNameHint);
      continue;
    }
    const at = (key: string, part?: string) =>
      where(part === undefined ? ['backends', name, key] : ['backends', name, key, part]);
    if (options === undefined) continue;
    if (typeof options.exporter === 'object') {
      const other = exporters.get(options.exporter);
      if (other !== undefined) {
        const what = `is the exporter of the backend ${other} too`;
        findings.problem(at('exporter'), what, 'one of its own for each, as calls may not overlap');
      }
      exporters.set(options.exporter, name);
    }
    const backend = resolveBackend(name, options, at, findings, surroundings);
    if (backend) backends.set(name, backend);
  }
  return backends;
}
