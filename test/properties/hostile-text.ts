import fc from 'fast-check';

/**
 * Stands for a secret in hostile text: what contains it may be kept, and neither logged nor thrown. No name and no
 * path looks like it: these are shown, so that typing errors are found.
 */
export const MARKER = 'hunter2!secret';

/** Pieces of text that parsers of variables, URLs, headers, YAML and patterns stumble over. */
const piece = fc.oneof(
  fc.constantFrom(
    ',',
    ';',
    '=',
    '+',
    '%',
    '%zz',
    '%2C',
    ':',
    '/',
    '//',
    '@',
    '#',
    '?',
    '\\',
    '.',
    '*',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '`',
    '|',
    '>',
    '&x',
    '*x',
    '!!',
    '<<',
    '-',
    '- ',
    ': ',
    '\n',
    '\r\n',
    '\t',
    '\0',
    ' ',
    '\u2028',
    '\ufeff',
    '\ud800',
    '😀',
    'é',
    '中',
    '$',
    '${',
    ...['X', 'env:X', 'X:-y'].map((inside) => ['${', inside, '}'].join('')),
    '__proto__',
    'constructor',
    'toString',
    'http://',
    'https://u:p@',
    'Bearer ',
    'none',
    'null',
    '~',
    '0x',
    '1e3',
    '-1',
    '99999999999999999999',
    'Infinity',
    'a',
    'x-a=1',
    '::1',
    '10.0.0.0/8',
    '-----BEGIN PRIVATE KEY-----',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

/** Text of such pieces; now and then a very long one. */
export const hostileText = fc.oneof(
  { weight: 40, arbitrary: fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(piece, fc.constantFrom(5_000, 50_000))
      .map(([text, length]) => text.repeat(Math.ceil(length / (text.length + 1)))),
  },
);

/** Such text with a secret somewhere in it. */
export const hostileSecret = fc
  .tuple(hostileText, hostileText)
  .map(([before, after]) => before + MARKER + after);
