// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references in such braces are what is tested.
import { expect, test } from 'vitest';
import { substitute } from '../../src/config/substitution.js';

// The inputs and outputs of the table in the specification's "Environment variable substitution".
const env = {
  STRING_VALUE: 'value',
  BOOL_VALUE: 'true',
  FLOAT_VALUE: '1.1',
  EMPTY_VALUE: '',
  INVALID_MAP_VALUE: 'value\nkey:value',
  DO_NOT_REPLACE_ME: 'Never use this value',
  REPLACE_ME: '${DO_NOT_REPLACE_ME}',
  VALUE_WITH_ESCAPE: 'value$$',
};

test.each([
  ['${STRING_VALUE}', 'value'],
  ['${env:STRING_VALUE}', 'value'],
  ['${INVALID_MAP_VALUE}', 'value\nkey:value'],
  ['foo ${STRING_VALUE} ${FLOAT_VALUE}', 'foo value 1.1'],
  ['${UNDEFINED_KEY}', ''],
  ['${UNDEFINED_KEY:-fallback}', 'fallback'],
  ['${EMPTY_VALUE:-fallback}', 'fallback'],
  ['${STRING_VALUE:-fallback}', 'value'],
  ['${UNDEFINED_KEY:-}', ''],
  ['${REPLACE_ME}', '${DO_NOT_REPLACE_ME}'],
  ['${UNDEFINED_KEY:-${STRING_VALUE}}', '${STRING_VALUE}'],
  ['$${STRING_VALUE}', '${STRING_VALUE}'],
  ['$$${STRING_VALUE}', '$value'],
  ['$$$${STRING_VALUE}', '$${STRING_VALUE}'],
  ['$${STRING_VALUE:-fallback}', '${STRING_VALUE:-fallback}'],
  ['$${STRING_VALUE:-${STRING_VALUE}}', '${STRING_VALUE:-value}'],
  ['${UNDEFINED_KEY:-$${UNDEFINED_KEY}}', '${UNDEFINED_KEY:-${UNDEFINED_KEY}}'],
  ['${VALUE_WITH_ESCAPE}', 'value$$'],
  ['a $$ b', 'a $ b'],
  ['a $ b', 'a $ b'],
  ['plain', 'plain'],
  ['', ''],
])('makes %j into %j', (text, expected) => {
  expect(substitute(text, env)).toBe(expected);
});

test.each([
  '${STRING_VALUE:?error}',
  '${1API_KEY}',
  '${API_$KEY}',
  '${}',
  '${sys:NAME}',
  'a ${b c}',
])('refuses the reference in %j', (text) => {
  expect(substitute(text, env)).toBeUndefined();
});
