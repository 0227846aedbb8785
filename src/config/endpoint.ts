import type { Fault } from './findings.js';
import type { Preset } from './presets.js';

/** A URL that can be posted to, or what is wrong with the text. */
export type ParsedUrl = { readonly url: URL } | { readonly fault: Fault };

/**
 * An absolute `http` or `https` URL. A query is allowed, since some receivers want one; user-info is not:
 * URLs are shown in many places, and credentials have settings of their own.
 */
export function parseEndpoint(text: string): ParsedUrl {
  const parsed = parseHttpUrl(text);
  if ('fault' in parsed) return parsed;
  const { url } = parsed;
  if (url.username !== '' || url.password !== '') {
    return fault('has credentials in its user-info', 'give them as API_KEY or in HEADERS');
  }
  if (url.hash !== '') return fault('has a fragment', 'leave out "#" and what follows it');
  return parsed;
}

/** A proxy's URL, `http` or `https`; its user-info is what the proxy asks for. */
export function parseProxy(text: string): ParsedUrl {
  const parsed = parseHttpUrl(text);
  if ('fault' in parsed) return parsed;
  const { pathname, search, hash } = parsed.url;
  return pathname === '/' && search === '' && hash === ''
    ? parsed
    : fault('is more than the address of a proxy', 'such as http://proxy.example.com:3128');
}

/** Any URL; `undefined` for what is none. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    // All that it throws is that the text is no URL. Its message has the text, which may hold a password.
    return undefined;
  }
}

function parseHttpUrl(text: string): ParsedUrl {
  const url = parseUrl(text);
  return url?.protocol === 'http:' || url?.protocol === 'https:'
    ? { url }
    : fault('is not an http or https URL', 'such as https://otlp.example.com');
}

/** A base URL with the preset's path, or what is missing of it, at its end. */
export function withPath({ origin, pathname, search }: URL, { path, knownBases }: Preset): string {
  const trimmed = pathname.replace(/\/+$/, '');
  const known = knownBases.find((part) => trimmed.endsWith(part)) ?? '';
  const missing = trimmed.endsWith(path) ? '' : path.slice(known.length);
  return origin + trimmed + missing + search;
}

function fault(what: string, hint: string): { readonly fault: Fault } {
  return { fault: { what, hint } };
}
