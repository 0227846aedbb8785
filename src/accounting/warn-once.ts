import { diag } from '@opentelemetry/api';

const warned = new Set<string>();

/** Warns through `diag`, once per process and key, of a mistake that no processor is there to count. */
export function warnOnce(key: string, message: string): void {
  if (warned.has(key)) return;
  warned.add(key);
  try {
    diag.warn(`signalbox: ${message}`);
  } catch {
    // The application's own logger threw: nobody is left to tell, and the caller is its request.
  }
}
