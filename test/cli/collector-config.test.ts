import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { onTerminal, signalbox } from './command.js';
import { temporaryFile } from './files.js';
import { twoBackends } from './two-backends.js';

/** The configuration that is printed for these variables, and what is said beside it. */
async function generate(env: NodeJS.ProcessEnv, ...options: readonly string[]) {
  const { code, stdout, stderr } = await onTerminal(['collector-config', ...options], env, 400);
  expect(code, stderr).toBe(0);
  return { config: parse(stdout), stdout, stderr };
}

/** What is said of variables that give no Collector. */
async function refusal(env: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await onTerminal(['collector-config'], env, 400);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
}

/** A reference in a Collector's configuration. */
function variable(name: string): string {
  return `\${env:${name}}`;
}

const single = {
  SIGNALBOX_BACKENDS: 'acme',
  SIGNALBOX_BACKEND_ACME_ENDPOINT: 'https://otlp.acme.example',
} as const;

function tableOf(config: { connectors: { routing: { table: unknown[] } } }): unknown[] {
  return config.connectors.routing.table;
}

test('leads each key to the pipelines of its backends, and spans without one to the default route', async () => {
  const { config } = await generate(twoBackends);
  const context = 'span';
  expect(tableOf(config)).toEqual([
    {
      context,
      condition: 'attributes["signalbox.route"] == "acme"',
      pipelines: ['traces/to-byoc-acme'],
    },
    {
      context,
      condition: 'attributes["signalbox.route"] == "globex"',
      pipelines: ['traces/to-standard', 'traces/to-byoc-acme'],
    },
    {
      context,
      condition: 'attributes["signalbox.route"] == nil',
      pipelines: ['traces/to-standard'],
    },
  ]);
  expect(config.service.pipelines['traces/to-byoc-acme']).toEqual({
    receivers: ['routing'],
    exporters: ['otlp_http/byoc-acme'],
  });
});

test('an unknown key has no pipeline, unless it follows the default route', async () => {
  const dropped = await generate(twoBackends);
  expect(dropped.config.connectors.routing).not.toHaveProperty('default_pipelines');
  const followed = await generate({ ...twoBackends, SIGNALBOX_UNKNOWN_ROUTE: 'default' });
  expect(followed.config.connectors.routing.default_pipelines).toEqual(['traces/to-standard']);
});

test('without a default route nothing matches a span without a key', async () => {
  const { config } = await generate(single);
  expect(tableOf(config)).toHaveLength(1);
  expect(config.connectors.routing).not.toHaveProperty('default_pipelines');
});

test('a backend that no route leads to has no pipeline', async () => {
  const { SIGNALBOX_DEFAULT_ROUTE: _, ...env } = twoBackends;
  const { config } = await generate({ ...env, SIGNALBOX_ROUTES: 'acme=byoc-acme' });
  expect(Object.keys(config.service.pipelines)).toEqual(['traces/in', 'traces/to-byoc-acme']);
});

test('secrets stay in variables, which are listed; the parent is written', async () => {
  const { config, stdout } = await generate(twoBackends);
  expect(stdout).not.toContain('secret-');
  expect(stdout).not.toContain('sk-');
  expect(config.exporters['otlp_http/standard']).toMatchObject({
    traces_endpoint: 'https://api.braintrust.example/otel/v1/traces',
    headers: {
      authorization: `Bearer ${variable('SIGNALBOX_BACKEND_STANDARD_API_KEY')}`,
      'x-bt-parent': 'project_name:checkout',
    },
  });
  expect(config.exporters['otlp_http/byoc-acme']).toMatchObject({
    traces_endpoint: variable('SIGNALBOX_BACKEND_BYOC_ACME_TRACES_ENDPOINT'),
    headers: { 'x-team': variable('COLLECTOR_HEADER_BYOC_ACME_X_TEAM') },
    proxy_url: variable('SIGNALBOX_BACKEND_BYOC_ACME_PROXY'),
  });
  for (const [, name] of stdout.matchAll(/\$\{env:(\w+)\}/g))
    expect(stdout).toContain(`#   ${name}: `);
});

