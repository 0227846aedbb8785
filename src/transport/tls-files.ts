import type { Log } from '../accounting/log.js';
import type { Clock } from '../clock.js';
import type { Fault } from '../config/findings.js';
import type { Backend, CredentialSources } from '../config/resolved.js';
import type { TextFile } from '../config/text-file.js';
import { authoritiesFault, clientPairFault } from '../config/tls.js';
import type { WatchedFiles } from './watched-files.js';
import { within } from './within.js';

type Tls = NonNullable<Backend['tls']>;

/** What certificates in files depend on. */
export interface TlsFilesParts {
  readonly backend: Pick<Backend, 'name' | 'timeoutMs' | 'tls'>;
  readonly paths: NonNullable<CredentialSources['tls']>;
  readonly files: WatchedFiles;
  readonly log: Pick<Log, 'warn'>;
  readonly clock: Pick<Clock, 'now' | 'schedule'>;
  /** Told of every set of certificates that takes the place of another. */
  readonly onChange: (tls: Tls) => void;
}

/** A backend's certificates, which may change while the process runs. */
export interface TlsFiles {
  /** The set in force: another object once it has changed. */
  readonly current: Tls;
  /** Resolves when the files have been read for the first time. */
  readonly ready: Promise<unknown>;
  /** Reads the files now. */
  refresh(): Promise<unknown>;
  close(): void;
}

/**
 * Reads certificate authorities, client certificate and key from their files, now and whenever one changes.
 *
 * Only a certificate with the key that belongs to it comes into force: while one of the two files is behind the
 * other, is missing or can not be read, the last good pair stays, and so do the last good authorities.
 */
export function createTlsFiles(parts: TlsFilesParts): TlsFiles {
  const { backend, paths, files, log, clock, onChange } = parts;
  let current: Tls = backend.tls ?? {};
  const watch = files.watch(Object.values(paths), readAgain);

  function readAgain(): void {
    const next = { ...current, ...readAuthorities(), ...readPair() };
    if (next.ca === current.ca && next.cert === current.cert && next.key === current.key) return;
    current = Object.freeze(next);
    onChange(current);
  }

  function readAuthorities(): Pick<Tls, 'ca'> | undefined {
    if (paths.ca === undefined) return undefined;
    const ca = watch.content(paths.ca);
    if (ca === undefined) return undefined;
    if ('what' in ca) return warn(paths.ca, ca.what);
    const fault = findAuthoritiesFault(ca);
    return fault === undefined ? { ca: ca.text } : warn(paths.ca, fault.what);
  }

  function readPair(): Pick<Tls, 'cert' | 'key'> | undefined {
    if (paths.cert === undefined || paths.key === undefined) return undefined;
    const [cert, key] = [watch.content(paths.cert), watch.content(paths.key)];
    if (cert === undefined || key === undefined) return undefined;
    if ('what' in cert) return warn(paths.cert, cert.what);
    if ('what' in key) return warn(paths.key, key.what);
    if (cert.text === current.cert && key.text === current.key) return undefined;
    const fault = clientPairFault(cert.text, key.text);
    if (fault === undefined) return { cert: cert.text, key: key.text };
    return warn(paths.cert, fault.what);
  }

  function warn(path: string, what: string): undefined {
    // Each fault by itself: a file that was read while it was written must not hide that a pair is torn.
    log.warn(
      `${backend.name} ${path} ${what}`,
      `backend ${backend.name}: the file ${JSON.stringify(path)} ${what}; the last good one is used`,
    );
  }

  // A file system that hangs holds up the first request alone, and a refusal, no longer than a backend would.
  const soon = (read: Promise<void>) => within(read, backend.timeoutMs, clock);
  return {
    get current() {
      return current;
    },
    ready: soon(watch.ready),
    refresh: () => soon(watch.refresh()),
    close: () => watch.close(),
  };
}

const checked = new WeakMap<TextFile, { readonly fault: Fault | undefined }>();

/** Looks at each content once, since many backends share a file and system bundles have hundreds of certificates. */
function findAuthoritiesFault(file: TextFile & { readonly text: string }): Fault | undefined {
  const known = checked.get(file) ?? { fault: authoritiesFault(file.text) };
  checked.set(file, known);
  return known.fault;
}
