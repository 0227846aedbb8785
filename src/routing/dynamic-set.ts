import type { DynamicConfig } from '../config/resolved.js';
import { isSameSource } from '../config/same-backend.js';
import type { Exporter } from '../exporter/exporter.js';
import type { DynamicBackends } from './dynamic-backends.js';
import type { DynamicRoutes } from './table.js';

/** The backends of keys of one processor: of the source that is configured, and of earlier ones that drain. */
export interface DynamicSet {
  /**
   * Puts a source in the place of the present one; the same one keeps what is open.
   *
   * @returns where keys are looked up from here on.
   */
  replace(next: DynamicConfig | undefined): DynamicRoutes | undefined;
  /** Every exporter that may hold spans. */
  exporters(): Exporter[];
  /** Stops watching what is open. */
  close(): void;
}

/** Creates the set, with no source, and with `create` making the backends of one. */
export function createDynamicSet(create: (config: DynamicConfig) => DynamicBackends): DynamicSet {
  let config: DynamicConfig | undefined;
  let current: DynamicBackends | undefined;
  let retired: readonly DynamicBackends[] = [];

  function all(): DynamicBackends[] {
    return [...retired, ...(current === undefined ? [] : [current])];
  }

  return {
    replace(next) {
      retired = retired.filter((each) => !each.isDrained());
      if (config !== undefined && next !== undefined && isSameSource(config, next)) {
        current?.configure(next);
      } else {
        if (current !== undefined) retired = [...retired, current];
        current?.retire();
        current = next && create(next);
      }
      config = next;
      return current;
    },
    exporters: () => all().flatMap((each) => each.exporters()),
    close() {
      for (const each of all()) each.close();
    },
  };
}