test('says how a variable is written, as a Collector expands its value', async () => {
  const { stdout } = await generate({ ...single, SIGNALBOX_BACKEND_ACME_API_KEY: 'k' });
  expect(stdout).toMatch(/^# Variables that it needs, each `\$` in a value written `\$\$`/m);
  expect((await generate(single)).stdout).not.toContain('# Variables');
});

test('refuses a parent of a route, and says where the route can stay', async () => {
  const said = await refusal({
    SIGNALBOX_BACKENDS: 'bt',
    SIGNALBOX_ROUTES: 'acme=bt',
    SIGNALBOX_ROUTE_PARENTS: 'acme=project_name:acme',
    SIGNALBOX_BACKEND_BT_PRESET: 'braintrust',
    SIGNALBOX_BACKEND_BT_ENDPOINT: 'https://braintrust.example',
    SIGNALBOX_BACKEND_BT_API_KEY: 'k',
    SIGNALBOX_BACKEND_BT_PARENT: 'project_name:checkout',
  });
  expect(said).toContain('SIGNALBOX_ROUTE_PARENTS: is nothing that a Collector does');
  expect(said).toContain('keep the routes that it is for in the services');
});

test('headers whose names differ in punctuation alone have a variable each', async () => {
  const headers = { SIGNALBOX_BACKEND_ACME_HEADERS: 'x-a=1,x.a=2' };
  const { config } = await generate({ ...single, ...headers });
  expect(config.exporters['otlp_http/acme'].headers).toEqual({
    'x-a': variable('COLLECTOR_HEADER_ACME_X_A'),
    'x.a': variable('COLLECTOR_HEADER_ACME_X_A_2'),
  });
});

test('what the configuration has of dollar signs is no reference', async () => {
  const { config } = await generate({
    ...twoBackends,
    SIGNALBOX_BACKEND_STANDARD_PARENT: 'project_name:$HOME $$',
  });
  expect(config.exporters['otlp_http/standard'].headers['x-bt-parent']).toBe(
    'project_name:$$HOME $$$$',
  );
});

test('an application can not name another parent than the configured one', async () => {
  const { config } = await generate(twoBackends);
  expect(config.processors['attributes/parent'].actions).toEqual([
    { key: 'braintrust.parent', action: 'delete' },
  ]);
  expect(config.service.pipelines['traces/to-standard'].processors).toEqual(['attributes/parent']);
  expect(config.service.pipelines['traces/to-byoc-acme']).not.toHaveProperty('processors');
});

test('a key in a file is read by an extension of its own', async () => {
  const file = temporaryFile('key', 'sk-of-the-file');
  const { config, stdout } = await generate({
    ...single,
    SIGNALBOX_BACKEND_ACME_API_KEY_FILE: file,
  });
  expect(stdout).not.toContain('sk-of-the-file');
  expect(config.extensions['bearertokenauth/acme']).toEqual({ filename: resolve(file) });
  expect(config.exporters['otlp_http/acme'].auth).toEqual({
    authenticator: 'bearertokenauth/acme',
  });
  expect(config.exporters['otlp_http/acme']).not.toHaveProperty('headers');
  expect(config.service.extensions).toContain('bearertokenauth/acme');
});

test('retries end as the configuration says, and 0 is none', async () => {
  const retryOf = async (setting: NodeJS.ProcessEnv) =>
    (await generate({ ...single, ...setting })).config.exporters['otlp_http/acme'].retry_on_failure;
  expect(await retryOf({})).toMatchObject({ enabled: true, max_elapsed_time: '300s' });
  // A wait that is longer than all of the time would be refused.
  expect(await retryOf({ SIGNALBOX_BACKEND_ACME_RETRY_MAX_ELAPSED: '1500' })).toMatchObject({
    max_interval: '1500ms',
    max_elapsed_time: '1500ms',
  });
  // In a Collector it would be for ever.
  expect(await retryOf({ SIGNALBOX_BACKEND_ACME_RETRY_MAX_ELAPSED: '0' })).toEqual({
    enabled: false,
  });
  expect(await retryOf({ SIGNALBOX_BACKEND_ACME_SPOOL_DIR: '/tmp' })).toMatchObject({
    max_elapsed_time: '86400s',
  });
});

test('a queue is on disk, as large as the spool would be', async () => {
  const { config } = await generate({ ...single, SIGNALBOX_BACKEND_ACME_SCHEDULE_DELAY: '0' });
  expect(config.exporters['otlp_http/acme'].sending_queue).toEqual({
    enabled: true,
    storage: 'file_storage/queues',
    sizer: 'bytes',
    queue_size: 512 * 1024 * 1024,
    block_on_overflow: false,
    num_consumers: 4,
    batch: { sizer: 'bytes', min_size: 262_144, max_size: 4_194_304, flush_timeout: '1ms' },
  });
});

test.each([
  [{ SIGNALBOX_BACKEND_ACME_FILTER: 'ai' }, 'SIGNALBOX_BACKEND_ACME_FILTER'],
  [{ SIGNALBOX_BACKEND_ACME_DROP_ATTRIBUTES: 'db.*' }, 'SIGNALBOX_BACKEND_ACME_DROP_ATTRIBUTES'],
  [
    {
      SIGNALBOX_BACKEND_ACME_HASH_ATTRIBUTES: 'user.id',
      SIGNALBOX_BACKEND_ACME_HASH_KEY: 'k'.repeat(32),
    },
    'SIGNALBOX_BACKEND_ACME_HASH_ATTRIBUTES',
  ],
  [
    { SIGNALBOX_BACKEND_ACME_TRUNCATE_ATTRIBUTES: 'prompt=9' },
    'SIGNALBOX_BACKEND_ACME_TRUNCATE_ATTRIBUTES',
  ],
  [{ SIGNALBOX_BACKEND_ACME_EXPORTER: 'console' }, 'SIGNALBOX_BACKEND_ACME_EXPORTER'],
  [{ SIGNALBOX_ROUTE_ATTRIBUTE: '' }, 'SIGNALBOX_ROUTE_ATTRIBUTE'],
  [{ SIGNALBOX_ROUTE_ATTRIBUTE: 'tenant' }, 'SIGNALBOX_ROUTE_ATTRIBUTE'],
  [
    { SIGNALBOX_TEMPLATE_ENDPOINT: 'https://{route}.data.example', SIGNALBOX_ROUTES: 'acme=acme' },
    'SIGNALBOX_TEMPLATE_ENDPOINT',
  ],
  [{ SIGNALBOX_BACKEND_ACME_PRESET: 'collector' }, 'SIGNALBOX_BACKEND_ACME_PRESET'],
])('makes no Collector that would let more through: %o', async (setting, place) => {
  expect(await refusal({ ...single, ...setting })).toContain(`${place}:`);
});

test('a problem of the configuration is told beside the file that is written', async () => {
  const { code, stdout, stderr } = await signalbox(['collector-config'], {
    SIGNALBOX_BACKENDS: 'acme',
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('SIGNALBOX_BACKEND_ACME_ENDPOINT');
});

test('what is left out at no such cost is told, beside the configuration', async () => {
  const { stderr, config } = await generate({
    ...single,
    SIGNALBOX_BACKEND_ACME_RATE_LIMIT_MAX_REQUESTS: '10',
    SIGNALBOX_ALLOWED_HOSTS: 'otlp.acme.example',
  });
  expect(stderr).toContain('SIGNALBOX_BACKEND_ACME_RATE_LIMIT_MAX_REQUESTS is left out');
  expect(stderr).toContain('SIGNALBOX_ALLOWED_HOSTS is left out');
  expect(config.service.pipelines).toHaveProperty('traces/to-acme');
});

test.each([
  [[], { dns: { hostname: 'gateways', port: '4317' } }],
  [['--gateways', 'gw.fleet.svc:5317'], { dns: { hostname: 'gw.fleet.svc', port: '5317' } }],
  [['--gateways', 'a:1,b:2'], { static: { hostnames: ['a:1', 'b:2'] } }],
])('the agents keep a trace on one of the gateways: %j', async (options, resolver) => {
  const { config, stdout } = await generate(twoBackends, '--tier', 'agents', ...options);
  expect(config.exporters.loadbalancing).toMatchObject({ routing_key: 'traceID', resolver });
  expect(config.service.pipelines.traces.exporters).toEqual(['loadbalancing']);
  // No backend, key or credential: they are the gateways'.
  expect(stdout).not.toMatch(/acme|standard|API_KEY/);
});

test.each([
  ['--tier', 'middle'],
  ['--format', 'json'],
  ['--gateways', 'a b'],
  ['--gateways', ''],
])('wrong usage ends with code 2: %s %s', async (...options) => {
  const { code, stdout, stderr } = await signalbox(['collector-config', ...options], single);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).not.toBe('');
});

test('backends from a file have the variables that they would have', async () => {
  const file = temporaryFile(
    'signalbox.yaml',
    'backends: { acme: { endpoint: "https://acme.example", api_key: sk-in-the-file } }',
  );
  const { config, stdout } = await generate({}, '--config', file);
  expect(stdout).not.toContain('sk-in-the-file');
  expect(config.exporters['otlp_http/acme'].headers).toEqual({
    authorization: `Bearer ${variable('SIGNALBOX_BACKEND_ACME_API_KEY')}`,
  });
});
