import { resolve } from 'node:path';
import type { BackendConfig } from './options.js';
import type { CredentialSources } from './resolved.js';

/**
 * Where a backend's credentials may be found again when they have changed; `undefined` where none can change.
 *
 * Paths are made absolute here, once: the application may change its working directory later.
 */
export function locateCredentials(options: BackendConfig): CredentialSources | undefined {
  const { apiKeyFile, credentials, certificate, clientCertificate, clientKey } = options;
  const apiKey = apiKeyFile === undefined ? credentials : resolve(apiKeyFile);
  const paths = {
    ...(certificate !== undefined && { ca: resolve(certificate) }),
    ...(clientCertificate !== undefined && { cert: resolve(clientCertificate) }),
    ...(clientKey !== undefined && { key: resolve(clientKey) }),
  };
  const tls = Object.keys(paths).length > 0 ? Object.freeze(paths) : undefined;
  if (apiKey === undefined && tls === undefined) return undefined;
  return Object.freeze({ apiKey, tls });
}
