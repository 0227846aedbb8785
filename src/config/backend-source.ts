import type { Fault, Findings } from './findings.js';
import type { Preset } from './presets.js';
import type { BackendConfig, BackendKey } from './schema.js';
import type { LoadPackage } from './stock-exporter.js';
import { createFileCache, type ReadTextFile } from './text-file.js';
import { createAuthoritiesCheck } from './tls.js';

/** What lies outside the configuration and is read for it. */
export interface Surroundings {
  readonly readFile: ReadTextFile;
  readonly loadPackage: LoadPackage;
  /** What is wrong with a directory that is to be written to, in words that follow its name. */
  readonly directoryFault: (path: string) => string | undefined;
}

/** Surroundings that answer the same question once. */
export interface CachedSurroundings extends Surroundings {
  /** What is wrong with certificate authorities in PEM. */
  readonly authoritiesFault: (pem: string) => Fault | undefined;
}

/** One backend's options, which have passed the schema, and what is needed to complete them. */
export interface BackendSource {
  readonly surroundings: CachedSurroundings;
  readonly options: BackendConfig;
  readonly preset: Preset;
  readonly findings: Findings;
  /** Where an option of this backend stands, or would. */
  readonly at: (key: BackendKey, part?: string) => string;
}

/** Backends often share files, such as a bundle of authorities: each is read and checked once. */
export function withCaches({ readFile, ...others }: Surroundings): CachedSurroundings {
  return {
    readFile: createFileCache(readFile),
    authoritiesFault: createAuthoritiesCheck(),
    ...others,
  };
}
