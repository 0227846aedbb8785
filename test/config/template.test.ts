import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { Backend, ResolvedConfig } from '../../src/config/resolved.js';
import type { BackendConfig } from '../../src/config/schema.js';
import { problemLines, resolveText, writeFiles } from './problems.js';

const endpoint = 'https://{route}.data.example';

function withTemplate(template: BackendConfig): ResolvedConfig {
  return resolveConfig({ backends: {}, template });
}

/** What a template, or a function in code, gives for a key at once. */
function lookUp({ dynamic }: ResolvedConfig, key: string): Backend | undefined {
  const found = dynamic?.lookUp(key);
  if (found instanceof Promise) throw new Error('a template does not take time');
  return found;
}

describe('a template', () => {
  it('makes a backend for a key, with all settings of its own', () => {
    const config = withTemplate({ endpoint, headers: { 'x-team': 'ml' }, maxQueueSize: 7 });
    expect(lookUp(config, 'acme')).toMatchObject({
      name: 'template/acme',
      url: 'https://acme.data.example/v1/traces',
      headers: { 'x-team': 'ml' },
      maxQueueSize: 7,
      hosts: { allowed: undefined, refusePrivate: true },
    });
  });

  it.each([
    ['https://{route}.data.example', 'https://k.data.example/v1/traces'],
    ['https://{route}.data.example/', 'https://k.data.example/v1/traces'],
    [
      'HTTPS://{route}.Data.Example:8443/base?a=b',
      'https://k.data.example:8443/base/v1/traces?a=b',
    ],
    ['http://{route}.collectors:4318', 'http://k.collectors:4318/v1/traces'],
  ])('with the endpoint %s sends to %s', (pattern, url) => {
    expect(lookUp(withTemplate({ endpoint: pattern }), 'k')?.url).toBe(url);
    expect(
      lookUp(withTemplate({ tracesEndpoint: 'https://{route}.data.example/exact' }), 'k')?.url,
    ).toBe('https://k.data.example/exact');
  });

  it.each([
    'https://data.example',
    'https://{route}',
    'https://{route}:4318',
    'https://{route}data.example',
    'https://a.{route}.data.example',
    'https://a-{route}.data.example',
    'https://{route}.{route}.example',
    'https://{route}.data.example/{route}',
    'https://{route}@data.example',
    'https://user@{route}.data.example',
    'https://data.example/{route}.x',
    '{route}://data.example',
    'ftp://{route}.data.example',
    '//{route}.data.example',
    'https://{other}.data.example',
  ])('can not be %s', (pattern) => {
    expect(problemLines(() => withTemplate({ endpoint: pattern }))).toEqual([
      'template.endpoint: does not have {route} once, as the left-most label of its host',
    ]);
  });

  it('can not end in an address, of which a key would be a part', () => {
    expect(problemLines(() => withTemplate({ endpoint: 'http://{route}.0.0.1' }))).toEqual([
      'template.endpoint: is not an http or https URL',
    ]);
  });

  it('has its placeholder in the host alone, and no exporter of its own', () => {
    const template: BackendConfig = {
      endpoint,
      preset: 'braintrust',
      parent: 'project_name:{route}',
      headers: { authorization: '{route}' },
      exporter: 'console',
    };
    expect(problemLines(() => withTemplate(template))).toEqual([
      'template.parent: has {route}, which counts in the host alone',
      'template.headers: has {route}, which counts in the host alone',
      'template.exporter: can not be made for each key',
    ]);
  });

  it('is checked as a backend is', () => {
    expect(problemLines(() => withTemplate({ endpoint, timeoutMs: -1, parent: 'x' }))).toEqual([
      'template.timeoutMs: is not a whole number in its range',
      'template.parent: has no meaning under the preset otlp',
    ]);
    expect(problemLines(() => withTemplate({}))).toEqual(['template.endpoint: is not set']);
  });

  it('does not stand beside resolveBackend', () => {
    const both = { backends: {}, template: { endpoint }, resolveBackend: () => undefined };
    expect(problemLines(() => resolveConfig(both))).toEqual([
      'resolveBackend: stands beside template',
    ]);
  });

  it('makes configured keys the only other ones: the names of backends are none', () => {
    const backends = { standard: { endpoint: 'https://otlp.example' } };
    const config = resolveConfig({ backends, template: { endpoint }, defaultRoute: 'standard' });
    expect([...config.routes.keys()]).toEqual([]);
    expect(config.defaultRoute).toEqual({ key: 'standard', backends: ['standard'] });
  });

  it('comes from variables, with what falls back to those of OpenTelemetry', () => {
    const { key } = writeFiles({ key: 'secret' });
    const env = {
      SIGNALBOX_TEMPLATE_ENDPOINT: endpoint,
      SIGNALBOX_TEMPLATE_PRESET: 'braintrust',
      SIGNALBOX_TEMPLATE_PARENT: 'project_name:checkout',
      SIGNALBOX_TEMPLATE_API_KEY_FILE: key,
      SIGNALBOX_TEMPLATE_IDLE_TIMEOUT: '1000',
      SIGNALBOX_TEMPLATE_MAX_BACKENDS: '7',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1234',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://not.read.example',
      HTTPS_PROXY: 'http://proxy.example:3128',
    };
    const config = resolveFromEnv(env);
    expect(config.backends.size).toBe(0);
    expect(config.dynamic).toMatchObject({ idleTimeoutMs: 1000, maxBackends: 7 });
    expect(lookUp(config, 'acme')).toMatchObject({
      url: 'https://acme.data.example/otel/v1/traces',
      headers: { authorization: 'Bearer secret', 'x-bt-parent': 'project_name:checkout' },
      timeoutMs: 1234,
      proxy: 'http://proxy.example:3128/',
    });
    expect(lookUp(resolveConfig(loadConfig(env)), 'acme')).toEqual(lookUp(config, 'acme'));
    const exempt = resolveFromEnv({ ...env, NO_PROXY: 'data.example' });
    expect(lookUp(exempt, 'acme')?.proxy).toBeUndefined();
  });

  it('comes from the file, under the variables', () => {
    const text = `
template_idle_timeout: 5000
template:
  endpoint: https://{route}.data.example
  timeout: 1
`;
    const config = resolveText(text, { SIGNALBOX_TEMPLATE_TIMEOUT: '2' });
    expect(config.dynamic).toMatchObject({ idleTimeoutMs: 5000 });
    expect(lookUp(config, 'acme')).toMatchObject({ timeoutMs: 2 });
  });

  it('is told of by its variable, or its place in the file', () => {
    const wrong = { SIGNALBOX_TEMPLATE_ENDPOINT: 'https://data.example' };
    expect(problemLines(() => resolveFromEnv(wrong))).toEqual([
      'SIGNALBOX_TEMPLATE_ENDPOINT: does not have {route} once, as the left-most label of its host',
    ]);
    expect(problemLines(() => resolveFromEnv({ SIGNALBOX_TEMPLATE_TIMEOUT: '1' }))).toEqual([
      'SIGNALBOX_TEMPLATE_ENDPOINT: is not set',
    ]);
    const [line] = problemLines(() => resolveText('template:\n  endpoint: x\n  colour: red\n'));
    expect(line).toMatch(/signalbox\.yaml:3 template\.colour: is not a known setting$/);
    const [missing] = problemLines(() => resolveText('template: {}\n'));
    expect(missing).toMatch(/signalbox\.yaml:1 template\.endpoint: is not set$/);
  });
});

