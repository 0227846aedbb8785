import { describe, expect, test } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { backendOf, problemLines } from './problems.js';

function resolve(endpoint: string, env: NodeJS.ProcessEnv) {
  return resolveFromEnv({
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: endpoint,
    ...env,
  });
}
const proxyOf = (endpoint: string, env: NodeJS.ProcessEnv) =>
  backendOf(resolve(endpoint, env), 'a').proxy;

const http = 'http://otlp.example.com:4318';
const https = 'https://otlp.example.com';
const proxy = 'http://user:pass@proxy.example.com:3128/';
const other = 'http://other.example.com:3128/';

test.each([
  ['nothing without variables', http, {}, undefined],
  ['HTTP_PROXY for http', http, { HTTP_PROXY: proxy }, proxy],
  ['HTTPS_PROXY for https', https, { HTTPS_PROXY: proxy, HTTP_PROXY: other }, proxy],
  ['HTTP_PROXY for https without another', https, { HTTP_PROXY: proxy }, proxy],
  ['not HTTPS_PROXY for http', http, { HTTPS_PROXY: proxy }, undefined],
  ['lower case first', http, { http_proxy: proxy, HTTP_PROXY: other }, proxy],
  ['nothing where lower case is empty', http, { http_proxy: '', HTTP_PROXY: other }, undefined],
  ['http where the scheme is left out', http, { HTTP_PROXY: 'p.example:1' }, 'http://p.example:1/'],
])('uses %s', (_, endpoint, env, expected) => {
  expect(proxyOf(endpoint, env)).toBe(expected);
});

describe('NO_PROXY', () => {
  test.each([
    ['*', http],
    ['localhost, *', http],
    ['otlp.example.com', http],
    ['OTLP.Example.COM', http],
    ['example.com', http],
    ['.example.com', http],
    ['*.example.com', http],
    ['localhost,example.com', http],
    ['localhost example.com', http],
    ['example.com:4318', http],
    ['example.com:443', https],
    ['example.com:80', 'http://example.com'],
    ['127.0.0.1', 'http://127.0.0.1:4318'],
    ['::1', 'http://[::1]:4318'],
    ['[::1]', 'http://[::1]:4318'],
    ['[::1]:4318', 'http://[::1]:4318'],
  ])('%j exempts %s', (noProxy, endpoint) => {
    const env = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: noProxy };
    expect(proxyOf(endpoint, env)).toBeUndefined();
  });

  test.each([
    ['', http],
    ['ple.com', http],
    ['example.com.evil', http],
    ['other.example.com', http],
    ['example.com:4317', http],
    ['example.com:80', https],
    ['::2', 'http://[::1]:4318'],
    ['[::1]:4317', 'http://[::1]:4318'],
  ])('%j does not exempt %s', (noProxy, endpoint) => {
    const env = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: noProxy };
    expect(proxyOf(endpoint, env)).toBe(proxy);
  });

  test('is read in lower case first', () => {
    const env = { HTTP_PROXY: proxy, no_proxy: 'localhost', NO_PROXY: '*' };
    expect(proxyOf(http, env)).toBe(proxy);
  });
});

test('a proxy of its own comes before the variables', () => {
  const env = { HTTP_PROXY: other, NO_PROXY: '*', SIGNALBOX_BACKEND_A_PROXY: proxy };
  expect(proxyOf(http, env)).toBe(proxy);
});

test('none goes straight, whatever the variables say', () => {
  expect(proxyOf(http, { HTTP_PROXY: proxy, SIGNALBOX_BACKEND_A_PROXY: 'none' })).toBeUndefined();
});

test.each([
  'socks5://proxy.example.com',
  'http://',
  'http://proxy.example.com/path',
  'http://proxy.example.com?x',
])('refuses %s as a proxy, naming the variable that has it', (value) => {
  const own = { SIGNALBOX_BACKEND_A_PROXY: value };
  expect(problemLines(() => resolve(http, own))[0]).toMatch(/^SIGNALBOX_BACKEND_A_PROXY: is /);
  expect(problemLines(() => resolve(http, { HTTP_PROXY: value }))[0]).toMatch(/^HTTP_PROXY: is /);
});

test('a bad proxy variable is no problem for a backend that is exempt from it', () => {
  const env = { HTTP_PROXY: 'socks5://proxy.example.com', NO_PROXY: 'otlp.example.com' };
  expect(proxyOf(http, env)).toBeUndefined();
});

test('is part of the loaded configuration, so that it is decided once', () => {
  const { backends } = loadConfig({
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: http,
    HTTP_PROXY: proxy,
  });
  expect(backends.a?.proxy).toBe(proxy);
});

test('warns where the stock exporter would not use the proxy', () => {
  const env = { HTTP_PROXY: proxy, SIGNALBOX_BACKEND_A_EXPORTER: 'otlp-http' };
  const { warnings } = resolve(http, env);
  expect(warnings).toEqual([expect.stringContaining('HTTP_PROXY: is not used by the exporter')]);
});
