import { onTestFinished } from 'vitest';
import type { FaultReceiver } from './fault-receiver.js';
import type { WatchedService } from './watched-service.js';

/** Ends spans for each of these backends, time and again, until it is stopped. */
export function load(service: WatchedService, ...names: readonly string[]) {
  const ids = new Map<string, string[]>(names.map((name) => [name, []]));
  const timer = setInterval(() => {
    for (const [name, made] of ids) made.push(...service.makeSpans(name, 3));
  }, 2);
  const stop = (): void => clearInterval(timer);
  onTestFinished(stop);
  return {
    stop,
    of: (name: string): readonly string[] => ids.get(name) ?? [],
  };
}

/** What was taken of one backend's spans, each as often as it was. */
export function takenOf(receiver: FaultReceiver, name: string): string[] {
  return receiver.spans(name).map(({ spanId }) => spanId);
}
