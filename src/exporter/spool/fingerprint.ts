import { createHash } from 'node:crypto';
import type { Backend, BackendView } from '../../config/resolved.js';

/** What of a backend decides whose data it takes. */
export type Identity = Pick<Backend, 'name' | 'url' | 'headers' | 'parent' | 'credentials'> & {
  readonly view?: Backend['view'];
};

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
 * What the backend may see counts too, since a file holds what it might see when it was written: but for the key of
 * hashes, which tells nothing that a hash under another one would not, and the code of a function.
 *
 * Who can read a file could try keys against its hash; those that can be guessed should be none.
 */
export function fingerprintOf({ name, url, headers, parent, credentials, view }: Identity): string {
  const source = credentials?.apiKey;
  const identity = [
    name,
    describeUrl(url),
    parent ?? null,
    describeHeaders(headers, source === undefined),
    typeof source === 'string' ? source : typeof source,
    ...(view === undefined ? [] : [describeView(view)]),
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function describeView({ filter, attributes, change }: BackendView): readonly unknown[] {
  const { drop, hash, truncate } = attributes ?? {};
  const limits = Object.entries(truncate ?? {}).sort(byName);
  return [filter, drop ?? [], hash?.attributes ?? [], limits, change !== undefined];
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

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
