import { resolveBackend } from './backend.js';
import { type BackendSource, type Outside, withCaches } from './backend-source.js';
import type { Findings } from './findings.js';
import type { Backend, DynamicConfig } from './resolved.js';
import type { BackendConfig, BackendKey } from './schema.js';

/** What stands for the key. */
const PLACEHOLDER = '{route}';

/** A label in its place, to check all that does not depend on the key. */
const SAMPLE = 'route';

/** Longest name that DNS has. */
const MAX_HOST_LENGTH = 253;

/** The text with a key in the place that is one's. */
export function withSampleKey(text: string): string {
  return text.replace(PLACEHOLDER, SAMPLE);
}

/** Checks a template and completes it; `undefined` where a problem, which is among the findings, leaves nothing of it. */
export function resolveTemplate(
  options: BackendConfig,
  at: BackendSource['at'],
  findings: Findings,
  { surroundings, hosts }: Outside,
): Pick<DynamicConfig, 'lookUp' | 'source'> | undefined {
  checkPlaceholder(options, at, findings);
  if ((options.exporter ?? 'signalbox') !== 'signalbox') {
    findings.problem(at('exporter'), 'can not be made for each key', 'leave it out');
  }
  const { endpoint, tracesEndpoint } = options;
  const sampleOptions = {
    ...options,
    ...(endpoint !== undefined && { endpoint: sampleOf(endpoint) }),
    ...(tracesEndpoint !== undefined && { tracesEndpoint: sampleOf(tracesEndpoint) }),
  };
  const name = templateName(SAMPLE);
  // Whoever may choose a key chooses a name, and who answers for the suffix what it stands for.
  const own = withCaches(surroundings, Object.freeze({ ...hosts, refusePrivate: true }));
  const source = resolveBackend(name, sampleOptions, at, findings, own);
  if (source?.url === undefined) return undefined;
  return { source, lookUp: createTemplateLookup(source, new URL(source.url)) };
}

/** The name of the backend that belongs to a key. No configured one can have it: none has a slash. */
export function templateName(key: string): string {
  return `template/${key}`;
}

/** Makes the function from a key to its backend; `undefined` for a key that is not one lower-case DNS label. */
function createTemplateLookup(
  source: Backend,
  { protocol, host, hostname, href }: URL,
): (key: string) => Backend | undefined {
  const scheme = `${protocol}//`;
  const suffix = hostname.slice(SAMPLE.length);
  const rest = host.slice(SAMPLE.length) + href.slice(scheme.length + host.length);
  return (key) => {
    if (!isLabel(key) || key.length + suffix.length > MAX_HOST_LENGTH) return undefined;
    const url = `${scheme}${key}${rest}`;
    // The grammar above should be enough. It is asked all the same who it is that a client would send to: a label may
    // be refused, or read as another one, by the rules of international names (`xn--`).
    const isExact = URL.canParse(url) && new URL(url).href === url;
    if (!isExact || new URL(url).hostname !== key + suffix) return undefined;
    return Object.freeze({ ...source, name: templateName(key), url });
  };
}

/** RFC 1123, section 2.1, in lower case. */
function isLabel(key: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(key);
}

function checkPlaceholder(
  options: BackendConfig,
  at: BackendSource['at'],
  findings: Findings,
): void {
  const { endpoint, tracesEndpoint, headers, ...others } = options;
  for (const [key, text] of Object.entries({ endpoint, tracesEndpoint })) {
    if (text === undefined || isPattern(text)) continue;
    findings.problem(
      at(key as BackendKey),
      `does not have ${PLACEHOLDER} once, as the left-most label of its host`,
      `such as https://${PLACEHOLDER}.data.example`,
    );
  }
  for (const [key, value] of Object.entries({ ...others, ...headers })) {
    if (typeof value !== 'string' || !value.includes(PLACEHOLDER)) continue;
    const place = key in others ? at(key as BackendKey) : at('headers');
    findings.problem(place, `has ${PLACEHOLDER}, which counts in the host alone`, 'leave it out');
  }
}

/** What is no pattern has been told of: it is replaced, so that nothing else is said of it. */
function sampleOf(text: string): string {
  return isPattern(text) ? withSampleKey(text) : `https://${SAMPLE}.invalid`;
}

/** Whether the placeholder is the left-most label of a host, not all of it, and nowhere else. */
function isPattern(text: string): boolean {
  return (
    /^https?:\/\/\{route\}\.[^{}]+$/i.test(text.trim()) && text.split(PLACEHOLDER).length === 2
  );
}
