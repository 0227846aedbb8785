import { expect, test } from 'vitest';
import { z } from 'zod';
import { onTerminal, signalbox } from './command.js';
import { temporaryFile } from './files.js';
import { twoBackends } from './two-backends.js';

const origin = {
  source: z.enum(['variable', 'file', 'default', 'unset']),
  where: z.string().optional(),
};
const setting = z.strictObject({
  name: z.string(),
  value: z.union([
    z.null(),
    z.string(),
    z.number(),
    z.boolean(),
    z.array(z.string()),
    z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  ]),
  ...origin,
});
const valid = z.strictObject({
  ok: z.literal(true),
  backends: z.array(
    z.strictObject({ name: z.string(), url: z.string().nullable(), settings: z.array(setting) }),
  ),
  template: z.array(setting).nullable(),
  monitoring: z.array(setting).nullable(),
  routes: z.array(
    z.strictObject({
      key: z.string(),
      backends: z.array(z.string()),
      targets: z
        .array(
          z.strictObject({
            backend: z.string(),
            role: z.enum(['primary', 'shadow']),
            share: z.string().optional(),
          }),
        )
        .optional(),
      parent: z.string().optional(),
      requires: z.string().optional(),
      ...origin,
    }),
  ),
  settings: z.array(setting),
  variables: z.array(setting),
  warnings: z.array(z.string()),
});
const invalid = z.strictObject({
  ok: z.literal(false),
  problems: z.array(z.strictObject({ where: z.string(), what: z.string(), hint: z.string() })),
});

type Valid = z.infer<typeof valid>;

function settingOf(report: Valid, backend: string, name: string) {
  const found = report.backends.find((each) => each.name === backend);
  return found?.settings.find((each) => each.name === name);
}

test('prints every setting as JSON, with the variable that it comes from, or its default', async () => {
  const { code, stdout } = await signalbox(['check', '--json'], twoBackends);
  expect(code).toBe(0);
  const report = valid.parse(JSON.parse(stdout));
  expect(report.backends.map(({ name, url }) => [name, url])).toEqual([
    ['standard', 'https://api.braintrust.example/otel/v1/traces'],
    ['byoc-acme', 'https://acme.example/in?****'],
  ]);
  expect(settingOf(report, 'standard', 'preset')).toEqual({
    name: 'preset',
    value: 'braintrust',
    source: 'variable',
    where: 'SIGNALBOX_BACKEND_STANDARD_PRESET',
  });
  expect(settingOf(report, 'standard', 'timeout')).toEqual({
    name: 'timeout',
    value: 10_000,
    source: 'default',
  });
  expect(settingOf(report, 'standard', 'schedule_delay')).toMatchObject({
    value: 250,
    where: 'OTEL_BSP_SCHEDULE_DELAY',
  });
  expect(settingOf(report, 'standard', 'max_queue_size')).toMatchObject({
    value: null,
    source: 'unset',
  });
  expect(report.routes).toContainEqual({
    key: 'globex',
    backends: ['standard', 'byoc-acme'],
    source: 'variable',
    where: 'SIGNALBOX_ROUTES',
  });
});

test.each([
  ['as JSON', ['--json']],
  ['as text', []],
])('shows no secret, %s', async (_, flags) => {
  const { code, stdout, stderr } = await signalbox(['check', ...flags], twoBackends);
  expect(code).toBe(0);
  expect(stdout + stderr).not.toContain('secret-');
  expect(stdout).toContain('x-team');
  expect(stdout).toContain('http://****@proxy.example:3128/');
});

test('names the line of the file, and the variable that overrides it', async () => {
  const config = temporaryFile(
    'signalbox.yaml',
    `backends:
  a:
    endpoint: https://a.example
    timeout: 2000
    compression: gzip
routes:
  acme: a
`,
  );
  const env = { SIGNALBOX_BACKEND_A_TIMEOUT: '3000' };
  const { stdout } = await signalbox(['check', '--json', '--config', config], env);
  const report = valid.parse(JSON.parse(stdout));
  expect(settingOf(report, 'a', 'compression')).toEqual({
    name: 'compression',
    value: 'gzip',
    source: 'file',
    where: `${config}:5 backends.a.compression`,
  });
  expect(settingOf(report, 'a', 'timeout')).toMatchObject({
    value: 3000,
    where: 'SIGNALBOX_BACKEND_A_TIMEOUT',
  });
  expect(report.routes[0]).toMatchObject({ source: 'file', where: `${config}:7 routes.acme` });
});

