import { constants } from 'node:os';
import { CERTIFICATE_CODES } from '../transport/failure.js';

/** Codes of Node, of undici and of signalbox's own transport, beside those of the operating system and of OpenSSL. */
const CODES = new Set([
  'EAI_AGAIN',
  'ENOTFOUND',
  'UND_ERR_ABORTED',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_RESPONSE_EXCEEDED_MAX_SIZE',
  'UND_ERR_SOCKET',
  'aborted',
  'closed',
  'no_api_key',
  'not_allowed',
  'not_connected',
  'oversized',
  'rejected',
  'timeout',
  ...Object.keys(constants.errno),
]);

/**
 * The `error.type` that may be told of a failure: an HTTP status, or one of the codes that are known here.
 *
 * Everything else is `_OTHER`, as the semantic conventions have it: the code of an error that the application's own
 * exporter or dispatcher made may be any text.
 */
export function boundedErrorType(errorType: string): string {
  const isKnown = /^[1-5]\d\d$/.test(errorType) || CODES.has(errorType);
  return isKnown || CERTIFICATE_CODES.has(errorType) ? errorType : '_OTHER';
}
