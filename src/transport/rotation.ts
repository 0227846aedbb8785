import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Backend, CredentialSources } from '../config/resolved.js';
import { createSystemClock } from '../system-clock.js';
import type { ApiKey } from './api-key.js';
import { createKeyCallback } from './key-callback.js';
import { createKeyFile } from './key-file.js';
import type { SendResult } from './result.js';
import { createTlsFiles } from './tls-files.js';
import { systemFiles, type WatchedFiles } from './watched-files.js';

/** What credentials that may change depend on. */
export interface RotationParts {
  /** @default none: nothing is logged */
  readonly log: Pick<Log, 'warn'>;
  /** @default the system's */
  readonly clock: Clock;
  /** @default the system's, which all backends of the process share */
  readonly files: WatchedFiles;
  /** From 0 to 1. @default Math.random */
  readonly random: () => number;
}

/** Whom a rotation tells of what is new. */
interface RotationListeners {
  /** Told of every API key before it is used. */
  readonly onKey: (key: string) => void;
  /** Told of every set of certificates that takes the place of another. */
  readonly onTls: (tls: Backend['tls']) => void;
}

/** The credentials that one request was sent with. */
export interface UsedCredentials {
  /** Value of the header, where the API key may change; the backend's headers have it where not. */
  readonly authorization: string | undefined;
  readonly key: string | undefined;
  readonly tls: Backend['tls'];
}

/** The credentials of one backend, as they change. */
export interface Rotation {
  /**
   * What the next request is to be sent with; `undefined` where there is no key yet. Without a promise where nothing
   * can change. Never rejects.
   */
  current(): UsedCredentials | Promise<UsedCredentials | undefined>;
  /** What a result means, given that there may be other credentials by now, or later. Never rejects. */
  reconsider(result: SendResult, used: UsedCredentials): Promise<SendResult>;
  close(): void;
}

const SCHEME = 'Bearer ';

/** Follows the credentials of one backend from here on; costs nothing where none can change. */
export function createRotation(
  backend: Backend,
  parts: Partial<RotationParts> & RotationListeners,
): Rotation {
  const { credentials } = backend;
  if (credentials === undefined) return unchanging;
  const { clock = createSystemClock(), files = systemFiles, random = Math.random } = parts;
  const { log = silent, onKey, onTls: onChange } = parts;
  const shared = { backend, files, log, clock, random, onKey, onChange };
  const { tls: paths } = credentials;
  const apiKey = createApiKey(credentials.apiKey);
  const tlsFiles = paths && createTlsFiles({ ...shared, paths });

  function createApiKey(source: CredentialSources['apiKey']): ApiKey | undefined {
    if (source === undefined) return undefined;
    if (typeof source === 'function') return createKeyCallback({ ...shared, callback: source });
    const first = backend.headers.authorization?.slice(SCHEME.length);
    return createKeyFile({ ...shared, path: source, first });
  }

  return {
    async current() {
      await tlsFiles?.ready;
      const key = await apiKey?.get();
      if (apiKey !== undefined && key === undefined) return undefined;
      const authorization = key === undefined ? undefined : `${SCHEME}${key}`;
      return { authorization, key, tls: tlsFiles?.current };
    },

    async reconsider(result, used) {
      if (result.status !== 'refused') return result;
      const { failure } = result;
      const { httpStatus } = failure;
      const isUnauthorized = httpStatus === 401 || httpStatus === 403;
      // Without a status it is the connection that was refused: one side's certificate, most likely.
      if (!isUnauthorized && httpStatus !== undefined) return result;
      await tlsFiles?.refresh();
      if (tlsFiles?.current !== used.tls) {
        return { status: 'unauthorized', failure, renewed: Promise.resolve() };
      }
      if (!isUnauthorized || apiKey === undefined || used.key === undefined) return result;
      return { status: 'unauthorized', failure, renewed: apiKey.refused(used.key) };
    },

    close() {
      apiKey?.close();
      tlsFiles?.close();
    },
  };
}

const silent: Pick<Log, 'warn'> = { warn() {} };

const nothing: UsedCredentials = { authorization: undefined, key: undefined, tls: undefined };

const unchanging: Rotation = {
  current: () => nothing,
  reconsider: async (result) => result,
  close() {},
};
