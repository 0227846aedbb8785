import { emit } from './log.js';

const warned = new Set<string>();

/** Warns through `diag`, once per process and key, of a mistake that no processor is there to count. */
export function warnOnce(key: string, message: string): void {
  if (warned.has(key)) return;
  warned.add(key);
  emit('warn', message);
}
