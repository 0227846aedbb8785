import type { Fault } from './findings.js';
import type { RouteBackend } from './options.js';
import type { RouteTarget } from './resolved.js';

/** What one backend of a route may be written as. */
export type RouteEntry = string | RouteBackend;

/** The whole of a route's spans, in millionths. */
export const WHOLE_SHARE = 1_000_000;

/** The name of a backend as a route has it. */
export function backendOf(entry: RouteEntry): string {
  return typeof entry === 'string' ? entry : entry.backend;
}

/** A share such as `10%` or `0.25%`, with up to four decimals, in millionths; `undefined` for anything else. */
export function parseShare(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.\d{1,4})?%$/.test(text)) return undefined;
  const share = Math.round(Number(text.slice(0, -1)) * 10_000);
  return share <= WHOLE_SHARE ? share : undefined;
}

/** A share as it is written. */
export function formatShare(share: number): string {
  return `${share / 10_000}%`;
}

/** What a target gets, in a few words; nothing for one that gets every span and is no shadow. */
export function describeTarget({ role, share }: Pick<RouteTarget, 'role' | 'share'>): string {
  const words = [
    ...(role === 'shadow' ? ['shadow'] : []),
    ...(share === undefined ? [] : [formatShare(share)]),
  ];
  return words.join(', ');
}

/** What each backend of a route gets; `undefined` where that is every span, and no backend is a shadow. */
export function readTargets(entries: readonly RouteEntry[]): readonly RouteTarget[] | undefined {
  const targets = entries.map((entry): RouteTarget => {
    const { role = 'primary', share } = typeof entry === 'string' ? {} : entry;
    return Object.freeze({
      backend: backendOf(entry),
      role,
      share: share === undefined ? undefined : parseShare(share),
    });
  });
  const isPlain = targets.every(({ role, share }) => role === 'primary' && share === undefined);
  return isPlain ? undefined : Object.freeze(targets);
}

/** What is wrong with the roles and shares of a route. */
export function listTargetFaults(entries: readonly RouteEntry[]): Fault[] {
  const faults: Fault[] = [];
  for (const entry of entries) {
    if (typeof entry === 'string' || entry.share === undefined) continue;
    if (parseShare(entry.share) !== undefined) continue;
    const what = `gives ${entry.backend} a share that can not be read`;
    faults.push({ what, hint: 'a part of 100%, such as 10% or 0.5%' });
  }
  if (faults.length > 0) return faults;
  const targets = readTargets(entries) ?? [];
  if (targets.length > 0 && targets.every(({ role }) => role === 'shadow')) {
    const hint = 'one backend at least that is no shadow';
    faults.push({ what: 'has shadows alone', hint });
  }
  const shares = targets.flatMap(({ role, share = [] }) => (role === 'primary' ? share : []));
  const sum = shares.reduce((total, share) => total + share, 0);
  if (shares.length > 0 && sum !== WHOLE_SHARE) {
    const what = `has shares that add to ${formatShare(sum)}`;
    faults.push({ what, hint: 'shares of backends that are no shadows add to 100%' });
  }
  return faults;
}
