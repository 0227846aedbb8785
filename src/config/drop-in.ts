import type { Findings } from './findings.js';
import { headerFault } from './headers.js';
import { createLayer, type Entry, type Layer } from './layer.js';
import { hasOtelConfigFile, otelVariable } from './otel-variables.js';
import { parseHeader } from './text.js';

/**
 * The one backend where neither `SIGNALBOX_BACKENDS` nor the file names any, so that signalbox drops in
 * where a single exporter stood: Braintrust's, or OpenTelemetry's own with all its settings.
 *
 * It is the default route, unless another is set. Nothing configured at all is a problem: the stock
 * exporters guess `localhost:4318`, and telemetry would be lost there in silence.
 */
export function readDropIn(env: NodeJS.ProcessEnv, findings: Findings): Layer {
  const braintrustKey = otelVariable(env, 'BRAINTRUST_API_KEY');
  const otlpEndpoint = hasOtelConfigFile(env) ? undefined : otlpEndpointVariable(env);
  if (braintrustKey !== undefined && otlpEndpoint !== undefined) {
    findings.problem(
      'SIGNALBOX_BACKENDS',
      `is not set, and BRAINTRUST_API_KEY and ${otlpEndpoint} each name a backend`,
      'unset one of the two, or list the backends in SIGNALBOX_BACKENDS',
    );
  } else if (braintrustKey !== undefined) {
    return dropIn('braintrust', 'BRAINTRUST_API_KEY', readBraintrust(env));
  } else if (otlpEndpoint !== undefined) {
    return dropIn('otlp', otlpEndpoint, readOtlp(env, findings));
  } else {
    const without = hasOtelConfigFile(env)
      ? 'no backend is configured; OTEL_CONFIG_FILE is set, so other OTEL_* variables are not read'
      : 'no backend is configured';
    findings.problem(
      'SIGNALBOX_BACKENDS',
      without,
      'set SIGNALBOX_BACKENDS or SIGNALBOX_CONFIG_FILE; or, for a single backend, BRAINTRUST_API_KEY or OTEL_EXPORTER_OTLP_ENDPOINT',
    );
  }
  return createLayer();
}

function dropIn(name: string, where: string, settings: Map<string, Entry>): Layer {
  const layer = createLayer();
  layer.backends.set(name, { settings, whereMissing: () => where });
  layer.settings.set('defaultRoute', { value: name, where });
  return layer;
}

function readBraintrust(env: NodeJS.ProcessEnv): Map<string, Entry> {
  const entry = (where: string, fallback?: string): Entry => ({
    value: otelVariable(env, where) ?? fallback,
    where,
  });
  return new Map([
    ['preset', { value: 'braintrust', where: 'BRAINTRUST_API_KEY' }],
    ['apiKey', entry('BRAINTRUST_API_KEY')],
    ['endpoint', entry('BRAINTRUST_API_URL', 'https://api.braintrust.dev')],
    ['parent', entry('BRAINTRUST_PARENT', 'project_name:default-otel-project')],
  ]);
}

const tracesPrefix = 'OTEL_EXPORTER_OTLP_TRACES_';
const generalPrefix = 'OTEL_EXPORTER_OTLP_';

function otlpEndpointVariable(env: NodeJS.ProcessEnv): string | undefined {
  return specificFirst('ENDPOINT', env)?.where;
}

function specificFirst(name: string, env: NodeJS.ProcessEnv): Entry | undefined {
  for (const where of [tracesPrefix + name, generalPrefix + name]) {
    const value = otelVariable(env, where);
    if (value !== undefined) return { value, where };
  }
  return undefined;
}

/** What only a single exporter may take from OpenTelemetry's variables; the rest are fallbacks in any case. */
function readOtlp(env: NodeJS.ProcessEnv, findings: Findings): Map<string, Entry> {
  const settings = new Map<string, Entry>();
  const add = (key: string, entry: Entry | undefined) => {
    if (entry) settings.set(key, entry);
  };
  const endpoint = specificFirst('ENDPOINT', env);
  add(endpoint?.where.startsWith(tracesPrefix) ? 'tracesEndpoint' : 'endpoint', endpoint);
  add('headers', readHeaders(env, findings));
  add('certificate', specificFirst('CERTIFICATE', env));
  add('clientCertificate', specificFirst('CLIENT_CERTIFICATE', env));
  add('clientKey', specificFirst('CLIENT_KEY', env));
  const protocol = specificFirst('PROTOCOL', env);
  if (protocol?.value === 'grpc') {
    // As a fallback it would count as unset; here the endpoint is one for gRPC, and would refuse everything.
    findings.problem(
      protocol.where,
      'is grpc, which signalbox does not speak',
      "http/protobuf, with the receiver's endpoint for HTTP, commonly port 4318",
    );
  }
  return settings;
}

/** Headers of both variables, the specific ones over the general; what can not be read is passed over. */
function readHeaders(env: NodeJS.ProcessEnv, findings: Findings): Entry | undefined {
  const headers = new Map<string, string>();
  let where: string | undefined;
  for (const variable of [`${generalPrefix}HEADERS`, `${tracesPrefix}HEADERS`]) {
    const text = otelVariable(env, variable);
    if (text === undefined) continue;
    where = variable;
    for (const [index, pair] of text.split(',').entries()) {
      // What follows a ";" is metadata in the W3C Baggage format, which OpenTelemetry leaves out.
      const parsed = parseHeader(pair.split(';', 1).join(''));
      const fault = 'fault' in parsed ? parsed.fault : headerFault(...parsed.value);
      if ('value' in parsed && fault === undefined) headers.set(...parsed.value);
      else if (fault)
        findings.warn(variable, `pair ${index + 1} ${fault.what}, and is left out`, fault.hint);
    }
  }
  return where === undefined ? undefined : { value: Object.fromEntries(headers), where };
}
