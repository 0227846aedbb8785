import { createHash } from 'node:crypto';
import type { Backend } from '../../config/resolved.js';

/** What of a backend decides whose data it takes. */
export type Identity = Pick<Backend, 'name' | 'url' | 'headers' | 'parent'>;

/**
 * Names of headers, and of parameters of a URL's query, whose values are credentials. Such a value is
 * rotated, and must not tell the account.
 */
const CREDENTIAL =
  /^(proxy-)?authorization$|^cookie$|(^|[-_])(api[-_]?key|access[-_]?key|token|secret|password|signature|credential)s?$/i;

/**
 * The fingerprint of a backend: a file is sent only to one with the same.
 *
 * It is a hash over the backend's name, its URL, its parent, and what tells the account: every header and
 * parameter of the query, but for the values of credentials. Of those only the user of `Basic`
 * credentials, or of the URL, counts, since an account's keys are rotated while its files wait. So a key
 * that is replaced by one of **another** account, under the same name, URL and parent, is not noticed:
 * whoever does that has to rename the backend, or to empty its spool first.
 *
 * A header that is not known to be a credential counts with its value: where one is rotated, the files of
 * before are set aside, which is the safer mistake.
 */
export function fingerprintOf({ name, url, headers, parent }: Identity): string {
  const identity = [name, describeUrl(url), parent ?? null, describeHeaders(headers)];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function describeUrl(text: string | undefined): readonly unknown[] {
  if (text === undefined || !URL.canParse(text)) return [text ?? null];
  const url = new URL(text);
  const query = Array.from(url.searchParams).filter(([name]) => !CREDENTIAL.test(name));
  return [url.origin, url.pathname, query.sort(byName), url.username];
}

function describeHeaders(headers: Backend['headers']): readonly unknown[] {
  return Object.entries(headers)
    .flatMap(([name, value]) => {
      if (!CREDENTIAL.test(name)) return [[name.toLowerCase(), value] as const];
      const user = basicUserOf(value);
      return user === undefined ? [] : [[name.toLowerCase(), user] as const];
    })
    .sort(byName);
}

function basicUserOf(value: string): string | undefined {
  const [scheme = '', credentials = ''] = value.split(' ');
  if (scheme.toLowerCase() !== 'basic') return undefined;
  return Buffer.from(credentials, 'base64').toString().split(':', 1)[0];
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : Number(a > b);
}
