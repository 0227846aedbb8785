import { expect, test } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import { isPropagationConfigured } from '../../src/config/propagation.js';
import { RoutePropagator, type RoutePropagatorOptions } from '../../src/index.js';
import { problemLines } from './problems.js';

const secret = 'correct horse battery staple, twice over';

const optionProblems = (options: unknown) =>
  problemLines(() => new RoutePropagator(options as RoutePropagatorOptions));
const variableProblems = (env: NodeJS.ProcessEnv) =>
  problemLines(() => RoutePropagator.fromEnv(env));

test('takes a secret alone', () => {
  expect(optionProblems({ secret })).toEqual([]);
  expect(variableProblems({ SIGNALBOX_PROPAGATION_SECRET: secret })).toEqual([]);
});

test('takes every option', () => {
  const hosts = [
    'orders',
    'billing.internal',
    '*.svc.cluster.local',
    '10.0.0.7',
    '::1',
    'my_service',
  ];
  expect(optionProblems({ secret, previousSecret: secret.toUpperCase(), hosts })).toEqual([]);
  expect(
    variableProblems({
      SIGNALBOX_PROPAGATION_SECRET: secret,
      SIGNALBOX_PROPAGATION_SECRET_PREVIOUS: secret.toUpperCase(),
      SIGNALBOX_PROPAGATION_HOSTS: hosts.join(', '),
    }),
  ).toEqual([]);
});

test('needs a secret', () => {
  expect(optionProblems({})).toEqual(['secret: is missing']);
  expect(optionProblems(undefined)).toEqual(['secret: is missing']);
  expect(variableProblems({})).toEqual(['SIGNALBOX_PROPAGATION_SECRET: is missing']);
  expect(variableProblems({ SIGNALBOX_PROPAGATION_SECRET: ' ' })).toEqual([
    'SIGNALBOX_PROPAGATION_SECRET: is set but empty',
  ]);
});

test('counts the bytes of a secret, and not its characters', () => {
  expect(optionProblems({ secret: 'x'.repeat(31) })).toHaveLength(1);
  expect(optionProblems({ secret: 'x'.repeat(32) })).toEqual([]);
  expect(optionProblems({ secret: 'é'.repeat(16) })).toEqual([]);
});

test('names every problem at once, and shows no secret', () => {
  const act = () =>
    RoutePropagator.fromEnv({
      SIGNALBOX_PROPAGATION_SECRET: 'hunter2-current',
      SIGNALBOX_PROPAGATION_SECRET_PREVIOUS: 'hunter2-previous',
      SIGNALBOX_PROPAGATION_HOSTS: 'https://orders,billing:8080,*,ok.internal',
    });
  expect(problemLines(act)).toEqual([
    'SIGNALBOX_PROPAGATION_SECRET: is not text of 32 bytes or more',
    'SIGNALBOX_PROPAGATION_SECRET_PREVIOUS: is not text of 32 bytes or more',
    ...Array<string>(3).fill('SIGNALBOX_PROPAGATION_HOSTS: is not a host'),
  ]);
  expect(act).not.toThrow(/hunter2/);
});

test.each([
  '',
  'a b',
  'orders:80',
  'http://orders',
  '*',
  '*.',
  'a..b',
  '-a',
  'a-',
  'a*.b',
  'bücher.example',
  'a.',
])('%j is no host', (host) => {
  expect(optionProblems({ secret, hosts: [host] })).toEqual(['hosts.0: is not a host']);
});

test('refuses an option that it does not know, with the nearest as a hint', () => {
  expect(optionProblems({ secret, host: [] })).toEqual(['host: is not a known setting']);
});

test('its variables are none that the processor would object to', () => {
  const env = {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'http://127.0.0.1:4318',
    SIGNALBOX_PROPAGATION_SECRET: secret,
    SIGNALBOX_PROPAGATION_SECRET_PREVIOUS: secret,
    SIGNALBOX_PROPAGATION_HOSTS: 'orders',
  };
  expect(resolveFromEnv(env).warnings).toEqual([]);
});

test('the environment asks for propagation where any of its variables is set', () => {
  expect(isPropagationConfigured({ SIGNALBOX_BACKENDS: 'a' })).toBe(false);
  expect(isPropagationConfigured({ SIGNALBOX_PROPAGATION_HOSTS: 'orders' })).toBe(true);
});