test('prints the settings of the template, for the keys that no route knows', async () => {
  const { stdout } = await signalbox(['check', '--json'], {
    SIGNALBOX_TEMPLATE_ENDPOINT: 'https://{route}.data.example',
    SIGNALBOX_TEMPLATE_API_KEY: 'secret-key',
    SIGNALBOX_TEMPLATE_MAX_BACKENDS: '7',
  });
  const report = valid.parse(JSON.parse(stdout));
  expect(report.backends).toEqual([]);
  expect(report.template).toContainEqual({
    name: 'endpoint',
    value: 'https://{route}.data.example',
    source: 'variable',
    where: 'SIGNALBOX_TEMPLATE_ENDPOINT',
  });
  expect(report.template).toContainEqual(
    expect.objectContaining({ name: 'api_key', value: '****' }),
  );
  expect(report.settings).toContainEqual(
    expect.objectContaining({ name: 'template_max_backends', value: 7 }),
  );
});

test('tells a default of a dropped-in exporter from its variable', async () => {
  const { stdout } = await signalbox(['check', '--json'], { BRAINTRUST_API_KEY: 'secret-key' });
  const report = valid.parse(JSON.parse(stdout));
  expect(settingOf(report, 'braintrust', 'endpoint')).toEqual({
    name: 'endpoint',
    value: 'https://api.braintrust.dev',
    source: 'default',
  });
  expect(settingOf(report, 'braintrust', 'api_key')).toMatchObject({
    value: '****',
    where: 'BRAINTRUST_API_KEY',
  });
});

test('reads variables of files; those of the environment count first, and of the files the last', async () => {
  const first = temporaryFile('.env', 'SIGNALBOX_BACKENDS=a\nSIGNALBOX_BACKEND_A_TIMEOUT=1\n');
  const second = temporaryFile(
    '.env',
    'SIGNALBOX_BACKEND_A_TIMEOUT=2\nSIGNALBOX_BACKEND_A_COMPRESSION=none\n',
  );
  const { stdout } = await signalbox(
    ['check', '--json', '--env-file', first, '--env-file', second],
    {
      SIGNALBOX_BACKEND_A_ENDPOINT: 'http://a.example',
      SIGNALBOX_BACKEND_A_COMPRESSION: 'gzip',
    },
  );
  const report = valid.parse(JSON.parse(stdout));
  expect(settingOf(report, 'a', 'timeout')?.value).toBe(2);
  expect(settingOf(report, 'a', 'compression')?.value).toBe('gzip');
});

test('reports every problem at once, those of signalbox/register and of propagation among them', async () => {
  const env = {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'ftp://a.example',
    SIGNALBOX_BACKEND_A_TIMEOUTS: '1',
    SIGNALBOX_PROPAGATION_SECRET: 'short',
    SIGNALBOX_STATS_PORT: '70000',
  };
  const { code, stdout } = await signalbox(['check', '--json'], env);
  expect(code).toBe(1);
  const places = invalid.parse(JSON.parse(stdout)).problems.map(({ where }) => where);
  expect(places.sort()).toEqual([
    'SIGNALBOX_BACKEND_A_ENDPOINT',
    'SIGNALBOX_BACKEND_A_TIMEOUTS',
    'SIGNALBOX_PROPAGATION_SECRET',
    'SIGNALBOX_STATS_PORT',
  ]);
  const text = await signalbox(['check'], env);
  expect(text.code).toBe(1);
  expect(text.stdout).toContain('SIGNALBOX_BACKEND_A_TIMEOUT?');
});

test('fits a terminal of 80 columns, in colour', async () => {
  const { code, stdout } = await onTerminal(['check'], twoBackends);
  expect(code).toBe(0);
  expect(stdout).toContain('\u001b[');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
  const lines = stdout.replace(/\u001b\[\d+m/g, '').split('\n');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}timeout +10000 ms +default$/));
});

test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('uses no colours under %o', async (env) => {
  const { stdout } = await onTerminal(['check'], { ...twoBackends, ...env });
  expect(stdout).not.toContain('\u001b');
});

