import { statSync } from 'node:fs';

/**
 * What is wrong with a directory that is to be written to, in words that follow its name.
 *
 * One that does not exist can be made later, and one that can not be written to now may be then: only what
 * can never become a directory is a fault.
 */
export function directoryFault(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : 'is not a directory';
  } catch (error) {
    const isBelowFile = error instanceof Error && 'code' in error && error.code === 'ENOTDIR';
    return isBelowFile ? 'lies below a file' : undefined;
  }
}
