import { expect } from 'vitest';
import type { RoutingStats } from '../../src/accounting/stats.js';

/** Asserts both laws of "Every span is accounted for" on one snapshot. */
export function expectLaws(stats: RoutingStats): void {
  const backends = Object.entries(stats.backends);
  expect(stats.ended, 'ended = routed + dropped + parked').toBe(
    stats.routed + sum(stats.dropped) + stats.parked,
  );
  expect(
    backends.reduce((total, [, { accepted }]) => total + accepted, 0),
    'sum of accepted = targets - filtered',
  ).toBe(stats.targets - stats.filtered);
  for (const [name, backend] of backends) {
    const { accepted, recovered, movedIn, delivered, queued, inFlight, spooled, movedOut } =
      backend;
    expect(accepted + recovered + movedIn, `the law of backend ${name}`).toBe(
      delivered + sum(backend.dropped) + queued + inFlight + spooled + movedOut,
    );
  }
}

/** All that was dropped, for whatever reason. */
export function sum(dropped: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(dropped).reduce((total: number, count = 0) => total + count, 0);
}