test.each([40, 80])('wraps its warnings at %i columns', async (columns) => {
  const env = {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'http://a.example',
    SIGNALBOX_SOMETHING_THAT_NOBODY_KNOWS_AND_THAT_IS_RATHER_LONG: 'x',
    NO_COLOR: '1',
  };
  const { code, stdout } = await onTerminal(['check'], env, columns);
  expect(code).toBe(0);
  const [, warnings = ''] = stdout.split('\nwarnings\n');
  expect(warnings.replace(/\n */g, '')).toContain('NOBODY_KNOWS_AND_THAT_IS_RATHER_LONG');
  for (const line of warnings.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
});

test('shows the roles, shares and parents of routes', async () => {
  const config = temporaryFile(
    'signalbox.yaml',
    `backends:
  old: { preset: braintrust, endpoint: https://a.example, api_key: k, parent: 'project_name:own' }
  new: { endpoint: https://b.example }
routes:
  acme:
    - { backend: old, share: 90% }
    - { backend: new, share: 10% }
  globex:
    - old
    - { backend: new, role: shadow, share: 5% }
route_parents: { globex: 'project_name:globex' }
`,
  );
  const text = await signalbox(['check', '--config', config], {});
  expect(text.stdout).toMatch(/acme\s+old \(90%\), new \(10%\)/);
  expect(text.stdout).toMatch(/globex\s+old, new \(shadow, 5%\); parent project_name:globex/);
  const { stdout } = await signalbox(['check', '--json', '--config', config], {});
  expect(valid.parse(JSON.parse(stdout)).routes).toMatchObject([
    {
      key: 'acme',
      backends: ['old', 'new'],
      targets: [
        { backend: 'old', role: 'primary', share: '90%' },
        { backend: 'new', role: 'primary', share: '10%' },
      ],
    },
    {
      key: 'globex',
      targets: [
        { backend: 'old', role: 'primary' },
        { backend: 'new', role: 'shadow', share: '5%' },
      ],
      parent: 'project_name:globex',
    },
  ]);
});

test('shows where telemetry about the pipeline goes, without its key', async () => {
  const env = {
    ...twoBackends,
    SIGNALBOX_MONITORING_ENDPOINT: 'https://monitoring.example',
    SIGNALBOX_MONITORING_API_KEY: 'secret-key',
  };
  const { code, stdout } = await signalbox(['check'], env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^monitoring$/m);
  expect(stdout).toMatch(
    /endpoint\s+https:\/\/monitoring\.example\s+SIGNALBOX_MONITORING_ENDPOINT/,
  );
  expect(stdout).not.toContain('secret-key');
  const json = await signalbox(['check', '--json'], env);
  expect(valid.parse(JSON.parse(json.stdout)).monitoring).toContainEqual({
    name: 'telemetry',
    value: 'status,metrics,usage',
    source: 'default',
  });
});

test('shows the class of each backend, and what keys require', async () => {
  const env = {
    ...twoBackends,
    SIGNALBOX_BACKEND_STANDARD_CLASS: 'us',
    SIGNALBOX_BACKEND_BYOC_ACME_CLASS: 'eu',
    SIGNALBOX_EXCLUSIVE_CLASSES: 'eu|cn,us|cn',
    SIGNALBOX_ROUTE_CLASSES: 'acme=eu',
  };
  const { stdout } = await signalbox(['check', '--json'], env);
  const report = valid.parse(JSON.parse(stdout));
  expect(settingOf(report, 'standard', 'class')?.value).toBe('us');
  expect(report.routes.map(({ key, requires }) => [key, requires])).toEqual([
    ['acme', 'eu'],
    ['globex', undefined],
  ]);
  const values = report.settings.map(({ name, value }) => [name, value]);
  expect(Object.fromEntries(values)).toMatchObject({
    exclusive_classes: 'eu|cn,us|cn',
    route_classes: { acme: 'eu' },
  });
  const terminal = await onTerminal(['check'], { ...env, NO_COLOR: '1' });
  expect(terminal.stdout).toMatch(/KEY +BACKENDS +REQUIRES +FROM/);
  expect(terminal.stdout).toMatch(/acme +byoc-acme +eu +SIGNALBOX_ROUTES/);
});
