import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig } from '../../src/config/schema.js';
import { backendOf, problemLines, problemsOf } from './problems.js';

const resolve = (backend: BackendConfig) => resolveConfig({ backends: { a: backend } });
const urlOf = (backend: BackendConfig) => backendOf(resolve(backend), 'a').url;
const braintrust = { preset: 'braintrust', apiKey: 'k', parent: 'project_name:p' } as const;

test.each([
  ['http://localhost:4318', 'http://localhost:4318/v1/traces'],
  ['http://localhost:4318/', 'http://localhost:4318/v1/traces'],
  ['https://otlp.example.com/prefix', 'https://otlp.example.com/prefix/v1/traces'],
  ['https://otlp.example.com/prefix//', 'https://otlp.example.com/prefix/v1/traces'],
  ['https://otlp.example.com/v1/traces', 'https://otlp.example.com/v1/traces'],
  ['https://otlp.example.com/v1/traces/', 'https://otlp.example.com/v1/traces'],
  ['https://otlp.example.com?tenant=a', 'https://otlp.example.com/v1/traces?tenant=a'],
  ['HTTPS://OTLP.example.com', 'https://otlp.example.com/v1/traces'],
  ['http://[::1]:4318', 'http://[::1]:4318/v1/traces'],
])('appends the path of the preset otlp to %s once', (endpoint, expected) => {
  expect(urlOf({ endpoint })).toBe(expected);
});

test.each([
  ['https://api.braintrust.dev', 'https://api.braintrust.dev/otel/v1/traces'],
  ['https://api.braintrust.dev/', 'https://api.braintrust.dev/otel/v1/traces'],
  ['https://api.braintrust.dev/otel', 'https://api.braintrust.dev/otel/v1/traces'],
  ['https://api.braintrust.dev/otel/', 'https://api.braintrust.dev/otel/v1/traces'],
  ['https://api.braintrust.dev/otel/v1/traces', 'https://api.braintrust.dev/otel/v1/traces'],
  ['https://bt.example.com/base', 'https://bt.example.com/base/otel/v1/traces'],
])('appends the path of the preset braintrust to %s once', (endpoint, expected) => {
  expect(urlOf({ ...braintrust, endpoint })).toBe(expected);
});

test.each([
  'https://otlp.example.com/v1/traces?x=1',
  'https://otlp.example.com/any/path/',
  'https://otlp.example.com/',
])('uses the traces endpoint %s as it is', (tracesEndpoint) => {
  expect(urlOf({ tracesEndpoint })).toBe(tracesEndpoint);
});

test.each([
  ['localhost:4318', 'is not an http or https URL'],
  ['otlp.example.com', 'is not an http or https URL'],
  ['grpc://otlp.example.com', 'is not an http or https URL'],
  ['file:///etc/passwd', 'is not an http or https URL'],
  ['http://', 'is not an http or https URL'],
  ['https://user:pass@otlp.example.com', 'has credentials in its user-info'],
  ['https://user@otlp.example.com', 'has credentials in its user-info'],
  ['https://otlp.example.com/#traces', 'has a fragment'],
  ['', 'is empty, or not text'],
])('refuses %j as an endpoint', (url, what) => {
  expect(problemLines(() => resolve({ endpoint: url }))).toEqual([`backends.a.endpoint: ${what}`]);
  expect(problemLines(() => resolve({ tracesEndpoint: url }))).toEqual([
    `backends.a.tracesEndpoint: ${what}`,
  ]);
});

test('asks for an endpoint, also under a preset', () => {
  expect(problemLines(() => resolve({}))).toEqual(['backends.a.endpoint: is not set']);
  expect(problemLines(() => resolve(braintrust))).toEqual(['backends.a.endpoint: is not set']);
});

test('refuses both kinds of endpoint together', () => {
  const both = { endpoint: 'http://a.example', tracesEndpoint: 'http://b.example' };
  expect(problemsOf(() => resolve(both))).toEqual([
    {
      where: 'backends.a.tracesEndpoint',
      what: 'stands beside backends.a.endpoint',
      hint: 'give one of the two',
    },
  ]);
});
