import { readFileSync } from 'node:fs';

const read = (file: string): string =>
  readFileSync(new URL(`./${file}.pem`, import.meta.url), 'utf8');
const pair = (file: string) => ({ cert: read(file), key: read(`${file}-key`) });

/** PEM texts, made by `make.sh` beside this file. */
export const certificates = {
  /** The authority behind all pairs but `otherClient` and the next ones. */
  ca: read('ca'),
  /** An authority that nothing here trusts by default, behind `otherClient`. */
  otherCa: read('other-ca'),
  /** For 127.0.0.1 and localhost. */
  server: pair('server'),
  /** For receiver.example alone. */
  wrongHost: pair('wrong-host'),
  /** For 127.0.0.1 and localhost, and out of date. */
  expired: pair('expired'),
  /** A client's, which a server that trusts `ca` accepts. */
  client: pair('client'),
  /** A client's, which a server that trusts `ca` refuses. */
  otherClient: pair('other-client'),
  /** The authority that takes the place of `ca` in a rotation, and its pairs. */
  nextCa: read('next-ca'),
  nextServer: pair('next-server'),
  nextClient: pair('next-client'),
} as const;
