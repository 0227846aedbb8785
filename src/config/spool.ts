import path from 'node:path';
import type { BackendSource } from './backend-source.js';
import type { Backend } from './resolved.js';
import { type BackendKey, backendSettings } from './schema.js';

/** What has a meaning beside a spool's directory alone. */
const bounds: readonly BackendKey[] = ['spoolMaxBytes', 'spoolMaxAgeMs'];

/** Completes where one backend's batches wait on disk; what can not be is among the findings. */
export function resolveSpool({
  options,
  findings,
  at,
  surroundings,
}: BackendSource): Backend['spool'] {
  const { spoolDir, spoolMaxBytes, spoolMaxAgeMs, exporter = 'signalbox' } = options;
  if (spoolDir === undefined) {
    for (const key of bounds) {
      if (options[key] === undefined || findings.has(at('spoolDir'))) continue;
      findings.warn(
        at(key),
        `has no effect without ${at('spoolDir')}`,
        'set both, or leave it out',
      );
    }
    return undefined;
  }
  if (exporter !== 'signalbox') {
    const hint = 'use the exporter signalbox, with a dispatcher if need be, or leave it out';
    findings.problem(at('spoolDir'), 'can not hold what this exporter sends', hint);
    return undefined;
  }
  const dir = path.resolve(spoolDir);
  const fault = surroundings.directoryFault(dir);
  if (fault !== undefined) {
    findings.problem(
      at('spoolDir'),
      `names ${JSON.stringify(spoolDir)}, which ${fault}`,
      'a directory',
    );
  }
  return Object.freeze({
    dir,
    maxBytes: spoolMaxBytes ?? backendSettings.spoolMaxBytes.default,
    maxAgeMs: spoolMaxAgeMs ?? backendSettings.spoolMaxAgeMs.default,
  });
}
