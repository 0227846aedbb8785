import type { CheckedConfig } from './check.js';
import type { Findings, Where } from './findings.js';
import { nearest } from './nearest.js';
import type { Residency } from './resolved.js';

/**
 * Tells of classes that no rule is about, and of rules that are about no backend: no mistake where several services share
 * their settings, but a name that is misspelt keeps nothing apart.
 */
export function warnOfClasses(
  { backends = {}, template, resolveBackend }: CheckedConfig,
  { exclusive, required }: Residency,
  where: Where,
  findings: Findings,
): void {
  const ruled = new Set([...exclusive.flat(), ...required.values()]);
  const had = new Set<string>();
  const note = (name: string | undefined, place: string) => {
    if (name === undefined) return;
    had.add(name);
    if (ruled.has(name)) return;
    const near = nearest(name, ruled);
    const hint = near
      ? `did you mean ${near}?`
      : `name it in ${where(['exclusiveClasses'])}, or leave it out`;
    findings.warn(place, 'has no effect, as no rule names this class', hint);
  };
  for (const [name, options] of Object.entries(backends)) {
    note(options?.class, where(['backends', name, 'class']));
  }
  note(template?.class, where(['template', 'class']));
  // What it answers nobody knows yet.
  if (resolveBackend !== undefined) return;
  for (const name of new Set(exclusive.flat())) {
    if (had.has(name)) continue;
    const near = nearest(name, had);
    const hint = near ? `did you mean ${near}?` : 'set CLASS of the backends that have it';
    findings.warn(where(['exclusiveClasses']), `names ${name}, which no backend has`, hint);
  }
}
