import type { IncomingHttpHeaders } from 'node:http';

// Anything else may be a credential: a backend's API key can go by any name.
const PLAIN = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'keep-alive',
  'transfer-encoding',
  'user-agent',
  'x-bt-parent',
]);

/** A header as the page may show it. */
export interface MaskedHeader {
  readonly name: string;
  readonly value: string;
}

/**
 * The headers of a request without what may be a credential: values of all but a few known headers become
 * `****`. Of `authorization` the scheme stays, since a missing `Bearer` is a mistake that people look for.
 */
export function maskHeaders(headers: IncomingHttpHeaders): MaskedHeader[] {
  return Object.entries(headers).map(([name, value]) => ({
    name,
    value: PLAIN.has(name) ? [value].flat().join(', ') : mask(name, value),
  }));
}

function mask(name: string, value: string | string[] | undefined): string {
  const scheme =
    name === 'authorization' && typeof value === 'string'
      ? /^(Basic|Bearer|Digest) /i.exec(value)?.[0]
      : undefined;
  return `${scheme ?? ''}****`;
}
