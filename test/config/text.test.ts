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
  expect(parseNames(text)).toEqual({ value: expected, faults: [] });
});

test.each([
  ['a,,b', ['has an empty name']],
  ['a,', ['has an empty name']],
  ['a,b,a', ['has a name twice']],
  ['a,,b,a,', ['has an empty name', 'has a name twice']],
])('tells what is wrong with %j as names, and reads the others', (text, expected) => {
  const { value, faults } = parseNames(text);
  expect(faults.map(({ what }) => what)).toEqual(expected);
  expect(value).toEqual(text.includes('b') ? ['a', 'b'] : ['a']);
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
  expect(parseHeaders(text)).toEqual({ value: expected, faults: [] });
});

test('reads a header named like a property of every object', () => {
  expect(parseHeaders('__proto__=a')).toEqual({
    value: Object.fromEntries([['__proto__', 'a']]),
    faults: [],
  });
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
  expect(parseHeaders(text).faults).toMatchObject([{ what }]);
});

test('tells every fault of headers, and reads the others', () => {
  const { value, faults } = parseHeaders('a=1,secret,b=2,=3,A=4,c=%ZZ');
  expect(value).toEqual({ a: '1', b: '2' });
  expect(faults.map(({ what }) => what)).toEqual([
    'pair 2 has no "="',
    'pair 4 has an empty name or value',
    'pair 5 repeats an earlier name',
    'pair 6 has a "%" that begins no percent-encoding',
  ]);
});

test.each([
  ['acme=a', { acme: ['a'] }],
  ['acme=a,globex=a+b', { acme: ['a'], globex: ['a', 'b'] }],
  [' acme = a + b ', { acme: ['a', 'b'] }],
  ['tenant:x/y.z=a', { 'tenant:x/y.z': ['a'] }],
])('reads %j as routes', (text, expected) => {
  expect(parseRoutes(text)).toEqual({ value: expected, faults: [] });
});

test.each([
  ['acme', 'route 1 can not be read'],
  ['acme=', 'route 1 can not be read'],
  ['=a', 'route 1 can not be read'],
  ['acme=a=b', 'route 1 can not be read'],
  ['acme=a,', 'route 2 can not be read'],
  ['acme=a,acme=b', 'route 2 repeats a key'],
])('refuses %j as routes', (text, what) => {
  expect(parseRoutes(text).faults).toMatchObject([{ what }]);
});

test('tells every fault of routes, reads the others, and keeps the keys of those it can not read', () => {
  const { value, faults } = parseRoutes('acme=a,=b,globex,acme=b,initech=a=b,a b');
  expect(value).toEqual({ acme: ['a'], globex: [], initech: [] });
  expect(faults.map(({ what }) => what)).toEqual([
    'route 2 can not be read',
    'route 3 can not be read',
    'route 4 repeats a key',
    'route 5 can not be read',
    'route 6 can not be read',
  ]);
});
