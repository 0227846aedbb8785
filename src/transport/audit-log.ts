import { appendFile, rename, stat } from 'node:fs/promises';
import type { Log } from '../accounting/log.js';
import type { AuditEvent } from '../config/audit-event.js';
import { runDetached } from '../detached.js';
import { codeOf } from '../error-code.js';

/** A file of this size is put aside. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** How many older files are kept: `<path>.1` is the youngest. */
const KEPT_FILES = 4;
/** How much may wait to be written. A disk that hangs must not fill the memory. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes audit events as lines of JSON. Nothing here throws or rejects. */
export interface AuditLog {
  write(event: AuditEvent): void;
  /** Resolves when all that was written so far is on disk, or could not be. */
  flush(): Promise<void>;
}

/** What an audit log depends on. */
export interface AuditLogParts {
  readonly log: Pick<Log, 'warn'>;
  /** @default 16 MiB */
  readonly maxFileBytes?: number;
  /** Where `stderr` is. @default the process's */
  readonly stderr?: { write(text: string): unknown };
}

/**
 * Creates the log of a file, or of `stderr`.
 *
 * A file is for this user alone (0600), as it names people. It is appended to, in the order of the events and by one
 * write at a time, and put aside when it is full. What can not be written is lost, and logged: an audit never holds up
 * an export.
 */
export function createAuditLog(target: string, parts: AuditLogParts): AuditLog {
  const { log, maxFileBytes = MAX_FILE_BYTES, stderr = process.stderr } = parts;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const text = waiting.join('');
      waiting = [];
      waitingBytes = 0;
      try {
        await rotate(target, maxFileBytes);
        await appendFile(target, text, { mode: 0o600 });
      } catch (error) {
        lose(`can not be written (${codeOf(error)})`);
      }
    }
    writing = undefined;
  }

  function lose(why: string): void {
    log.warn(`audit log ${why}`, `the audit log ${JSON.stringify(target)} ${why}: events are lost`);
  }

  return {
    write(event) {
      const line = `${JSON.stringify(event)}\n`;
      if (target === 'stderr') {
        stderr.write(line);
        return;
      }
      if (waitingBytes + line.length > MAX_WAITING_BYTES) {
        lose('is slower than its events come');
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      writing ??= runDetached(writeAll);
    },
    flush: () => writing ?? Promise.resolve(),
  };
}

async function rotate(path: string, maxBytes: number): Promise<void> {
  if ((await sizeOf(path)) < maxBytes) return;
  for (let age = KEPT_FILES; age > 0; age -= 1) {
    await moveAside(age === 1 ? path : `${path}.${age - 1}`, `${path}.${age}`);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function moveAside(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // There are not so many of them yet.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
