import { describe, expect, it } from 'vitest';
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
};
const fingerprint = fingerprintOf(backend);

function withHeader(name: string, value: string): Identity {
  return { ...backend, headers: { ...backend.headers, [name]: value } };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
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
  ])('is another with another %s', (_, other) => {
    expect(fingerprintOf(other)).not.toBe(fingerprint);
  });

  it.each<[string, Identity]>([
    ['API key', withHeader('authorization', 'Bearer rotated')],
    ['key in a header of its own', withHeader('x-api-key', 'rotated')],
    [
      'password and key in the URL',
      {
        ...backend,
        url: 'https://user:rotated@otlp.example.com/v1/traces?api_key=rotated&dataset=a',
      },
    ],
    ['order of its headers, and no key', { ...backend, headers: { 'x-scope-orgid': 'acme' } }],
  ])('is the same with another %s', (_, same) => {
    expect(fingerprintOf(same)).toBe(fingerprint);
  });

  it('tells the users of basic credentials apart, and not their passwords', () => {
    const [one, rotated, other] = [
      withHeader('authorization', basic('1', 'secret')),
      withHeader('authorization', basic('1', 'rotated')),
      withHeader('authorization', basic('2', 'secret')),
    ].map(fingerprintOf);
    expect(rotated).toBe(one);
    expect(other).not.toBe(one);
  });

  it('shows nothing of what it is made of', () => {
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });
});
