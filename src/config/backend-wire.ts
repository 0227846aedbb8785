import type { BackendSource } from './backend-source.js';
import { locateCredentials } from './credential-sources.js';
import { parseEndpoint, parseProxy, withPath } from './endpoint.js';
import { shownPath } from './findings.js';
import { headerFault, headerValueFault, isToken } from './headers.js';
import { hostGuardOf } from './host-guard.js';
import type { Backend } from './resolved.js';
import { type BackendConfig, type BackendKey, backendSettings } from './schema.js';
import { clientPairFault } from './tls.js';

/** Where a backend's requests go, and what they carry and trust. */
export type Wire = Pick<
  Backend,
  'url' | 'headers' | 'tls' | 'credentials' | 'proxy' | 'timeoutMs' | 'compression'
>;

/** The wire of a backend whose exporter is made elsewhere and has its own. */
export function noWire(options: BackendConfig): Wire {
  return {
    url: undefined,
    headers: Object.freeze({}),
    tls: undefined,
    credentials: undefined,
    proxy: undefined,
    timeoutMs: options.timeoutMs ?? backendSettings.timeoutMs.default,
    compression: options.compression ?? backendSettings.compression.default,
  };
}

/** Completes the wire of one backend; what can not be completed is among the findings. */
export function resolveWire(source: BackendSource): Wire {
  const url = resolveUrl(source);
  const tls = resolveTls(source);
  if (tls !== undefined && url?.startsWith('http:')) {
    const key = source.options.certificate ? 'certificate' : 'clientCertificate';
    const what = 'has no effect, as the URL is http';
    source.findings.warn(source.at(key), what, 'an https URL, or leave it out');
  }
  return {
    ...noWire(source.options),
    url,
    headers: Object.freeze(resolveHeaders(source)),
    tls: tls && Object.freeze(tls),
    credentials: locateCredentials(source.options),
    proxy: resolveProxy(source),
  };
}

function resolveUrl(source: BackendSource): string | undefined {
  const { options, preset, findings, at, surroundings } = source;
  const { endpoint, tracesEndpoint } = options;
  const key = tracesEndpoint === undefined ? 'endpoint' : 'tracesEndpoint';
  const text = tracesEndpoint ?? endpoint;
  if (text === undefined) {
    if (!findings.has(at('endpoint')) && !findings.has(at('tracesEndpoint'))) {
      findings.problem(at('endpoint'), 'is not set', backendSettings.endpoint.hint);
    }
    return undefined;
  }
  const parsed = parseEndpoint(text);
  if ('fault' in parsed) {
    findings.problem(at(key), parsed.fault.what, parsed.fault.hint);
    return undefined;
  }
  const fault = hostGuardOf(surroundings.hosts).fault(parsed.url.hostname, isResolvedHere(options));
  if (fault) findings.problem(at(key), fault.what, fault.hint);
  return key === 'endpoint' ? withPath(parsed.url, preset) : parsed.url.href;
}

/** Whether signalbox itself looks the host's name up, and sees each address before it connects. */
function isResolvedHere({ exporter, dispatcher, proxy }: BackendConfig): boolean {
  const isOwn = (exporter ?? 'signalbox') === 'signalbox' && dispatcher === undefined;
  return isOwn && (proxy === undefined || proxy === 'none');
}

