import { parseUrl } from './endpoint.js';
import type { Findings } from './findings.js';
import { type Entry, type Layer, listBackendLayers } from './layer.js';
import { withSampleKey } from './template.js';

/**
 * Gives each backend without a proxy of its own the one that the proxy variables name for its URL, so that it is
 * decided once: `HTTPS_PROXY` or `HTTP_PROXY` for `https`, `HTTP_PROXY` for `http`, in lower case first.
 *
 * The rules are those of undici's `EnvHttpProxyAgent`, which Node's own `fetch` follows too.
 */
export function addProxies(layer: Layer, env: NodeJS.ProcessEnv, findings: Findings): void {
  const isExempt = createExemption(either(env, 'no_proxy')?.value ?? '');
  const http = either(env, 'http_proxy');
  const https = either(env, 'https_proxy');
  for (const { settings } of listBackendLayers(layer)) {
    const url = urlOf(settings.get('tracesEndpoint') ?? settings.get('endpoint'));
    if (url === undefined || settings.has('proxy')) continue;
    const proxy = url.protocol === 'https:' && https?.value ? https : http;
    if (!proxy?.value || isExempt(url)) continue;
    const exporter = settings.get('exporter')?.value ?? 'signalbox';
    if (exporter === 'signalbox') {
      const { value, where } = proxy;
      // A proxy without a scheme is an HTTP one, as curl has it.
      settings.set('proxy', { value: value.includes('://') ? value : `http://${value}`, where });
    } else if (exporter === 'otlp-http') {
      findings.warn(
        proxy.where,
        `is not used by the exporter of ${url.host}`,
        'the exporter otlp-http knows no proxies; the exporter signalbox does',
      );
    }
  }
}

function either(
  env: NodeJS.ProcessEnv,
  lowerCase: string,
): { readonly value: string; readonly where: string } | undefined {
  for (const where of [lowerCase, lowerCase.toUpperCase()]) {
    const value = env[where];
    // Set but empty in lower case, a variable switches the other off.
    if (value !== undefined) return { value: value.trim(), where };
  }
  return undefined;
}

function urlOf(entry: Entry | undefined): URL | undefined {
  return typeof entry?.value === 'string' ? parseUrl(withSampleKey(entry.value)) : undefined;
}

/**
 * Reads `NO_PROXY`: hosts separated by commas or spaces, each with its subdomains, with a port or without; a leading
 * `.` or `*.` means nothing more; `*` is every host.
 */
function createExemption(noProxy: string): (url: URL) => boolean {
  const entries = noProxy
    .toLowerCase()
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .map(parseHost);
  return (url) => {
    const host = withoutBrackets(url.hostname.toLowerCase());
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return entries.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) &&
        (entry.host === '*' || entry.host === host || host.endsWith(`.${entry.host}`)),
    );
  };
}

interface Host {
  readonly host: string;
  readonly port: string | undefined;
}

function parseHost(entry: string): Host {
  // An IPv6 address has colons of its own: a port can follow its brackets only.
  const [, host = entry, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  return { host: withoutBrackets(host).replace(/^\*?\./, ''), port };
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
