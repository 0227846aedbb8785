import { expect, test } from 'vitest';
import { boundedErrorType } from '../../src/monitoring/error-type.js';

test.each(['503', 'ECONNREFUSED', 'CERT_HAS_EXPIRED', 'UND_ERR_SOCKET', 'timeout', 'not_allowed'])(
  '%s is told as it is',
  (code) => {
    expect(boundedErrorType(code)).toBe(code);
  },
);

test.each(['', '999', '5030', 'ETENANT', 'acme is over its quota', 'Error', '__proto__'])(
  'what may be anything is told as another: "%s"',
  (code) => {
    expect(boundedErrorType(code)).toBe('_OTHER');
  },
);
