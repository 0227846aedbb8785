import { toPrintable } from './printable.js';
import type { Refused, Retryable } from './result.js';

/** A request that came to nothing for a reason that is found here, and not in Node or undici. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Becomes `error.type`: lower case, with no variable part. */
  readonly code: string;
  /** Whether sending the same bytes again is useless. */
  readonly isFinal: boolean;

  constructor(code: string, message: string, options: ErrorOptions & { isFinal?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.isFinal = options.isFinal ?? false;
  }
}

/** Node's "X509 certificate error codes": what OpenSSL finds wrong with the server's certificate. */
export const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CRL_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERR_TLS_CERT_ALTNAME_FORMAT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

// RFC 8446, 6.2: the alerts by which a server refuses the client's certificate, or asks for one. Matched
// in the message: the code's prefix changes with the version of OpenSSL, and on a write it is EPROTO.
const CERTIFICATE_ALERT =
  /alert (?:bad certificate|unsupported certificate|certificate (?:revoked|expired|unknown|required)|unknown ca|access denied|handshake failure)/i;

// A key or certificate of ours that OpenSSL can not use, and a request that undici will not write.
const OWN_FAULT = /^(?:ERR_OSSL_|UND_ERR_INVALID_ARG$|UND_ERR_NOT_SUPPORTED$)/;

/**
 * What a request without an answer means for its batch.
 *
 * Final is what a certificate says, either side's, and what this side can not send at all. Everything else
 * can be sent again: refused or reset connections, names that do not resolve, timeouts, and answers that
 * are no HTTP, or no TLS, alike. Nobody has said no, and what stands there today may be a receiver that is
 * being replaced.
 *
 * @param redact Takes secrets out of the error's own words.
 */
export function readFailure(error: Error, redact: (text: string) => string): Retryable | Refused {
  const errorType = readCode(error) ?? error.name;
  const message = toPrintable(redact(describe(error))) || errorType;
  const status = isFinal(error, errorType) ? 'refused' : 'retryable';
  return { status, failure: { message, errorType } };
}

/** What was thrown, as an error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function isFinal(error: Error, code: string): boolean {
  if (error instanceof TransportError) return error.isFinal;
  return (
    CERTIFICATE_CODES.has(code) || OWN_FAULT.test(code) || CERTIFICATE_ALERT.test(error.message)
  );
}

function readCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function describe(error: Error): string {
  // Node tried several addresses, and keeps the reasons in the list alone.
  if (error.message === '' && error instanceof AggregateError) {
    return error.errors.map((each) => toError(each).message).join(', ');
  }
  return error.message;
}
