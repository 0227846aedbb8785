import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import { ConfigError, type ConfigProblem } from '../../src/config/error.js';
import type { Backend, ResolvedConfig } from '../../src/config/resolved.js';

/** The problems of the `ConfigError` that `act` throws; none where it throws nothing. */
export function problemsOf(act: () => unknown): readonly ConfigProblem[] {
  try {
    act();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The problems as lines `where: what`, which is what most tests are about. */
export function problemLines(act: () => unknown): string[] {
  return problemsOf(act).map(({ where, what }) => `${where}: ${what}`);
}

/** A backend that has to be there. */
export function backendOf(config: ResolvedConfig, name: string): Backend {
  const backend = config.backends.get(name);
  if (backend === undefined) throw new Error(`no backend ${name}`);
  return backend;
}

/** Writes files into a folder of the test's own, and returns their paths. */
export function writeFiles<const N extends string>(contents: Record<N, string>): Record<N, string> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries<string>(contents)) {
    paths[name] = join(folder, name);
    writeFileSync(join(folder, name), content);
  }
  return paths as Record<N, string>;
}

/** Resolves an environment whose `SIGNALBOX_CONFIG_FILE` has this text. */
export function resolveText(text: string, env: NodeJS.ProcessEnv = {}): ResolvedConfig {
  const { 'signalbox.yaml': path } = writeFiles({ 'signalbox.yaml': text });
  return resolveFromEnv({ ...env, SIGNALBOX_CONFIG_FILE: path });
}
