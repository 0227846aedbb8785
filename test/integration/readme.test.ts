import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  plainAttributes,
  type RecordedRequest,
  startReceiver,
  type TestReceiver,
} from '../helpers/receiver.js';
import { fixture, startNode } from './child.js';

const use = readFileSync('README.md', 'utf8')
  .split(/^## /m)
  .find((part) => part.startsWith('Use'));

/** The first block of a language in the README's section "Use". */
function sample(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(use ?? '')?.[1];
  if (found === undefined) throw new Error(`the README has no sample in ${language}`);
  return found;
}

/** Replaces what a reader has to, and fails where the README no longer has it. */
function replace(text: string, what: string, by: string): string {
  expect(text).toContain(what);
  return text.replace(what, by);
}

/** The variables of the README's sample, for these two backends. */
function readEnv(urls: { standard: string; acme: string }, keyFile: string): NodeJS.ProcessEnv {
  let text = sample('sh');
  text = replace(text, 'https://api.braintrust.dev', urls.standard);
  text = replace(text, 'https://braintrust.acme.example', urls.acme);
  text = replace(text, '/run/secrets/acme', keyFile);
  const lines = text.trimEnd().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = '', value = ''] = /^([A-Z_]+)=(\S+)(?:\s+#.*)?$/.exec(line) ?? [];
      return [name, value];
    }),
  );
}

/** The README's code, with the two functions that it leaves to the reader, and with a port that is free. */
function application(): string {
  const code = replace(
    sample('js'),
    'server.listen(8080);',
    "server.listen(0, '127.0.0.1', () => process.send(server.address().port));",
  );
  return `${code}
    import { trace } from '@opentelemetry/api';

    function inSpan(name, request, fn) {
      return trace.getTracer('application').startActiveSpan(name, async (span) => {
        span.setAttribute('url.path', request.url);
        await new Promise((resolve) => setImmediate(resolve));
        span.end();
        return fn();
      });
    }
    function authenticate(request) {
      return inSpan('authenticate', request, () => request.url.slice(1));
    }
    function handle(request) {
      return inSpan('handle', request, () => 'done');
    }`;
}

let receiver: TestReceiver;
let folder: string;

beforeEach(async () => {
  receiver = await startReceiver();
  folder = mkdtempSync(join(tmpdir(), 'signalbox-readme-'));
});

afterEach(async () => {
  rmSync(folder, { recursive: true });
  await receiver.stop();
});

function requestsFor(backend: string): RecordedRequest[] {
  return receiver.requests.filter((request) => request.backend === backend);
}

/** What came for a backend: each span's name and the path of its request, in alphabetical order. */
function arrivedAt(backend: string): string[] {
  return receiver
    .spans(backend)
    .map(({ name, attributes }) => `${name} ${plainAttributes(attributes)['url.path']}`)
    .sort();
}

describe('the README’s sample', () => {
  it.each([
    { what: 'without instrumentation', args: [], server: [] },
    { what: 'with it', args: ['--import', fixture('instrumentation.mjs')], server: ['GET'] },
  ])('routes requests with the README’s environment, $what', async ({ args, server }) => {
    const keyFile = join(folder, 'acme');
    writeFileSync(keyFile, 'key-of-acme\n');
    const env = readEnv(
      { standard: `${receiver.url}/standard`, acme: `${receiver.url}/byoc-acme` },
      keyFile,
    );
    const child = startNode([...args, '--input-type=module', '--eval', application()], env);
    const port = await child.receive();
    // One after the other, and so on one connection: nothing of a request may stick to it.
    const answers: string[] = [];
    for (const tenant of ['acme', 'globex', 'nobody-knows-it', '', 'acme']) {
      const response = await fetch(`http://127.0.0.1:${port}/${tenant}`);
      answers.push(await response.text());
    }
    child.kill('SIGTERM');

    expect(await child.ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(answers).toEqual(Array(5).fill('done'));
    const spansOf = (path: string) =>
      [...server, 'authenticate', 'handle'].map((name) => `${name} ${path}`);
    expect(arrivedAt('standard')).toEqual(spansOf('/globex'));
    expect(arrivedAt('byoc-acme')).toEqual(['/acme', '/acme', '/globex'].flatMap(spansOf).sort());
    for (const { path, headers } of requestsFor('standard')) {
      expect(path).toBe('/standard/otel/v1/traces');
      expect(headers.authorization).toBe('Bearer sk-...');
      expect(headers['x-bt-parent']).toBe('project_name:checkout');
    }
    for (const { headers } of requestsFor('byoc-acme')) {
      expect(headers.authorization).toBe('Bearer key-of-acme');
    }
  });
});
