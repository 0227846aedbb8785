import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes a folder of the test's own, and returns its path. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Replaces a file by one of another content, in one step. */
export function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** A folder into which Kubernetes has mounted a secret. */
export interface MountedSecret {
  readonly path: (name: string) => string;
  /** Replaces all files in one step, as the kubelet does. */
  swap(contents: Readonly<Record<string, string>>): void;
}

/**
 * Mounts a secret as the kubelet does (`AtomicWriter`): each file is a link to `..data/<file>`, and `..data` one to a
 * folder with the files of one moment. A swap touches no file: it puts another link in the place of `..data`.
 */
export function mountSecret(contents: Readonly<Record<string, string>>): MountedSecret {
  const folder = makeFolder();
  let version = 0;
  let mounted: string | undefined;

  function swap(next: Readonly<Record<string, string>>): void {
    version += 1;
    const name = `..version_${version}`;
    mkdirSync(join(folder, name));
    for (const [file, content] of Object.entries(next)) {
      writeFileSync(join(folder, name, file), content);
    }
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    if (mounted !== undefined) rmSync(join(folder, mounted), { recursive: true });
    mounted = name;
  }

  swap(contents);
  for (const file of Object.keys(contents)) symlinkSync(join('..data', file), join(folder, file));
  return { path: (name) => join(folder, name), swap };
}
