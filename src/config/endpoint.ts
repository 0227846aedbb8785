import type { Fault } from './findings.js';
import type { Preset } from './presets.js';
import { backendSettings } from './schema.js';

/** A URL that can be posted to, or what is wrong with the text. */
export type ParsedUrl = { readonly url: URL } | { readonly fault: Fault };

/**
 * An absolute `http` or `https` URL. A query is allowed, since some receivers want one; user-info is not:
 * URLs are shown in many places, and credentials have settings of their own.
 */
export function parseEndpoint(text: string): ParsedUrl {
  const parsed = parseHttpUrl(text, 'such as https://otlp.example.com');
  if ('fault' in parsed) return parsed;
  const { url } = parsed;
  if (url.username !== '' || url.password !== '') {
    return fault('has credentials in its user-info', 'give them as the API key or in the headers');
  }
  if (url.hash !== '') return fault('has a fragment', 'leave out "#" and what follows it');
  return parsed;
}

/** A proxy's URL, `http` or `https`; its user-info is what the proxy asks for. */
export function parseProxy(text: string): ParsedUrl {
  const { hint } = backendSettings.proxy;
  const parsed = parseHttpUrl(text, hint);
  if ('fault' in parsed) return parsed;
  const { pathname, search, hash } = parsed.url;
  return pathname === '/' && search === '' && hash === ''
    ? parsed
    : fault('is more than the address of a proxy', hint);
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

function parseHttpUrl(text: string, hint: string): ParsedUrl {
  const url = parseUrl(text);
  return url?.protocol === 'http:' || url?.protocol === 'https:'
    ? { url }
    : fault('is not an http or https URL', hint);
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
