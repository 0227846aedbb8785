import type { RoutingSpanProcessor } from '../routing/processor.js';

/**
 * Has `SIGUSR2` ask for a heap profile: an application without code for it has no other way to. Only where `memprof` is
 * configured, since the signal would else end the process, as it does by default.
 */
export function profileOnSignal(processor: RoutingSpanProcessor, host: NodeJS.Process): void {
  host.on('SIGUSR2', () => {
    void processor.sendHeapProfile();
  });
}
