import type { RoutingStats } from '../accounting/stats.js';

/**
 * The spans that no backend has taken yet, in words such as `3 for acme, 1 whose route is open`; `undefined` where
 * there are none.
 */
export function undeliveredSpans({ parked, backends }: RoutingStats): string | undefined {
  const held = Object.entries(backends).flatMap(([name, { queued, inFlight }]) =>
    queued + inFlight > 0 ? [`${queued + inFlight} for ${name}`] : [],
  );
  if (parked > 0) held.push(`${parked} whose route is open`);
  return held.length === 0 ? undefined : held.join(', ');
}
