import type { Clock } from '../clock.js';
import type { Resource } from '../sdk.js';

/**
 * Creates the function that waits for the pending attributes of resources: detectors find some of them,
 * such as a cloud's host id, only after the first spans have ended. `undefined` when nothing is pending.
 *
 * Never rejects, and waits for each resource no longer than `maxWaitMs`, once: a detector that never
 * answers costs its resource those attributes, and not the backend its spans.
 */
export function createResourceWait(
  clock: Clock,
  maxWaitMs: number,
): (resources: Iterable<Resource>) => Promise<unknown> | undefined {
  const waits = new WeakMap<Resource, Promise<void>>();

  function waitFor(resource: Resource): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.schedule(resolve, maxWaitMs);
      const done = () => {
        cancel();
        resolve();
      };
      // A resource that fails to find its attributes is exported without them.
      waitForAttributes(resource).then(done, done);
    });
  }

  return (resources) => {
    const pending = new Set<Promise<void>>();
    for (const resource of resources) {
      if (resource.asyncAttributesPending !== true) continue;
      const wait = waits.get(resource) ?? waitFor(resource);
      waits.set(resource, wait);
      pending.add(wait);
    }
    return pending.size === 0 ? undefined : Promise.all(pending);
  };
}

async function waitForAttributes(resource: Resource): Promise<void> {
  await resource.waitForAsyncAttributes?.();
}
