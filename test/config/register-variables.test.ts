import { describe, expect, it, test } from 'vitest';
import { loadConfig } from '../../src/config/env.js';
import { createFindings } from '../../src/config/findings.js';
import { readRegisterVariables } from '../../src/config/register-variables.js';
import { problemsOf } from './problems.js';

function read(env: NodeJS.ProcessEnv) {
  const findings = createFindings();
  const options = readRegisterVariables(env, findings);
  return { ...options, problems: findings.problems.map(({ where, what }) => `${where}: ${what}`) };
}

describe('SIGNALBOX_ROUTE_FROM', () => {
  it.each([
    [undefined, undefined],
    ['header:x-tenant', { part: 'header', name: 'x-tenant' }],
    ['header: X-Tenant ', { part: 'header', name: 'X-Tenant' }],
    ['host', { part: 'host' }],
    ['path:^/t/([^/:]+)', { part: 'path', pattern: /^\/t\/([^/:]+)/ }],
  ])('reads %j', (text, routeFrom) => {
    expect(read({ SIGNALBOX_ROUTE_FROM: text })).toEqual({
      routeFrom,
      onConfigError: 'disable',
      problems: [],
    });
  });

  it.each([
    ['', 'names no part of a request'],
    ['headers:x-tenant', 'names no part of a request'],
    ['x-tenant', 'names no part of a request'],
    ['host:acme', 'names no part of a request'],
    ['header:', 'names no header'],
    ['header:x tenant', 'names no header'],
    ['path:', 'has no group for the key'],
    ['path:^/t/[^/]+', 'has no group for the key'],
    ['path:^/t/(?:acme)', 'has no group for the key'],
    ['path:(', 'is not a regular expression'],
    ['path:)(', 'is not a regular expression'],
  ])('refuses %j, which %s', (text, what) => {
    const { routeFrom, problems } = read({ SIGNALBOX_ROUTE_FROM: text });
    expect({ routeFrom, problems }).toEqual({
      routeFrom: undefined,
      problems: [`SIGNALBOX_ROUTE_FROM: ${what}`],
    });
  });
});

describe('SIGNALBOX_ON_CONFIG_ERROR', () => {
  it.each(['disable', 'exit'])('reads %j', (onConfigError) => {
    expect(read({ SIGNALBOX_ON_CONFIG_ERROR: onConfigError })).toMatchObject({
      onConfigError,
      problems: [],
    });
  });

  it.each(['', 'Exit', 'ignore'])('refuses %j, and lets the application run', (text) => {
    expect(read({ SIGNALBOX_ON_CONFIG_ERROR: text })).toMatchObject({
      onConfigError: 'disable',
      problems: ['SIGNALBOX_ON_CONFIG_ERROR: is not one of its values'],
    });
  });
});

test('a processor of the application’s own takes no notice of them, but of what is near them', () => {
  const env = {
    SIGNALBOX_BACKENDS: 'main',
    SIGNALBOX_BACKEND_MAIN_ENDPOINT: 'http://127.0.0.1:4318',
    SIGNALBOX_ROUTE_FROM: 'host',
    SIGNALBOX_ON_CONFIG_ERROR: 'exit',
  };
  const warnings: string[] = [];
  expect(loadConfig(env, (message) => warnings.push(message))).toEqual({
    backends: { main: { endpoint: 'http://127.0.0.1:4318' } },
  });
  expect(warnings).toEqual([]);
  expect(problemsOf(() => loadConfig({ ...env, SIGNALBOX_ROUTE_FORM: 'host' }))).toMatchObject([
    { where: 'SIGNALBOX_ROUTE_FORM', hint: 'did you mean SIGNALBOX_ROUTE_FROM?' },
  ]);
});

describe('SIGNALBOX_STATS_PORT', () => {
  it.each([
    [undefined, undefined],
    ['9464', 9464],
    ['1', 1],
    ['65535', 65_535],
  ])('reads %j', (text, statsPort) => {
    expect(read({ SIGNALBOX_STATS_PORT: text })).toMatchObject({ statsPort, problems: [] });
  });

  it.each(['', '0', '65536', '-1', '80.5', 'http', '127.0.0.1:80'])('refuses %j', (text) => {
    expect(read({ SIGNALBOX_STATS_PORT: text })).toMatchObject({
      statsPort: undefined,
      problems: ['SIGNALBOX_STATS_PORT: is not a port'],
    });
  });
});
