import { describe, expect, it } from 'vitest';
import type { BackendView, CredentialSources } from '../../../src/config/resolved.js';
import { fingerprintOf, type Identity } from '../../../src/exporter/spool/fingerprint.js';

const backend: Identity = {
  name: 'standard',
  url: 'https://user:secret@otlp.example.com/v1/traces?dataset=a&api_key=secret',
  headers: {
    authorization: 'Bearer secret',
    'x-api-key': 'secret',
    'x-scope-orgid': 'acme',
  },
  parent: 'project_name:checkout',
  credentials: undefined,
};
const fingerprint = fingerprintOf(backend);

const view: BackendView = {
  filter: 'all',
  attributes: { drop: ['a'], hash: { attributes: ['b'], key: 'one' }, truncate: { c: 1 } },
  change: undefined,
};

function withHeader(name: string, value: string): Identity {
  return { ...backend, headers: { ...backend.headers, [name]: value } };
}

describe('a fingerprint', () => {
  it.each<[string, Identity]>([
    ['name', { ...backend, name: 'other' }],
    ['host', { ...backend, url: 'https://user:secret@other.example.com/v1/traces?dataset=a' }],
    ['path', { ...backend, url: 'https://user:secret@otlp.example.com/v2/traces?dataset=a' }],
    ['query', { ...backend, url: 'https://user:secret@otlp.example.com/v1/traces?dataset=b' }],
    ['user', { ...backend, url: 'https://other:secret@otlp.example.com/v1/traces?dataset=a' }],
    ['parent', { ...backend, parent: 'project_name:other' }],
    ['no parent', { ...backend, parent: undefined }],
    ['tenant in a header', withHeader('x-scope-orgid', 'globex')],
    ['further header', withHeader('x-team', 'ml')],
    ['view', { ...backend, view }],
  ])('is another with another %s', (_, other) => {
    expect(fingerprintOf(other)).not.toBe(fingerprint);
  });

  it.each<[string, Identity]>([
    ['API key', withHeader('authorization', 'Bearer other')],
    ['key in a header of its own', withHeader('x-api-key', 'other')],
    ['password', { ...backend, url: backend.url?.replace('user:secret', 'user:other') }],
    ['key in the query', { ...backend, url: backend.url?.replace('key=secret', 'key=other') }],
  ])(
    'is another with another %s in the configuration, which may be another account’s',
    (_, other) => {
      expect(fingerprintOf(other)).not.toBe(fingerprint);
    },
  );

  it('is the same whatever the order of headers and parameters', () => {
    const same = {
      ...backend,
      url: 'https://user:secret@otlp.example.com/v1/traces?api_key=secret&dataset=a',
      headers: Object.fromEntries(Object.entries(backend.headers).reverse()),
    };
    expect(fingerprintOf(same)).toBe(fingerprint);
  });

  it.each<[string, CredentialSources['apiKey'], CredentialSources['apiKey']]>([
    ['file', '/run/secrets/key', '/run/secrets/other'],
    ['function', () => 'key', undefined],
  ])(
    'is the same while the key of a %s is rotated, and another with another source',
    (_, source, other) => {
      const withKey = (key: string | undefined, apiKey: CredentialSources['apiKey']) => {
        const { authorization, ...headers } = backend.headers;
        return fingerprintOf({
          ...backend,
          headers: { ...headers, ...(key && { authorization: `Bearer ${key}` }) },
          credentials: { apiKey, tls: undefined },
        });
      };
      expect(withKey('rotated', source)).toBe(withKey('secret', source));
      expect(withKey(undefined, source)).toBe(withKey('secret', source));
      expect(withKey('secret', other)).not.toBe(withKey('secret', source));
    },
  );

  it('tells views apart, and not the keys of their hashes', () => {
    const { attributes } = view;
    const [one, rotated, other] = [
      view,
      {
        ...view,
        attributes: attributes && { ...attributes, hash: { attributes: ['b'], key: 'two' } },
      },
      { ...view, attributes: attributes && { ...attributes, drop: [] } },
    ].map((each) => fingerprintOf({ ...backend, view: each }));
    expect(rotated).toBe(one);
    expect(other).not.toBe(one);
  });

  it('shows nothing of what it is made of', () => {
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });
});
