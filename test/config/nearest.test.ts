import { expect, test } from 'vitest';
import { nearest } from '../../src/config/nearest.js';

const candidates = ['A', 'EU', 'ENDPOINT', 'HEADERS', 'API_KEY', 'API_KEY_FILE', 'TIMEOUT', 'URL'];

test.each([
  ['ENDPONT', 'ENDPOINT'],
  ['ENDPOINTS', 'ENDPOINT'],
  ['HEADER', 'HEADERS'],
  ['APIKEY', 'API_KEY'],
  ['API_KEY_FIL', 'API_KEY_FILE'],
  ['TIME_OUT', 'TIMEOUT'],
  ['URI', 'URL'],
])('takes %s for %s', (name, expected) => {
  expect(nearest(name, candidates)).toBe(expected);
});

test.each(['', 'UNRELATED', 'FILTER', 'UX', 'US', 'X', 'B', 'A_VERY_LONG_NAME_OF_SOMETHING_ELSE'])(
  'takes %j for nothing',
  (name) => {
    expect(nearest(name, candidates)).toBeUndefined();
  },
);
