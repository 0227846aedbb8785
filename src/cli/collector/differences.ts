import type { ConfigDescription, DescribedSetting } from '../../config/describe.js';
import type { ConfigProblem } from '../../config/error.js';
import type { Backend } from '../../config/resolved.js';
import { ROUTE_ATTRIBUTE } from '../../config/route-attribute.js';

/** What of a configuration a Collector can not do. */
export interface Differences {
  /** What must not be left out, since a backend would see what it may not: no Collector is made of it. */
  readonly problems: readonly ConfigProblem[];
  /** What is left out, at no more cost than the setting itself. */
  readonly warnings: readonly string[];
}

/** What a Collector does as well, or what stays the services' own affair. */
const kept: ReadonlySet<string> = new Set([
  ...['preset', 'endpoint', 'tracesEndpoint', 'headers', 'apiKey', 'apiKeyFile', 'parent'],
  ...['protocol', 'compression', 'timeoutMs', 'proxy', 'exporter'],
  ...['certificate', 'clientCertificate', 'clientKey'],
  ...['maxConcurrentExports', 'maxExportBatchSize', 'maxExportBatchBytes', 'scheduleDelayMs'],
  ...['retryMaxElapsedMs', 'spoolDir', 'spoolMaxBytes', 'spoolMaxAgeMs'],
  // Without what they belong to they have no effect.
  ...['hashKey', 'hashKeyFile', 'rateLimitWindowMinutes'],
  ...['backends', 'routes', 'defaultRoute', 'unknownRoute'],
  // Checked here; the routes that are written keep to them.
  ...['class', 'exclusiveClasses', 'routeClasses'],
  ...['maxBufferedBytes', 'shutdownTimeoutMs', 'auditLog'],
  ...['parkMaxSpans', 'parkTimeoutMs', 'parkOverflow'],
  ...['templateIdleTimeoutMs', 'templateMaxBackends'],
]);

/** What is left out, and why that can be borne. */
const omitted: Readonly<Record<string, string>> = {
  rateLimitMaxRequests: 'a Collector has no limit of requests',
  auditHeaders: 'the headers are asked for, and nothing there reads them',
  authGraceMs: 'a Collector drops at once what is refused with 401 or 403',
  maxQueueSize: 'the queue is on disk, bounded by SPOOL_MAX_BYTES or its default',
  maxQueueBytes: 'the queue is on disk, bounded by SPOOL_MAX_BYTES or its default',
  allowedHosts: 'a Collector connects to whatever address DNS gives, and follows redirects',
};

/** Lists what a Collector of this configuration would not do. */
export function listDifferences(description: ConfigDescription): Differences {
  const { resolved, backends, settings, where } = description;
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];

  function compare(setting: DescribedSetting, path: readonly string[]): void {
    const { key, value, origin } = setting;
    const isEmpty = Array.isArray(value) && value.length === 0;
    if (!('where' in origin) || isEmpty || kept.has(key)) return;
    if (key === 'filter' && value === 'all') return;
    if (key === 'routeAttribute' && value === ROUTE_ATTRIBUTE) return;
    const place = where([...path, key]);
    const reason = omitted[key];
    if (reason !== undefined) warnings.push(`${place} is left out: ${reason}`);
    // Whatever is not known to be harmless may keep a backend from seeing what it may not.
    else problems.push({ where: place, ...faultOf(key, path.length > 0) });
  }

  for (const setting of settings) compare(setting, []);
  for (const [name, each] of backends) {
    for (const setting of each) compare(setting, ['backends', name]);
  }
  for (const { key, targets } of resolved.routes.values()) {
    if (targets === undefined) continue;
    problems.push({
      where: where(['routes', key]),
      what: 'has a shadow or a share, which a Collector can not tell apart',
      hint: 'keep the route in the services until it has neither',
    });
  }
  for (const backend of resolved.backends.values()) {
    if (backend.url === undefined) problems.push(noUrl(backend, description));
  }
  if (resolved.dynamic !== undefined) {
    problems.push({
      where: where(['template', 'endpoint']),
      what: 'makes a backend for each key, which a Collector can not',
      hint: 'list the keys, and a backend for each',
    });
  }
  if (resolved.collector !== undefined) {
    problems.push({
      where: where(['backends', resolved.collector, 'preset']),
      what: 'is a Collector that has the routes',
      hint: 'the configuration that has the routes and their backends',
    });
  }
  return { problems, warnings };
}

function faultOf(key: string, isBackends: boolean): Pick<ConfigProblem, 'what' | 'hint'> {
  if (key === 'routeAttribute') {
    const what = `is not ${ROUTE_ATTRIBUTE}, which a Collector routes by and passes on`;
    return { what, hint: 'leave it out' };
  }
  return {
    what: 'is nothing that a Collector does, and is not left out in silence',
    hint: isBackends
      ? "set it at the services' own backend of the preset collector, or keep this backend in the services"
      : 'keep the routes that it is for in the services',
  };
}

function noUrl({ name }: Backend, { where }: ConfigDescription): ConfigProblem {
  return {
    where: where(['backends', name, 'exporter']),
    what: 'has no URL that a Collector could send to',
    hint: 'keep this backend in the services',
  };
}
