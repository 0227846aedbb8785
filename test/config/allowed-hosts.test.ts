import { describe, expect, it } from 'vitest';
import { parseAllowedHost } from '../../src/config/allowed-hosts.js';
import { resolveFromEnv } from '../../src/config/env.js';
import { createHostGuard } from '../../src/config/host-guard.js';
import { resolveConfig } from '../../src/config/resolve.js';
import { backendOf, problemLines, resolveText } from './problems.js';

describe('an entry of the list', () => {
  it.each([
    ['otlp.example.com', { pattern: 'otlp.example.com' }],
    ['OTLP.Example.COM.', { pattern: 'otlp.example.com' }],
    ['*.example.com', { pattern: '*.example.com' }],
    ['*.internal', { pattern: '*.internal' }],
    ['localhost', { pattern: 'localhost' }],
    ['a_b', { pattern: 'a_b' }],
    ['bücher.example', { pattern: 'xn--bcher-kva.example' }],
    ['*.bücher.example', { pattern: '*.xn--bcher-kva.example' }],
    ['10.0.0.0/8', { network: { family: 'ipv4', text: '10.0.0.0', prefix: 8 } }],
    ['0.0.0.0/0', { network: { family: 'ipv4', text: '0.0.0.0', prefix: 0 } }],
    ['192.0.2.7', { network: { family: 'ipv4', text: '192.0.2.7', prefix: 32 } }],
    ['::1', { network: { family: 'ipv6', text: '::1', prefix: 128 } }],
    ['[::1]', { network: { family: 'ipv6', text: '::1', prefix: 128 } }],
    ['2001:db8::/32', { network: { family: 'ipv6', text: '2001:db8::', prefix: 32 } }],
    ['::ffff:10.0.0.0/104', { network: { family: 'ipv4', text: '10.0.0.0', prefix: 8 } }],
  ])('may be %s', (text, entry) => {
    expect(parseAllowedHost(text)).toEqual(entry);
  });

  it.each([
    '',
    ' ',
    '*',
    '*.',
    '**.example.com',
    'a.*.example.com',
    '*example.com',
    '.example.com',
    'a..example.com',
    'https://example.com',
    'example.com:443',
    'example.com/',
    'user@example.com',
    'example.com#x',
    'a b',
    'a\nb',
    'a\\b',
    '%65xample.com',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::/129',
    '::ffff:10.0.0.0/95',
    'fe80::1%eth0',
    '[::1]:80',
    '0x7f.1',
    '2130706433',
    '010.0.0.1',
    '127.1',
    '*.10.0.0.1',
    '__proto__\u0000',
  ])('can not be %j', (text) => {
    expect(parseAllowedHost(text)).toBeUndefined();
  });
});

const endpoint = 'https://otlp.acme.example';
const unlisted = 'leads to a host that is not allowed';

describe('the list of allowed hosts', () => {
  it.each([
    [
      'the variable',
      () =>
        resolveFromEnv({
          SIGNALBOX_BACKENDS: 'a',
          SIGNALBOX_BACKEND_A_ENDPOINT: endpoint,
          SIGNALBOX_ALLOWED_HOSTS: 'otlp.example.com, *.acme.example ,10.0.0.0/8',
        }),
    ],
    [
      'a sequence in the file',
      () =>
        resolveText(`
allowed_hosts: [otlp.example.com, '*.acme.example', 10.0.0.0/8]
backends: { a: { endpoint: '${endpoint}' } }`),
    ],
    [
      'text in the file',
      () =>
        resolveText(`
allowed_hosts: otlp.example.com, *.acme.example, 10.0.0.0/8
backends: { a: { endpoint: '${endpoint}' } }`),
    ],
    [
      'code',
      () =>
        resolveConfig({
          allowedHosts: ['otlp.example.com', '*.acme.example', '10.0.0.0/8'],
          backends: { a: { endpoint } },
        }),
    ],
  ])('is read from %s', (_, resolve) => {
    const guard = createHostGuard(backendOf(resolve(), 'a').hosts);
    expect(guard.fault('otlp.acme.example', false)).toBeUndefined();
    expect(guard.fault('otlp.globex.example', false)?.what).toBe(unlisted);
    expect(guard.allowsAddress('otlp.globex.example', '10.1.2.3')).toBe(true);
    expect(guard.allowsAddress('otlp.globex.example', '11.1.2.3')).toBe(false);
  });

  it('is told of every entry that is no host', () => {
    const backends = { a: { endpoint } };
    expect(
      problemLines(() => resolveConfig({ backends, allowedHosts: ['*', 'ok', 'a:1'] })),
    ).toEqual(['allowedHosts.0: is not a host', 'allowedHosts.2: is not a host']);
    const env = { SIGNALBOX_BACKENDS: 'a', SIGNALBOX_BACKEND_A_ENDPOINT: endpoint };
    expect(problemLines(() => resolveFromEnv({ ...env, SIGNALBOX_ALLOWED_HOSTS: '' }))).toEqual([
      'SIGNALBOX_ALLOWED_HOSTS: is set but empty',
    ]);
    expect(
      problemLines(() => resolveFromEnv({ ...env, SIGNALBOX_ALLOWED_HOSTS: 'a:1,,b' })),
    ).toEqual([
      'SIGNALBOX_ALLOWED_HOSTS: has an empty name',
      'SIGNALBOX_ALLOWED_HOSTS: is not a host',
    ]);
    expect(
      problemLines(() =>
        resolveText('allowed_hosts: { a: b }\nbackends: { a: { endpoint: "https://a" } }'),
      ),
    ).toEqual([expect.stringMatching(/:1 allowed_hosts: is not a list of hosts$/)]);
    expect(
      problemLines(() =>
        resolveText('allowed_hosts: [a, [b]]\nbackends: { a: { endpoint: "https://a" } }'),
      ),
    ).toEqual([expect.stringMatching(/:1 allowed_hosts: is not a host$/)]);
  });
});

