import { createHmac } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import type { AttributeView } from '../../src/config/resolved.js';
import { createAttributeRules } from '../../src/encoding/attribute-rules.js';
import { createGlobMatcher } from '../../src/encoding/glob.js';

const KEY = 'a key of thirty-two bytes or more';

function rule(view: Partial<AttributeView>, name: string) {
  return createAttributeRules({ drop: [], hash: undefined, truncate: {}, ...view })(name);
}

function hmac(data: string | Uint8Array, key = KEY): string {
  return createHmac('sha256', key).update(data).digest('hex');
}

function hash(value: unknown, key = KEY): unknown {
  const found = rule({ hash: { attributes: ['*'], key } }, 'any');
  return typeof found === 'function' ? found(value) : found;
}

function truncate(value: unknown, maxCharacters: number): unknown {
  const found = rule({ truncate: { '*': maxCharacters } }, 'any');
  return typeof found === 'function' ? found(value) : found;
}

describe('a glob', () => {
  test.each<[glob: string, fits: readonly string[], not: readonly string[]]>([
    ['db.name', ['db.name'], ['db.names', 'xdb.name', 'db_name', 'DB.name', '']],
    ['db.*', ['db.', 'db.name', 'db.a.b'], ['db', 'xdb.name']],
    ['*.body', ['.body', 'a.b.body'], ['body', 'a.bodyx']],
    ['*', ['', 'a', 'a.b\n'], []],
    ['a*b*c', ['abc', 'axbxc', 'abbc', 'abcbc'], ['ac', 'acb', 'abcx', 'ab']],
    ['a**c', ['ac', 'abc'], ['ab']],
    ['aba*aba', ['abaaba', 'abaxaba'], ['aba', 'ababa']],
    ['*x*', ['x', 'axb'], ['', 'ab']],
    ['a.(b)[c]+?', ['a.(b)[c]+?'], ['a.b', 'ax(b)[c]+?']],
  ])('%s fits what it should', (glob, fits, not) => {
    const matches = createGlobMatcher([glob]);
    for (const name of fits) expect(matches(name), name).toBe(true);
    for (const name of not) expect(matches(name), name).toBe(false);
  });

  it('fits where any of several does', () => {
    const matches = createGlobMatcher(['a', 'b.*']);
    expect(['a', 'b.c', 'c'].map(matches)).toEqual([true, true, false]);
    expect(createGlobMatcher([])('a')).toBe(false);
  });
});

describe('the rule of an attribute', () => {
  it('is none where no glob fits', () => {
    expect(createAttributeRules(undefined)('a')).toBeUndefined();
    const view = { drop: ['a'], hash: { attributes: ['b'], key: KEY }, truncate: { c: 1 } };
    expect(rule(view, 'd')).toBeUndefined();
  });

  it('is the first of to drop, to hash and to truncate', () => {
    const all = { drop: ['a'], hash: { attributes: ['a', 'b'], key: KEY }, truncate: { '*': 1 } };
    expect(rule(all, 'a')).toBe('omit');
    const hashed = rule(all, 'b');
    expect(typeof hashed === 'function' && hashed('text')).toBe(hmac('text'));
    const truncated = rule(all, 'c');
    expect(typeof truncated === 'function' && truncated('text')).toBe('t');
  });

  it('is the least of several limits', () => {
    const found = rule({ truncate: { 'a*': 3, '*': 2, 'ab*': 4 } }, 'abc');
    expect(typeof found === 'function' && found('12345')).toBe('12');
  });
});

describe('a hash', () => {
  test.each<[what: string, value: unknown, data: string | Uint8Array]>([
    ['a text, of its UTF-8', 'zoë', 'zoë'],
    ['an empty text', '', ''],
    ['a number, as the text that it is written as', 42, '42'],
    ['a fraction', 0.5, '0.5'],
    ['a boolean', true, 'true'],
    ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    ['an unpaired surrogate, as it is encoded', 'a\ud800', 'a\ufffd'],
  ])('of %s can be computed by who has the key', (_, value, data) => {
    expect(hash(value)).toBe(hmac(data));
    expect(hash(value)).not.toBe(hash(value, `${KEY}, and another`));
  });

  it('of an array is one of each element', () => {
    expect(hash(['a', 1, null])).toEqual([hmac('a'), hmac('1'), null]);
  });

  it('of a map, and of what is nested in an array, shows neither names nor shape', () => {
    const map = hash({ 'a@example.com': 1 });
    expect(map).toMatch(/^[0-9a-f]{64}$/);
    expect(hash({ 'a@example.com': 1 })).toBe(map);
    expect(hash({ 'b@example.com': 1 })).not.toBe(map);
    expect(hash([[1, 2], { a: 1 }])).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
  });

  it.each([null, undefined, () => 1, Symbol('s'), 1n])(
    'of %s, which has no value, is none',
    (value) => {
      expect(hash(value) ?? undefined).toBeUndefined();
    },
  );

  it('can not be made of what nests in a circle', () => {
    const circle: Record<string, unknown> = {};
    circle.itself = circle;
    expect(() => hash(circle)).toThrow(RangeError);
  });
});

describe('truncation', () => {
  test.each<[value: unknown, maxCharacters: number, expected: unknown]>([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['', 1, ''],
    ['😀😀😀', 2, '😀😀'],
    ['😀😀', 2, '😀😀'],
    ['a😀b', 2, 'a😀'],
    ['\ud800\ud800a', 2, '\ud800\ud800'],
    ['\ude00😀a', 2, '\ude00😀'],
    [123_456, 3, 123_456],
    [true, 1, true],
    [null, 1, null],
    [['abcd', 5, 'ab'], 3, ['abc', 5, 'ab']],
    [{ text: 'abcd', list: ['abcd'] }, 3, { text: 'abc', list: ['abc'] }],
    [Uint8Array.of(1, 2, 3), 2, Uint8Array.of(1, 2)],
  ])('of %j to %i is %j', (value, maxCharacters, expected) => {
    expect(truncate(value, maxCharacters)).toEqual(expected);
  });

  it('leaves what it is given as it was', () => {
    const list = ['abcd', { text: 'abcd' }];
    truncate(list, 1);
    expect(list).toEqual(['abcd', { text: 'abcd' }]);
  });

  it('copies once what is reached by many paths, and refuses a circle', () => {
    let node: object = { text: 'abcd' };
    for (let depth = 0; depth < 25; depth += 1) node = { left: node, right: node };
    expect(truncate(node, 1)).toMatchObject({ left: {} });
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => truncate(circle, 1)).toThrow(RangeError);
  });
});
