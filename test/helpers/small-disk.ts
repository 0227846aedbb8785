import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { makeFolder } from './folder.js';

/**
 * A file system of so many KiB, which lasts as long as its test; `undefined` where this user may not mount one.
 */
export function mountSmallDisk(kibibytes: number): string | undefined {
  const folder = makeFolder();
  try {
    const options = `size=${kibibytes}k`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    // Whatever keeps it from being mounted: the test says what it does without.
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}
