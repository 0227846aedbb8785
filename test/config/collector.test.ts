import { expect, test } from 'vitest';
import { resolveFromEnv } from '../../src/config/env.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { SignalboxConfig } from '../../src/index.js';

const fleet = { preset: 'collector', endpoint: 'http://agents.example:4318' } as const;
const other = { endpoint: 'https://otlp.example' } as const;

test.each<[string, SignalboxConfig, string | undefined]>([
  ['the only backend, without routes', { backends: { fleet } }, 'fleet'],
  ['beside routes', { backends: { fleet }, routes: { acme: ['fleet'] } }, undefined],
  ['beside another backend', { backends: { fleet, other } }, undefined],
  [
    'beside backends for further keys',
    { backends: { fleet }, resolveBackend: () => undefined },
    undefined,
  ],
  ['another kind of backend', { backends: { other } }, undefined],
])('a Collector has the routes where it is %s', (_, config, collector) => {
  expect(resolveConfig(config).collector).toBe(collector);
});

test.each<[string, SignalboxConfig, string | undefined]>([
  ['a Collector by its name', { backends: { fleet }, defaultRoute: 'fleet' }, undefined],
  [
    'a Collector by its name, beside routes',
    { backends: { fleet }, routes: { acme: ['fleet'] }, defaultRoute: 'fleet' },
    undefined,
  ],
  [
    'a key that leads to a Collector',
    { backends: { fleet }, routes: { rest: ['fleet'] }, defaultRoute: 'rest' },
    'rest',
  ],
  [
    'a key that is called as the Collector',
    { backends: { fleet }, routes: { fleet: ['fleet'] }, defaultRoute: 'fleet' },
    'fleet',
  ],
  ['another backend', { backends: { fleet, other }, defaultRoute: 'other' }, 'other'],
])('the key of the default route where that is %s', (_, config, key) => {
  expect(resolveConfig(config).defaultRoute).toMatchObject({ key });
});

test('is configured by the environment', () => {
  const { backends, collector } = resolveFromEnv({
    SIGNALBOX_BACKENDS: 'fleet',
    SIGNALBOX_BACKEND_FLEET_PRESET: 'collector',
    SIGNALBOX_BACKEND_FLEET_ENDPOINT: 'http://agents.example:4318/base/',
  });
  expect(collector).toBe('fleet');
  expect(backends.get('fleet')).toMatchObject({
    url: 'http://agents.example:4318/base/v1/traces',
    isCollector: true,
    headers: {},
  });
});
