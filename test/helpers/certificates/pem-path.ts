import { fileURLToPath } from 'node:url';

/** Path of a PEM file among the tests' certificates, such as `client-key`, for settings that name a file. */
export function pemPath(file: string): string {
  return fileURLToPath(new URL(`./${file}.pem`, import.meta.url));
}
