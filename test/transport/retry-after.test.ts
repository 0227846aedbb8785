import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../src/transport/retry-after.js';

const NOW = Date.parse('1994-11-06T08:49:07Z');

describe('parseRetryAfter', () => {
  it.each([
    ['seconds', '120', 120_000],
    ['no wait', '0', 0],
    ['white space around', ' 7 ', 7_000],
    ['a number too large to count', '9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['a date', 'Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['a date of RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['a date of asctime', 'Sun Nov  6 08:49:37 1994', 30_000],
    ['a date that has passed', 'Sun, 06 Nov 1994 08:00:00 GMT', 0],
  ])('reads %s', (_, value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['words', 'soon'],
    ['words that Date.parse takes for a date', 'later 1'],
    ['a negative number', '-5'],
    ['a fraction', '1.5'],
    ['an exponent', '1e3'],
    ['a unit', '10s'],
    ['a day that does not exist', 'Sun, 99 Nov 1994 08:49:37 GMT'],
    ['another zone', 'Sun, 06 Nov 1994 08:49:37 PST'],
    ['a date of ISO 8601', '1994-11-06T08:49:37Z'],
    ['two headers', ['1', '2']],
  ])('gives up on %s', (_, value) => {
    expect(parseRetryAfter(value, NOW)).toBeUndefined();
  });
});
