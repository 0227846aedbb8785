import { vi } from 'vitest';

/** Resolves once `condition` holds, for what nothing announces; fails where it does not within 10 s. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: 10_000, interval: 10 });
}
