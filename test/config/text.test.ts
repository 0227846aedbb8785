import { expect, test } from 'vitest';
import { parseHeaders, parseInteger, parseNames, parseRoutes } from '../../src/config/text.js';

test.each([
  ['0', 0],
  ['1', 1],
  ['10000', 10_000],
  ['2147483648', 2_147_483_648],
])('reads %j as a whole number', (text, expected) => {
  expect(parseInteger(text)).toBe(expected);
});

test.each(['', ' ', '10s', '1e3', '0x10', '-1', '+1', '1.0', '1_000', '1,000', '007', '１', 'NaN'])(
  'refuses %j as a whole number',
  (text) => {
    expect(parseInteger(text)).toBeUndefined();
  },
);

test.each([
  ['a', ['a']],
  ['a,b', ['a', 'b']],
  [' a , b ', ['a', 'b']],
])('reads %j as names', (text, expected) => {
  expect(parseNames(text)).toEqual({ value: expected });
});

test.each([
  ['a,,b', 'has an empty name'],
  ['a,', 'has an empty name'],
  ['a,b,a', 'has a name twice'],
])('refuses %j as names', (text, what) => {
  expect(parseNames(text)).toMatchObject({ fault: { what } });
});

test.each([
  ['x-team=ml', { 'x-team': 'ml' }],
  ['X-Team=ml', { 'x-team': 'ml' }],
  [' a = 1 , b = 2 ', { a: '1', b: '2' }],
  ['authorization=Basic%20dXNlcjpwYXNz', { authorization: 'Basic dXNlcjpwYXNz' }],
  ['authorization=Basic dXNlcjpwYXNz==', { authorization: 'Basic dXNlcjpwYXNz==' }],
  ['a=1%2C2%3B3', { a: '1,2;3' }],
  ['a=b=c', { a: 'b=c' }],
  ['a=1+2', { a: '1+2' }],
])('reads %j as headers', (text, expected) => {
  expect(parseHeaders(text)).toEqual({ value: expected });
});

test('reads a header named like a property of every object', () => {
  expect(parseHeaders('__proto__=a')).toEqual({ value: Object.fromEntries([['__proto__', 'a']]) });
});

test.each([
  ['', 'pair 1 has no "="'],
  ['a=1,', 'pair 2 has no "="'],
  ['a=1,secret', 'pair 2 has no "="'],
  ['=1', 'pair 1 has an empty name or value'],
  ['a=', 'pair 1 has an empty name or value'],
  ['a=1;b', 'pair 1 has a ";"'],
  ['a=%zz', 'pair 1 has a "%" that begins no percent-encoding'],
  ['a=%ff', 'pair 1 has a "%" that begins no percent-encoding'],
  ['a=1,A=2', 'pair 2 repeats an earlier name'],
])('refuses %j as headers', (text, what) => {
  expect(parseHeaders(text)).toMatchObject({ fault: { what } });
});

test.each([
  ['acme=a', { acme: ['a'] }],
  ['acme=a,globex=a+b', { acme: ['a'], globex: ['a', 'b'] }],
  [' acme = a + b ', { acme: ['a', 'b'] }],
  ['tenant:x/y.z=a', { 'tenant:x/y.z': ['a'] }],
])('reads %j as routes', (text, expected) => {
  expect(parseRoutes(text)).toEqual({ value: expected });
});

test.each([
  ['acme', 'route 1 can not be read'],
  ['acme=', 'route 1 can not be read'],
  ['=a', 'route 1 can not be read'],
  ['acme=a=b', 'route 1 can not be read'],
  ['acme=a,', 'route 2 can not be read'],
  ['acme=a,acme=b', 'route 2 repeats a key'],
])('refuses %j as routes', (text, what) => {
  expect(parseRoutes(text)).toMatchObject({ fault: { what } });
});
