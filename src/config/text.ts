import type { Fault } from './findings.js';
import { isRouteKey } from './route-key.js';

/** A text taken apart, or what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly fault: Fault };

/** A list taken apart: what can be read of it, and what is wrong with the rest. */
export interface ParsedList<T> {
  readonly value: T;
  readonly faults: readonly Fault[];
}

/** A whole number in plain digits: no sign, exponent, unit, fraction or leading zero. */
export function parseInteger(text: string): number | undefined {
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** Names separated by commas, each once. */
export function parseNames(text: string): ParsedList<readonly string[]> {
  const names = text.split(',').map((name) => name.trim());
  const unique = new Set(names.filter((name) => name !== ''));
  const faults: Fault[] = [];
  if (names.includes('')) {
    faults.push({ what: 'has an empty name', hint: 'names separated by single commas' });
  }
  if (unique.size < names.filter((name) => name !== '').length) {
    faults.push({ what: 'has a name twice', hint: 'each name once' });
  }
  return { value: [...unique], faults };
}

/**
 * Headers as in `OTEL_EXPORTER_OTLP_HEADERS` (the W3C Baggage format without metadata): pairs `name=value`
 * separated by commas, each side percent-encoded.
 *
 * OpenTelemetry passes over what it can not read; here that is a fault, so that no credential is left out
 * in silence. A fault counts pairs and shows none, because a misplaced comma makes a name of a secret.
 */
export function parseHeaders(text: string): ParsedList<Record<string, string>> {
  const headers = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [index, pair] of text.split(',').entries()) {
    const place = `pair ${index + 1}`;
    const parsed = parseHeader(pair);
    if ('fault' in parsed) {
      faults.push({ what: `${place} ${parsed.fault.what}`, hint: parsed.fault.hint });
    } else if (headers.has(parsed.value[0])) {
      faults.push({
        what: `${place} repeats an earlier name`,
        hint: 'each name once, in any case',
      });
    } else {
      headers.set(...parsed.value);
    }
  }
  return { value: Object.fromEntries(headers), faults };
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

/**
 * Limits by name: `name=number`, separated by commas. The last `=` counts, since names may have some. What is no number
 * stays text, which the schema then refuses.
 */
export function parseLimits(text: string): ParsedList<Record<string, string | number>> {
  const limits = new Map<string, string | number>();
  const faults: Fault[] = [];
  for (const [index, limit] of text.split(',').entries()) {
    const place = `limit ${index + 1}`;
    const separator = limit.lastIndexOf('=');
    const name = limit.slice(0, Math.max(separator, 0)).trim();
    const number = limit.slice(separator + 1).trim();
    if (name === '' || number === '') {
      faults.push({ what: `${place} can not be read`, hint: 'name=number, such as prompt*=256' });
    } else if (limits.has(name)) {
      faults.push({ what: `${place} repeats a name`, hint: 'each name once' });
    } else {
      limits.set(name, parseInteger(number) ?? number);
    }
  }
  return { value: Object.fromEntries(limits), faults };
}

/**
 * Routes: `key=backend[+backend...]`, separated by commas. One that can not be read is there with its key, if it
 * has one, and no backends, so that what refers to the key is not taken for a mistake too.
 */
export function parseRoutes(text: string): ParsedList<Record<string, readonly string[]>> {
  const routes = new Map<string, readonly string[]>();
  const faults: Fault[] = [];
  for (const [index, route] of text.split(',').entries()) {
    const place = `route ${index + 1}`;
    const [key, backends, ...rest] = route.split('=').map((part) => part.trim());
    const isReadable = key && backends && rest.length === 0;
    if (!isReadable) {
      const hint = 'key=backend or key=backend+backend';
      faults.push({ what: `${place} can not be read`, hint });
      if (isRouteKey(key) && !routes.has(key)) routes.set(key, []);
    } else if (routes.has(key)) {
      faults.push({ what: `${place} repeats a key`, hint: 'each key once' });
    } else {
      routes.set(key, parseBackends(backends));
    }
  }
  return { value: Object.fromEntries(routes), faults };
}

/**
 * One text for each route key: `key=text`, separated by commas, each key once. A text may be percent-encoded, for a comma
 * in it.
 */
export function parseByKey(text: string): ParsedList<Record<string, string>> {
  const values = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [index, pair] of text.split(',').entries()) {
    const place = `pair ${index + 1}`;
    // No route key has a "=".
    const separator = pair.indexOf('=');
    const key = pair.slice(0, Math.max(separator, 0)).trim();
    const value = decode(pair.slice(separator + 1).trim());
    if (key === '' || value === '') {
      faults.push({ what: `${place} can not be read`, hint: 'key=value, separated by commas' });
    } else if (value === undefined) {
      const what = `${place} has a "%" that begins no percent-encoding`;
      faults.push({ what, hint: 'write it as %25' });
    } else if (values.has(key)) {
      faults.push({ what: `${place} repeats a key`, hint: 'each key once' });
    } else {
      values.set(key, value);
    }
  }
  return { value: Object.fromEntries(values), faults };
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
