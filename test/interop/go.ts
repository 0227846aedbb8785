import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedPath, readTexts } from './cache.js';

/** Where Go is commonly installed, besides the PATH. */
const LOCATIONS = ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go'];

/** The Go command of this machine and its version, such as `go1.26.0`; `undefined` where there is none. */
export function findGo(): { readonly path: string; readonly version: string } | undefined {
  for (const path of LOCATIONS) {
    const { status, stdout } = spawnSync(path, ['env', 'GOVERSION'], { encoding: 'utf8' });
    if (status === 0) return { path, version: stdout.trim() };
  }
  return undefined;
}

/** What can be built with {@link buildWithGo}. */
export interface GoProgram {
  /** What it is called, in the cache and in messages. */
  readonly name: string;
  /** The directory of its module, with go.mod and go.sum: exact versions, with their checksums. */
  readonly directory: string;
  /** Files of that directory that it is made from. */
  readonly files: readonly string[];
  /** The package that is built. */
  readonly target: string;
  /** Longest that the build may take. */
  readonly timeoutMs: number;
}

/**
 * Builds a program from the Go module proxy, unless the cache has it.
 *
 * @returns its path, or what is wrong.
 */
export function buildWithGo(
  program: GoProgram,
): { readonly path: string } | { readonly fault: string } {
  const { name, directory, files, target, timeoutMs } = program;
  const go = findGo();
  if (go === undefined) {
    return {
      fault: `${name} is built with Go 1.25 or later, and there is none: install it from https://go.dev/dl`,
    };
  }
  const path = cachedPath(name, go.version, ...readTexts(directory, ...files));
  if (existsSync(path)) return { path };
  console.log(`Building ${name} with ${go.version}, once; it takes some minutes.`);
  const startedAt = Date.now();
  // Into its place at once and whole, whoever else builds it.
  const workplace = mkdtempSync(join(dirname(path), 'build-'));
  try {
    const built = join(workplace, name);
    const { status, stderr, error } = spawnSync(
      go.path,
      ['build', '-mod=readonly', '-ldflags=-s -w', '-o', built, target],
      { cwd: directory, encoding: 'utf8', timeout: timeoutMs },
    );
    if (status !== 0) {
      const reason = error?.message ?? stderr.trim().split('\n').slice(-3).join('\n');
      return { fault: `${name} could not be built with ${go.version}: ${reason}` };
    }
    renameSync(built, path);
    console.log(`Built ${name} in ${Math.round((Date.now() - startedAt) / 1000)} s: ${path}`);
    return { path };
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}
