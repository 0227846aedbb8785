import { createHash } from 'node:crypto';
import type { Backend } from '../../config/resolved.js';

/** What of a backend decides whose data it takes. */
export type Identity = Pick<Backend, 'name' | 'url' | 'headers' | 'parent' | 'credentials'>;

/**
 * The fingerprint of a backend: a file is sent only to one with the same.
 *
 * It is a hash over the backend's name, its URL, its parent, and what tells the account: every header and parameter of
 * the query. A key that is written into the configuration counts with its value, because another key may be another
 * account's, and nobody can tell: files of before it was replaced are set aside, which is the safer mistake.
 *
 * A key that comes from a file or a function counts by where it comes from, since such keys are rotated while files
 * wait. One of **another** account in the same place is not noticed: whoever does that has to rename the backend, or to
 * empty its spool first.
 *
 * Who can read a file could try keys against its hash; those that can be guessed should be none.
 */
export function fingerprintOf({ name, url, headers, parent, credentials }: Identity): string {
  const source = credentials?.apiKey;
  const identity = [
    name,
    describeUrl(url),
    parent ?? null,
    describeHeaders(headers, source === undefined),
    typeof source === 'string' ? source : typeof source,
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function describeUrl(text: string | undefined): readonly unknown[] {
  if (text === undefined || !URL.canParse(text)) return [text ?? null];
  const url = new URL(text);
  const query = Array.from(url.searchParams).sort(byName);
  return [url.origin, url.pathname, query, url.username, url.password];
}

function describeHeaders(headers: Backend['headers'], hasStaticKey: boolean): readonly unknown[] {
  return Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => hasStaticKey || name !== 'authorization')
    .sort(byName);
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : Number(a > b);
}
