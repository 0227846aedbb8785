import type { ConfigProblem } from './error.js';
import { isSameMonitoring } from './monitoring.js';
import type { ResolvedConfig } from './resolved.js';

/**
 * What a processor was built around: spans are parked, encoded and counted by it from the first on, and those of before
 * and after a change could not be told apart.
 */
const fixed = [
  'routeAttribute',
  'parkMaxSpans',
  'parkTimeoutMs',
  'parkOverflow',
  'meterProvider',
  'auditLog',
] as const satisfies readonly (keyof ResolvedConfig)[];

/** The settings that `next` would change and that can not change while the processor runs. */
export function listFixedChanges(current: ResolvedConfig, next: ResolvedConfig): ConfigProblem[] {
  const changed: (keyof ResolvedConfig)[] = fixed.filter((key) => current[key] !== next[key]);
  if (!isSameMonitoring(current.monitoring, next.monitoring)) changed.push('monitoring');
  return changed.map((key) => ({
    where: key,
    what: 'can not change while the processor runs',
    hint: 'leave it as it was, or make a new processor',
  }));
}
