import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Fault } from './findings.js';

/**
 * Makes a check of certificate authorities in PEM, which answers with what is wrong or `undefined`, and looks at each
 * text once: system bundles have hundreds of certificates.
 */
export function createAuthoritiesCheck(): (pem: string) => Fault | undefined {
  const seen = new Map<string, Fault | undefined>();
  return (pem) => {
    if (!seen.has(pem)) seen.set(pem, authoritiesFault(pem));
    return seen.get(pem);
  };
}

/** What is wrong with certificate authorities in PEM; `undefined` for nothing. */
export function authoritiesFault(pem: string): Fault | undefined {
  // Node takes text without any certificate for an empty list, and would then trust nobody.
  return isCertificateChain(pem) ? undefined : notPem;
}

/** What is wrong with a client certificate and its key in PEM; `undefined` for nothing. */
export function clientPairFault(cert: string, key: string): Fault | undefined {
  if (!isCertificateChain(cert)) return notPem;
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch {
    // OpenSSL's reasons range over a key that can not be read, one that is encrypted, and one of another
    // certificate; its messages are of no more help than this.
    return {
      what: 'does not go with its key',
      hint: 'a PEM certificate with its unencrypted PEM key',
    };
  }
}

const notPem: Fault = {
  what: 'has no certificate that can be read',
  hint: 'PEM: -----BEGIN CERTIFICATE----- and so on',
};

function isCertificateChain(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[^-]+-----END \1-----/g) ?? [];
  return blocks.length > 0 && blocks.every(isCertificate);
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    // What it throws says only that the block is no certificate.
    return false;
  }
}
