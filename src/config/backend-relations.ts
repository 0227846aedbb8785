import type { BackendSource } from './backend-source.js';
import { type BackendKey, backendSettings } from './schema.js';

/** Options of which a backend can have one only. */
const alternatives: readonly (readonly [BackendKey, BackendKey])[] = [
  ['endpoint', 'tracesEndpoint'],
  ['apiKey', 'apiKeyFile'],
  ['apiKey', 'credentials'],
  ['apiKeyFile', 'credentials'],
  ['hashKey', 'hashKeyFile'],
];

/** What a dispatcher of the application's own decides in their place. */
const dispatchers: readonly BackendKey[] = [
  'proxy',
  'certificate',
  'clientCertificate',
  'clientKey',
];

/** Options without effect where something else delivers; telling of them is enough, as nothing goes wrong. */
const unused = {
  'otlp-http': ['maxConcurrentExports', 'retryMaxElapsedMs', 'authGraceMs', 'auditHeaders'],
  other: [
    'endpoint',
    'tracesEndpoint',
    'headers',
    'apiKey',
    'apiKeyFile',
    'credentials',
    'authGraceMs',
    'auditHeaders',
    'protocol',
    'compression',
    'certificate',
    'clientCertificate',
    'clientKey',
    'proxy',
    'maxConcurrentExports',
    'retryMaxElapsedMs',
  ],
} as const satisfies Record<string, readonly BackendKey[]>;

/** Reports which options of one backend do not go together. */
export function checkRelations(source: BackendSource): void {
  const { options, preset, findings, at } = source;
  for (const [one, other] of alternatives) {
    if (options[one] === undefined || options[other] === undefined) continue;
    findings.problem(at(other), `stands beside ${at(one)}`, 'give one of the two');
  }
  if (options.dispatcher !== undefined) checkDispatcher(source);
  checkExporter(source);
  checkGrace(source);
  if (options.parent !== undefined && preset.parentHeader === undefined) {
    findings.problem(
      at('parent'),
      `has no meaning under the preset ${options.preset ?? backendSettings.preset.default}`,
      'set the preset braintrust, or leave it out',
    );
  }
  if (options.rateLimitWindowMinutes !== undefined && options.rateLimitMaxRequests === undefined) {
    findings.problem(
      at('rateLimitWindowMinutes'),
      `stands without ${at('rateLimitMaxRequests')}`,
      'give both, or leave it out',
    );
  }
  const { maxExportBatchSize = 0, maxQueueSize = Number.POSITIVE_INFINITY } = options;
  if (maxExportBatchSize > maxQueueSize) {
    findings.problem(
      at('maxExportBatchSize'),
      'is more than the queue may hold',
      `at most ${maxQueueSize}, as ${at('maxQueueSize')} has it`,
    );
  }
}

function checkDispatcher({ options, findings, at }: BackendSource): void {
  for (const key of dispatchers) {
    if (options[key] === undefined) continue;
    findings.problem(at(key), 'has no effect beside a dispatcher', 'configure the dispatcher');
  }
  if ((options.exporter ?? 'signalbox') !== 'signalbox') {
    findings.problem(
      at('dispatcher'),
      'is not used by this exporter',
      'leave out dispatcher or exporter',
    );
  }
}

function checkGrace({ options, findings, at }: BackendSource): void {
  const { authGraceMs, apiKeyFile, credentials, exporter = 'signalbox' } = options;
  if (authGraceMs === undefined || exporter !== 'signalbox') return;
  if (apiKeyFile !== undefined || credentials !== undefined) return;
  const hint = `leave it out, or give the key by ${at('apiKeyFile')}`;
  findings.warn(at('authGraceMs'), 'has no effect, as the API key can not change', hint);
}

function checkExporter({ options, findings, at }: BackendSource): void {
  const { exporter = 'signalbox' } = options;
  if (exporter === 'signalbox') return;
  const isStock = exporter === 'otlp-http';
  if (isStock && options.protocol === 'http/protobuf') {
    findings.problem(
      at('protocol'),
      'is not what the exporter otlp-http sends',
      'leave it out, set http/json, or use the exporter signalbox',
    );
  }
  if (isStock && options.proxy !== undefined && options.proxy !== 'none') {
    findings.problem(at('proxy'), 'is not known to the exporter otlp-http', 'use signalbox');
  }
  if (isStock && options.credentials !== undefined) {
    findings.problem(at('credentials'), 'is not known to the exporter otlp-http', 'use signalbox');
  }
  if (isStock && options.apiKeyFile !== undefined) {
    const what = 'is read once with this exporter';
    findings.warn(at('apiKeyFile'), what, 'the exporter signalbox reads it again when it changes');
  }
  for (const key of isStock ? unused['otlp-http'] : unused.other) {
    if (options[key] === undefined) continue;
    findings.warn(at(key), 'has no effect with this exporter', 'leave it out');
  }
}
