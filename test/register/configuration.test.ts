import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namesAt, openReceiver } from '../integration/backends.js';
import { applicationWith } from './application.js';
import { startRegistered } from './service.js';

// An application that says whether its spans are recorded.
const SCRIPT = `
  import { trace } from '@opentelemetry/api';
  const span = trace.getTracer('application').startSpan('span');
  span.end();
  console.log('application', span.isRecording() || span.ended ? 'traced' : 'untraced');
  process.channel.unref();`;

function run(env: NodeJS.ProcessEnv, preloads: readonly string[] = []) {
  const args = preloads.flatMap((preload) => ['--import', preload]);
  // Node runs preloads in their order, and ours is the first argument: the others go by NODE_OPTIONS, before it.
  return startRegistered(['--input-type=module', '--eval', SCRIPT], {
    OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'pino',
    NODE_OPTIONS: args.join(' '),
    ...env,
  }).ended;
}

const WRONG = {
  SIGNALBOX_BACKENDS: 'main',
  SIGNALBOX_BACKEND_MAIN_TIMEUOT: '1',
  SIGNALBOX_ROUTE_FROM: 'path:([',
  SIGNALBOX_PROPAGATION_SECRET: 'too short a secret',
};

describe('a wrong configuration', () => {
  it.each(['disable', undefined])(
    'is printed whole, and the application runs without export (%s)',
    async (onError) => {
      const ended = await run({ ...WRONG, SIGNALBOX_ON_CONFIG_ERROR: onError });
      expect(ended).toMatchObject({ code: 0, stdout: 'application untraced\n' });
      expect(ended.stderr).toContain('SIGNALBOX_BACKEND_MAIN_TIMEUOT: is not a known setting');
      expect(ended.stderr).toContain('SIGNALBOX_BACKEND_MAIN_ENDPOINT');
      expect(ended.stderr).toContain('SIGNALBOX_ROUTE_FROM: is not a regular expression');
      expect(ended.stderr).toContain('SIGNALBOX_PROPAGATION_SECRET');
      expect(ended.stderr).not.toContain('too short a secret');
      expect(ended.stderr).toContain('the application runs without export');
    },
  );

  it('ends the process with code 1 where that is asked for', async () => {
    const ended = await run({ ...WRONG, SIGNALBOX_ON_CONFIG_ERROR: 'exit' });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain('the configuration has 4 problems');
    expect(ended.stderr).toContain('the process ends');
  });

  it('is one that says neither what to do about it, and the application runs', async () => {
    const ended = await run({ ...WRONG, SIGNALBOX_ON_CONFIG_ERROR: 'abort' });
    expect(ended).toMatchObject({ code: 0, stdout: 'application untraced\n' });
    expect(ended.stderr).toContain('SIGNALBOX_ON_CONFIG_ERROR: is not one of its values');
  });

  it('is one that names no backend', async () => {
    const ended = await run({});
    expect(ended).toMatchObject({ code: 0, stdout: 'application untraced\n' });
    expect(ended.stderr).toContain('no backend is configured');
  });
});

it.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])(
  '%o turns it off, without a word',
  async (env) => {
    expect(await run({ ...WRONG, ...env })).toEqual({
      code: 0,
      signal: null,
      stdout: 'application untraced\n',
      stderr: '',
    });
  },
);

it('steps aside where a provider is registered already', async () => {
  const receiver = await openReceiver();
  const ended = await run(
    {
      SIGNALBOX_BACKENDS: 'main',
      SIGNALBOX_DEFAULT_ROUTE: 'main',
      SIGNALBOX_BACKEND_MAIN_ENDPOINT: receiver.url,
    },
    ['./test/register/fixtures/provider.mjs'],
  );
  expect(ended).toEqual({
    code: 0,
    signal: null,
    stdout: 'application traced\n',
    stderr:
      'signalbox/register: a tracer provider is registered already, and stays: signalbox does nothing\n',
  });
  expect(namesAt(receiver)).toEqual([]);
});

it('drops in for the exporter of OpenTelemetry’s own variables, and says which have no effect', async () => {
  const receiver = await openReceiver();
  const ended = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_EXPORTER: 'otlp,zipkin',
  });
  expect(ended).toMatchObject({ code: 0, stdout: 'application traced\n' });
  expect(ended.stderr).toContain('OTEL_TRACES_EXPORTER: zipkin has no effect');
  expect(namesAt(receiver)).toEqual(['span']);
});

describe('an application that has installed', () => {
  /** Runs an application that makes a span, in a folder of its own with these packages. */
  async function runWith(packages: Record<string, string>) {
    const receiver = await openReceiver();
    const api = `require(${JSON.stringify(join(process.cwd(), 'node_modules/@opentelemetry/api'))})`;
    const main = join(applicationWith(packages), 'main.cjs');
    writeFileSync(
      main,
      `${api}.trace.getTracer('application').startSpan('span').end();
      console.log('application');
      process.channel.unref();`,
    );
    const child = startRegistered([main], { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    return { ended: await child.ended, receiver };
  }

  it('another major version of the SDK runs without export, and is told what to install', async () => {
    const { ended, receiver } = await runWith({ '@opentelemetry/sdk-trace-node': '' });
    expect(ended).toEqual({
      code: 0,
      signal: null,
      stdout: 'application\n',
      stderr:
        'signalbox/register: the application runs without export, as packages are missing: npm install @opentelemetry/sdk-trace-node@2\n',
    });
    expect(namesAt(receiver)).toEqual([]);
  });

  it('an SDK that breaks as it loads runs without export', async () => {
    const { ended, receiver } = await runWith({
      '@opentelemetry/sdk-trace-node': "throw new Error('broken');",
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'application\n' });
    expect(ended.stderr).toContain('tracing could not be set up');
    expect(namesAt(receiver)).toEqual([]);
  });

  it('instrumentations that can not be used has its own spans exported', async () => {
    const { ended, receiver } = await runWith({ '@opentelemetry/auto-instrumentations-node': '' });
    expect(ended).toMatchObject({ code: 0, stdout: 'application\n' });
    expect(ended.stderr).toContain('@opentelemetry/auto-instrumentations-node can not be used');
    expect(namesAt(receiver)).toEqual(['span']);
  });
});