describe('a key', () => {
  const config = withTemplate({ endpoint: `${endpoint}:8443/base` });

  it.each(['a', '7', 'acme-eu-1', 'a'.repeat(63), 'xn--bcher-kva'])(
    '%s is a label of a host',
    (key) => {
      expect(lookUp(config, key)?.url).toBe(`https://${key}.data.example:8443/base/v1/traces`);
    },
  );

  it.each([
    '',
    '-a',
    'a-',
    'A',
    'a.b',
    'a_b',
    'a/b',
    'a:b',
    'a@b',
    'a#',
    'a?',
    'a%2e',
    'a\\b',
    'a\n',
    'ä',
    'ﬁ',
    'a。b',
    'a'.repeat(64),
    'xn--a-ecp.ru',
    'xn--',
    '{route}',
  ])('%j is none', (key) => {
    expect(lookUp(config, key)).toBeUndefined();
  });

  it('never changes the scheme, the suffix of the host, the port or the path', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'abzAZ059-_.:/@#?%\\[]{}\t\n \u0000。．ﬀxn-') }),
      fc.webUrl(),
      fc.ipV4(),
      fc.ipV6(),
      fc.domain(),
      fc.stringMatching(/^xn--[a-z0-9-]{1,20}$/),
      fc.stringMatching(/^[a-z0-9-]{1,64}$/),
    );
    fc.assert(
      fc.property(hostile, (key) => {
        const backend = lookUp(config, key);
        if (backend?.url === undefined) return;
        const { protocol, username, password, hostname, port, pathname, search, hash } = new URL(
          backend.url,
        );
        expect([protocol, username, password, port, search, hash].join()).toBe('https:,,,8443,,');
        expect(pathname).toBe('/base/v1/traces');
        expect(hostname).toBe(`${key}.data.example`);
        expect(key).toMatch(/^[a-z0-9-]{1,63}$/);
        const { url, name } = backend;
        expect(backend).toEqual({ ...lookUp(config, 'a'), url, name });
      }),
      { numRuns: 5_000 },
    );
  });
});
