import { formatGroups } from './class-text.js';
import { parseUrl } from './endpoint.js';
import type { Setting } from './schema.js';

/** What stands in place of a secret. */
export const MASK = '****';

/** A setting's value as it may be shown. */
export type ShownValue =
  | string
  | number
  | boolean
  | readonly string[]
  | Readonly<Record<string, string | readonly string[]>>;

/** The value of a setting without what is secret in it: of a compound one the names of its parts stay. */
export function maskValue(value: unknown, { form, isSecret = false }: Setting): ShownValue {
  if (typeof value === 'number' || typeof value === 'boolean') return isSecret ? MASK : value;
  if (typeof value === 'string') return maskText(value, isSecret);
  if (form === 'groups') return formatGroups(value);
  if (Array.isArray(value)) return value.map((each) => maskText(String(each), isSecret));
  return Object.fromEntries(
    Object.entries(value ?? {}).map(([name, part]) => [name, maskPart(part, isSecret)]),
  );
}

function maskPart(part: unknown, isSecret: boolean): string | readonly string[] {
  return Array.isArray(part)
    ? part.map((each) => maskText(String(each), isSecret))
    : maskText(String(part), isSecret);
}

function maskText(text: string, isSecret: boolean): string {
  return isSecret ? MASK : maskUrl(text);
}

/** A URL without its user-info, query and fragment, which may hold credentials; any other text as it is. */
export function maskUrl(text: string): string {
  if (!text.includes('://')) return text;
  const url = parseUrl(text);
  if (url === undefined) return MASK;
  const hasUserInfo = url.username !== '' || url.password !== '';
  if (!hasUserInfo && url.search === '' && url.hash === '') return text;
  const userInfo = hasUserInfo ? `${MASK}@` : '';
  const query = url.search === '' ? '' : `?${MASK}`;
  const fragment = url.hash === '' ? '' : `#${MASK}`;
  return `${url.protocol}//${userInfo}${url.host}${url.pathname}${query}${fragment}`;
}

/** Whether {@link maskValue} hides something of a value. */
export function hasSecret(value: unknown, setting: Setting): boolean {
  return setting.isSecret === true || JSON.stringify(maskValue(value, setting)).includes(MASK);
}
