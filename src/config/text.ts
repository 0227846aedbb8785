import type { Fault } from './findings.js';

/** A text taken apart, or what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly fault: Fault };

/** A whole number in plain digits: no sign, exponent, unit, fraction or leading zero. */
export function parseInteger(text: string): number | undefined {
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** Names separated by commas. */
export function parseNames(text: string): Parsed<readonly string[]> {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) return fault('has an empty name', 'names separated by single commas');
  if (new Set(names).size < names.length) return fault('has a name twice', 'each name once');
  return { value: names };
}

/**
 * Headers as in `OTEL_EXPORTER_OTLP_HEADERS` (the W3C Baggage format without metadata): pairs `name=value`
 * separated by commas, each side percent-encoded.
 *
 * OpenTelemetry passes over what it can not read; here that is a fault, so that no credential is left out
 * in silence. A fault counts pairs and shows none, because a misplaced comma makes a name of a secret.
 */
export function parseHeaders(text: string): Parsed<Record<string, string>> {
  const headers = new Map<string, string>();
  for (const [index, pair] of text.split(',').entries()) {
    const result = parseHeader(pair);
    if ('fault' in result) {
      return fault(`pair ${index + 1} ${result.fault.what}`, result.fault.hint);
    }
    const [name, value] = result.value;
    if (headers.has(name)) {
      return fault(`pair ${index + 1} repeats an earlier name`, 'each name once, in any case');
    }
    headers.set(name, value);
  }
  return { value: Object.fromEntries(headers) };
}

/** One pair of {@link parseHeaders}, its name in lower case. */
export function parseHeader(pair: string): Parsed<readonly [name: string, value: string]> {
  const separator = pair.indexOf('=');
  if (separator < 0) {
    return fault('has no "="', 'name=value pairs; a comma inside a value is %2C');
  }
  if (pair.includes(';')) return fault('has a ";"', 'write it as %3B');
  const name = decode(pair.slice(0, separator).trim());
  const value = decode(pair.slice(separator + 1).trim());
  if (name === undefined || value === undefined) {
    return fault('has a "%" that begins no percent-encoding', 'write it as %25');
  }
  if (name === '' || value === '') {
    return fault('has an empty name or value', 'a name and a value on the two sides of "="');
  }
  return { value: [name.toLowerCase(), value] };
}

/** Routes: `key=backend[+backend...]`, separated by commas. */
export function parseRoutes(text: string): Parsed<Record<string, readonly string[]>> {
  const routes = new Map<string, readonly string[]>();
  for (const [index, route] of text.split(',').entries()) {
    const [key, backends, ...rest] = route.split('=').map((part) => part.trim());
    if (!key || !backends || rest.length > 0) {
      return fault(`route ${index + 1} can not be read`, 'key=backend or key=backend+backend');
    }
    if (routes.has(key)) return fault(`route ${index + 1} repeats a key`, 'each key once');
    routes.set(key, parseBackends(backends));
  }
  return { value: Object.fromEntries(routes) };
}

/** The right side of a route: `backend[+backend...]`. */
export function parseBackends(text: string): readonly string[] {
  return text.split('+').map((name) => name.trim());
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // The one thing it throws is URIError, for a sequence that is no UTF-8.
    return undefined;
  }
}

function fault(what: string, hint: string): { readonly fault: Fault } {
  return { fault: { what, hint } };
}