function resolveHeaders(source: BackendSource): Record<string, string> {
  const { options, preset, findings, at } = source;
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    const lowerCase = name.toLowerCase();
    const fault = headers.has(lowerCase)
      ? { what: 'repeats a header in other letters', hint: 'each name once, in any case' }
      : headerFault(name, value);
    // What is no name may be anything: it is not shown.
    const place = () => (isToken(name) ? at('headers', name) : at('headers'));
    if (fault) findings.problem(place(), fault.what, fault.hint);
    else headers.set(lowerCase, value.trim());
  }
  const own = new Map<string, string>();
  const apiKey = resolveApiKey(source);
  if (apiKey !== undefined) own.set('authorization', `Bearer ${apiKey}`);
  const parent = resolveParent(source);
  if (preset.parentHeader && parent !== undefined) own.set(preset.parentHeader, parent);
  for (const name of own.keys()) {
    if (!headers.has(name)) continue;
    const from = name === 'authorization' ? 'the API key' : 'the parent';
    findings.problem(at('headers', name), `${name} is set by ${from}`, 'give one of the two');
  }
  if (options.credentials !== undefined && headers.has('authorization')) {
    const what = 'authorization is set by the key that credentials give';
    findings.problem(at('headers', 'authorization'), what, 'give one of the two');
  }
  if (preset.parentHeader && !own.has('authorization') && !headers.has('authorization')) {
    const missing =
      options.credentials === undefined &&
      !findings.has(at('apiKey')) &&
      !findings.has(at('apiKeyFile')) &&
      !findings.has(at('credentials'));
    if (missing) findings.warn(at('apiKey'), 'is not set', 'Braintrust refuses what has no key');
  }
  return Object.fromEntries([...headers, ...own]);
}

function resolveApiKey(source: BackendSource): string | undefined {
  const { options, findings, at } = source;
  const key = options.apiKey === undefined ? 'apiKeyFile' : 'apiKey';
  const apiKey = (options.apiKey ?? readNamedFile('apiKeyFile', source))?.trim();
  if (apiKey === undefined) return undefined;
  const fault = headerValueFault(apiKey);
  if (fault === undefined) return apiKey;
  const what = key === 'apiKeyFile' ? `names a file whose content ${fault.what}` : fault.what;
  findings.problem(at(key), what, fault.hint);
  return undefined;
}

function resolveParent({ options, preset, findings, at }: BackendSource): string | undefined {
  const parent = options.parent?.trim();
  if (preset.parentHeader === undefined) return undefined;
  if (parent === undefined) {
    if (findings.has(at('parent'))) return undefined;
    findings.problem(at('parent'), 'is not set', backendSettings.parent.hint);
    return undefined;
  }
  const fault = headerValueFault(parent);
  if (fault === undefined) return parent;
  findings.problem(at('parent'), fault.what, fault.hint);
  return undefined;
}

function resolveTls(source: BackendSource): Backend['tls'] {
  const { options, findings, at, surroundings } = source;
  const ca = readNamedFile('certificate', source);
  const cert = readNamedFile('clientCertificate', source);
  const key = readNamedFile('clientKey', source);
  const faultOfAuthorities = ca === undefined ? undefined : surroundings.authoritiesFault(ca);
  if (faultOfAuthorities) {
    findings.problem(at('certificate'), faultOfAuthorities.what, faultOfAuthorities.hint);
  }
  if ((options.clientCertificate === undefined) !== (options.clientKey === undefined)) {
    const [missing, given]: readonly [BackendKey, BackendKey] =
      options.clientKey === undefined
        ? ['clientKey', 'clientCertificate']
        : ['clientCertificate', 'clientKey'];
    if (!findings.has(at(missing))) {
      findings.problem(at(missing), `is not set beside ${at(given)}`, 'a certificate with its key');
    }
  }
  const fault = cert !== undefined && key !== undefined ? clientPairFault(cert, key) : undefined;
  if (fault) findings.problem(at('clientCertificate'), fault.what, fault.hint);
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function resolveProxy({ options, findings, at }: BackendSource): string | undefined {
  const { proxy } = options;
  if (proxy === undefined || proxy === 'none') return undefined;
  const parsed = parseProxy(proxy);
  if ('url' in parsed) return parsed.url.href;
  findings.problem(at('proxy'), parsed.fault.what, parsed.fault.hint);
  return undefined;
}

/** The text of the file that an option names; one that can not be read is among the findings. */
export function readNamedFile(
  key: 'apiKeyFile' | 'certificate' | 'clientCertificate' | 'clientKey' | 'hashKeyFile',
  { options, findings, at, surroundings }: BackendSource,
): string | undefined {
  const path = options[key];
  if (path === undefined) return undefined;
  const file = surroundings.readFile(path);
  if ('text' in file) return file.text;
  findings.problem(at(key), `names ${shownPath(path)}, which ${file.what}`, 'a readable file');
  return undefined;
}
