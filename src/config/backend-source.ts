import type { Fault, Findings } from './findings.js';
import type { HostPolicy } from './host-guard.js';
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

/** Surroundings that answer the same question once, and what all backends have in common. */
export interface CachedSurroundings extends Surroundings {
  /** What is wrong with certificate authorities in PEM. */
  readonly authoritiesFault: (pem: string) => Fault | undefined;
  /** Where requests may go. */
  readonly hosts: HostPolicy;
}

/** What the backends of keys are made with, each when its key comes. */
export interface Outside {
  readonly surroundings: Surroundings;
  /** The attribute that carries the route key; empty for none. */
  readonly routeAttribute: string;
  /** Where configured backends may be. */
  readonly hosts: HostPolicy;
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
export function withCaches(
  { readFile, ...others }: Surroundings,
  hosts: HostPolicy,
): CachedSurroundings {
  return {
    readFile: createFileCache(readFile),
    authoritiesFault: createAuthoritiesCheck(),
    hosts,
    ...others,
  };
}
