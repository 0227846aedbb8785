import { expect } from 'vitest';
import { onTerminal } from '../cli/command.js';

/** What `signalbox collector-config` prints for this environment. */
export async function collectorConfig(
  env: NodeJS.ProcessEnv,
  ...options: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await onTerminal(['collector-config', ...options], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
