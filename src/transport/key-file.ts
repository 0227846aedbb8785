import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import { headerValueFault } from '../config/headers.js';
import type { Backend } from '../config/resolved.js';
import { type ApiKey, createKeyInForce } from './api-key.js';
import type { WatchedFiles } from './watched-files.js';
import { within } from './within.js';

/** What the API key in a file depends on. */
export interface KeyFileParts {
  readonly backend: Pick<Backend, 'name' | 'timeoutMs'>;
  readonly path: string;
  /** What the file had when the configuration was read. */
  readonly first: string | undefined;
  readonly files: WatchedFiles;
  readonly log: Pick<Log, 'warn'>;
  readonly clock: Pick<Clock, 'now' | 'schedule'>;
  /** Told of every key before it is used. */
  readonly onKey: (key: string) => void;
}

/**
 * Reads the API key from a file, now and whenever the file changes. While the file is missing, or what it has can be
 * no key, the last good key stays in force.
 */
export function createKeyFile(parts: KeyFileParts): ApiKey {
  const { backend, path, first, files, log, clock, onKey } = parts;
  const inForce = createKeyInForce(first, onKey);
  const watch = files.watch([path], readAgain);
  // A file system that hangs holds up the first request alone, and that no longer than a backend would.
  const firstRead = within(watch.ready, backend.timeoutMs, clock);

  function readAgain(): void {
    const content = watch.content(path);
    if (content === undefined) return;
    if ('what' in content) {
      warn(content.what);
      return;
    }
    const key = content.text.trim();
    const fault = headerValueFault(key);
    if (fault === undefined) inForce.replace(key);
    else warn(fault.what);
  }

  function warn(what: string): void {
    log.warn(
      `${backend.name} ${path} ${what}`,
      `backend ${backend.name}: the file of its API key, ${JSON.stringify(path)}, ${what}; the last good key is used`,
    );
  }

  return {
    async get() {
      await firstRead;
      return inForce.key;
    },
    refused(key) {
      // Sooner than its directory's next look, which may be a minute off where changes are not reported.
      if (key === inForce.key) void watch.refresh();
      return inForce.otherThan(key);
    },
    close: () => watch.close(),
  };
}