describe('an endpoint', () => {
  const resolveAt = (url: string, options: object = {}, allowedHosts?: string[]) =>
    problemLines(() =>
      resolveConfig({ allowedHosts, backends: { a: { endpoint: url, ...options } } }),
    );

  it('on a host that is not listed is a problem, where it stands', () => {
    expect(resolveAt(endpoint, {}, ['otlp.example.com'])).toEqual([
      `backends.a.endpoint: ${unlisted}`,
    ]);
    expect(resolveAt('https://203.0.113.7', {}, ['10.0.0.0/8'])).toEqual([
      `backends.a.endpoint: ${unlisted}`,
    ]);
    expect(
      problemLines(() =>
        resolveFromEnv({
          SIGNALBOX_BACKENDS: 'a',
          SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: `${endpoint}/x`,
          SIGNALBOX_ALLOWED_HOSTS: 'otlp.example.com',
        }),
      ),
    ).toEqual([`SIGNALBOX_BACKEND_A_TRACES_ENDPOINT: ${unlisted}`]);
  });

  it('on a host that is refused in any case is a problem without a list', () => {
    const refused = 'backends.a.endpoint: leads to a link-local address, or to cloud metadata';
    expect(resolveAt('http://169.254.169.254')).toEqual([refused]);
    expect(resolveAt('http://0xa9fea9fe')).toEqual([refused]);
    expect(resolveAt('http://[::ffff:169.254.169.254]')).toEqual([refused]);
    expect(resolveAt('http://metadata.google.internal', { proxy: 'http://proxy.example' })).toEqual(
      [refused],
    );
    expect(resolveAt('http://127.0.0.1:4318')).toEqual([]);
    expect(resolveAt('http://169.254.7.7', {}, ['169.254.7.7'])).toEqual([]);
  });

  it('has to be listed by name where others resolve it', () => {
    const networks = ['10.0.0.0/8'];
    expect(resolveAt(endpoint, {}, networks)).toEqual([]);
    expect(resolveAt(endpoint, { proxy: 'none' }, networks)).toEqual([]);
    const problem = [`backends.a.endpoint: ${unlisted}`];
    expect(resolveAt(endpoint, { proxy: 'http://proxy.example' }, networks)).toEqual(problem);
    expect(resolveAt(endpoint, { dispatcher: { dispatch() {} } }, networks)).toEqual(problem);
    expect(resolveAt(endpoint, { exporter: 'otlp-http' }, networks)).toEqual(problem);
    expect(resolveAt(endpoint, { proxy: 'http://proxy.example' }, ['*.acme.example'])).toEqual([]);
  });

  it('of a drop-in backend is checked like any other', () => {
    expect(
      problemLines(() =>
        resolveFromEnv({
          OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
          SIGNALBOX_ALLOWED_HOSTS: 'otlp.example.com',
        }),
      ),
    ).toEqual([`OTEL_EXPORTER_OTLP_ENDPOINT: ${unlisted}`]);
  });
});
