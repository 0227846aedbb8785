import { relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import type { BackendConfig } from '../../src/config/schema.js';
import { certificates } from '../helpers/certificates/certificates.js';
import { backendOf, problemLines, writeFiles } from './problems.js';

const endpoint = 'https://127.0.0.1:4318';
const resolve = (backend: BackendConfig) =>
  resolveConfig({ backends: { a: { endpoint, ...backend } } });
const headersOf = (backend: BackendConfig) => backendOf(resolve(backend), 'a').headers;
const braintrust = { preset: 'braintrust', apiKey: 'k', parent: 'project_name:p' } as const;

describe('headers', () => {
  test('get lower-case names', () => {
    expect(headersOf({ headers: { 'X-Team': 'ml', b: ' c ' } })).toEqual({
      'x-team': 'ml',
      b: 'c',
    });
  });

  test('may be named like a property of every object', () => {
    const headers = JSON.parse('{"__proto__":"a"}');
    expect(problemLines(() => resolve({ headers }))).toEqual([
      'backends.a.headers: is not a list of headers with text values',
    ]);
    expect(headersOf({ headers: { constructor: 'a' } })).toEqual({ constructor: 'a' });
  });

  test.each([
    ['Host', 'a'],
    ['content-type', 'a'],
    ['Content-Length', '1'],
    ['content-encoding', 'gzip'],
    ['transfer-encoding', 'chunked'],
    ['Connection', 'close'],
    ['user-agent', 'a'],
    ['expect', '100-continue'],
  ])('can not be those that signalbox sets: %s', (name, value) => {
    expect(problemLines(() => resolve({ headers: { [name]: value } }))).toEqual([
      `backends.a.headers.${name}: has ${name.toLowerCase()}, which signalbox sets itself`,
    ]);
  });

  test.each(['', 'a b', 'a:', 'a\r\nb', 'ä', 'a\u0000'])('can not be named %j', (name) => {
    expect(problemLines(() => resolve({ headers: { [name]: 'secret' } }))).toEqual([
      'backends.a.headers: is not a header name',
    ]);
  });

  test.each([
    ['', 'is empty'],
    ['  ', 'is empty'],
    ['a\r\nx-evil: b', 'has characters that no header can carry'],
    ['a\nb', 'has characters that no header can carry'],
    ['a\u0000', 'has characters that no header can carry'],
    ['€', 'has characters that no header can carry'],
  ])('can not have the value %j', (value, what) => {
    expect(problemLines(() => resolve({ headers: { 'x-team': value } }))).toEqual([
      `backends.a.headers.x-team: ${what}`,
    ]);
  });

  test('can not be repeated in other letters', () => {
    expect(problemLines(() => resolve({ headers: { 'x-a': '1', 'X-A': '2' } }))).toEqual([
      'backends.a.headers.X-A: repeats a header in other letters',
    ]);
  });
});

describe('the API key', () => {
  test('is a bearer token under either preset', () => {
    expect(headersOf({ apiKey: 'k' })).toEqual({ authorization: 'Bearer k' });
    expect(headersOf(braintrust)).toEqual({
      authorization: 'Bearer k',
      'x-bt-parent': 'project_name:p',
    });
  });

  test('can stand in a file, whose last line break is cut off', () => {
    const { key } = writeFiles({ key: 'k\r\n' });
    expect(headersOf({ apiKeyFile: key })).toEqual({ authorization: 'Bearer k' });
  });

  test('can not stand in both', () => {
    const { key } = writeFiles({ key: 'k' });
    expect(problemLines(() => resolve({ apiKey: 'k', apiKeyFile: key }))).toEqual([
      'backends.a.apiKeyFile: stands beside backends.a.apiKey',
    ]);
  });

  test.each([
    ['', 'is empty'],
    ['\n\n', 'is empty'],
    ['a\nb', 'has characters that no header can carry'],
    ['€', 'has characters that no header can carry'],
  ])('can not be a file with %j', (content, what) => {
    const { key } = writeFiles({ key: content });
    expect(problemLines(() => resolve({ apiKeyFile: key }))).toEqual([
      `backends.a.apiKeyFile: names a file whose content ${what}`,
    ]);
  });

  test.each([
    ['/nonexistent/key', 'does not exist'],
    ['/', 'is not a regular file'],
    ['/dev/zero', 'is not a regular file'],
  ])('can not stand in %j', (path, what) => {
    expect(problemLines(() => resolve({ apiKeyFile: path }))).toEqual([
      `backends.a.apiKeyFile: names ${JSON.stringify(path)}, which ${what}`,
    ]);
  });

  test('can not stand in a path that no file can have', () => {
    expect(problemLines(() => resolve({ apiKeyFile: '/a\u0000b' }))).toEqual([
      expect.stringMatching(/, which can not be read \(ERR_INVALID_ARG_VALUE\)$/),
    ]);
  });

  test('and the preset own their headers', () => {
    const headers = { Authorization: 'Basic x', 'X-Bt-Parent': 'project_name:other' };
    expect(problemLines(() => resolve({ apiKey: 'k', headers: { Authorization: 'x' } }))).toEqual([
      'backends.a.headers.authorization: authorization is set by the API key',
    ]);
    expect(problemLines(() => resolve({ ...braintrust, headers }))).toEqual([
      'backends.a.headers.authorization: authorization is set by the API key',
      'backends.a.headers.x-bt-parent: x-bt-parent is set by the parent',
    ]);
    expect(headersOf({ headers })).toEqual({
      authorization: 'Basic x',
      'x-bt-parent': 'project_name:other',
    });
  });

  test('is missed under the preset braintrust', () => {
    const { preset, parent } = braintrust;
    expect(resolve({ preset, parent }).warnings).toEqual([
      'backends.a.apiKey: is not set (Braintrust refuses what has no key)',
    ]);
    expect(resolve({ preset, parent, headers: { authorization: 'x' } }).warnings).toEqual([]);
  });
});

describe('credentials that may change', () => {
  const credentials = () => 'k';
  const sourcesOf = (backend: BackendConfig) => backendOf(resolve(backend), 'a').credentials;

  test('are known by where they come from, besides what was found there', () => {
    const files = writeFiles({ key: 'k', ca: certificates.ca });
    const apiKeyFile = relative(process.cwd(), files.key);
    expect(sourcesOf({ apiKeyFile, certificate: files.ca })).toEqual({
      apiKey: files.key,
      tls: { ca: files.ca },
    });
    expect(sourcesOf({ credentials })).toEqual({ apiKey: credentials, tls: undefined });
  });

  test('are none where all are given as they are, or are given once to another exporter', () => {
    const { key } = writeFiles({ key: 'k' });
    expect(sourcesOf({ apiKey: 'k', headers: { a: 'b' } })).toBeUndefined();
    expect(sourcesOf({ exporter: 'otlp-http', apiKeyFile: key })).toBeUndefined();
    expect(resolve({ exporter: 'otlp-http', apiKeyFile: key }).warnings).toEqual([
      'backends.a.apiKeyFile: is read once with this exporter (the exporter signalbox reads it again when it changes)',
    ]);
  });

  test('from a function are no header yet, and are not missed', () => {
    const { preset, parent } = braintrust;
    expect(headersOf({ credentials })).toEqual({});
    expect(resolve({ preset, parent, credentials }).warnings).toEqual([]);
  });

  test('from a function stand beside no others', () => {
    const { key } = writeFiles({ key: 'k' });
    expect(problemLines(() => resolve({ apiKey: 'k', credentials }))).toEqual([
      'backends.a.credentials: stands beside backends.a.apiKey',
    ]);
    expect(problemLines(() => resolve({ apiKeyFile: key, credentials }))).toEqual([
      'backends.a.credentials: stands beside backends.a.apiKeyFile',
    ]);
    const headers = { Authorization: 'Basic x' };
    expect(problemLines(() => resolve({ headers, credentials }))).toEqual([
      'backends.a.headers.authorization: authorization is set by the key that credentials give',
    ]);
  });

  test('from a function are a function, and signalbox asks it', () => {
    // A caller without types may give anything.
    const text = 'k' as unknown as BackendConfig['credentials'];
    expect(problemLines(() => resolve({ credentials: text }))).toEqual([
      'backends.a.credentials: is no function',
    ]);
    expect(problemLines(() => resolve({ exporter: 'otlp-http', credentials }))).toEqual([
      'backends.a.credentials: is not known to the exporter otlp-http',
    ]);
  });

  test('have a grace, which nothing else has', () => {
    expect(backendOf(resolve({ credentials, authGraceMs: 0 }), 'a').authGraceMs).toBe(0);
    expect(resolve({ credentials, authGraceMs: 0 }).warnings).toEqual([]);
    expect(resolve({ apiKey: 'k', authGraceMs: 1 }).warnings).toEqual([
      expect.stringMatching(/^backends\.a\.authGraceMs: has no effect, as the API key can not/),
    ]);
  });
});

describe('the parent', () => {
  test('is kept for the preset braintrust', () => {
    expect(backendOf(resolve(braintrust), 'a').parent).toBe('project_name:p');
  });

  test('is what the preset braintrust needs', () => {
    expect(problemLines(() => resolve({ preset: 'braintrust', apiKey: 'k' }))).toEqual([
      'backends.a.parent: is not set',
    ]);
  });

  test('is nothing to the preset otlp', () => {
    expect(problemLines(() => resolve({ parent: 'project_name:p' }))).toEqual([
      'backends.a.parent: has no meaning under the preset otlp',
    ]);
  });

  test('has to fit into a header', () => {
    expect(problemLines(() => resolve({ ...braintrust, parent: 'project_name:€' }))).toEqual([
      'backends.a.parent: has characters that no header can carry',
    ]);
  });
});

describe('certificates', () => {
  const files = () =>
    writeFiles({
      ca: certificates.ca,
      cert: certificates.client.cert,
      key: certificates.client.key,
      'other-key': certificates.otherClient.key,
      garbage: 'not PEM',
      empty: '',
      broken: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    });

  test('are read as PEM texts', () => {
    const { ca, cert, key } = files();
    const options = { certificate: ca, clientCertificate: cert, clientKey: key };
    expect(backendOf(resolve(options), 'a').tls).toEqual({
      ca: certificates.ca,
      cert: certificates.client.cert,
      key: certificates.client.key,
    });
    expect(backendOf(resolve({ certificate: ca }), 'a').tls).toEqual({ ca: certificates.ca });
  });

  test.each(['garbage', 'empty', 'broken', 'key'] as const)('can not be read from %s', (name) => {
    const paths = files();
    const what = 'has no certificate that can be read';
    expect(problemLines(() => resolve({ certificate: paths[name] }))).toEqual([
      `backends.a.certificate: ${what}`,
    ]);
    const pair = { clientCertificate: paths[name], clientKey: paths.key };
    expect(problemLines(() => resolve(pair))).toEqual([`backends.a.clientCertificate: ${what}`]);
  });

  test.each(['other-key', 'garbage', 'cert'] as const)('do not go with the key %s', (name) => {
    const paths = files();
    const pair = { clientCertificate: paths.cert, clientKey: paths[name] };
    expect(problemLines(() => resolve(pair))).toEqual([
      'backends.a.clientCertificate: does not go with its key',
    ]);
  });

  test('come as a pair', () => {
    const { cert, key } = files();
    expect(problemLines(() => resolve({ clientCertificate: cert }))).toEqual([
      'backends.a.clientKey: is not set beside backends.a.clientCertificate',
    ]);
    expect(problemLines(() => resolve({ clientKey: key }))).toEqual([
      'backends.a.clientCertificate: is not set beside backends.a.clientKey',
    ]);
  });

  test('that can not be read are named by path and setting', () => {
    expect(problemLines(() => resolve({ certificate: '/nonexistent/ca.pem' }))).toEqual([
      'backends.a.certificate: names "/nonexistent/ca.pem", which does not exist',
    ]);
  });

  test.each([
    'sk-123456789',
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----',
    '/x\nMIIEvQ',
    `/${'x'.repeat(5_000)}`,
  ])('are not shown where they are given in place of a path (%j)', (secret) => {
    for (const key of ['apiKeyFile', 'certificate', 'clientCertificate', 'clientKey']) {
      expect(problemLines(() => resolve({ [key]: secret })).join()).toMatch(
        /: names a file \(not shown, as it does not begin like a path\), which /,
      );
    }
  });

  test('are warned of where the URL is http', () => {
    const { ca } = files();
    const { warnings } = resolve({ endpoint: 'http://127.0.0.1', certificate: ca });
    expect(warnings).toEqual([expect.stringMatching(/^backends\.a\.certificate: has no effect/)]);
  });
});
