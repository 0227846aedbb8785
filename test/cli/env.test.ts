import { isDeepStrictEqual, parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { formatDotenvLine } from '../../src/config/dotenv.js';
import { loadConfig } from '../../src/index.js';
import { runs } from '../helpers/runs.js';
import { onTerminal, signalbox } from './command.js';
import { temporaryFile } from './files.js';
import { twoBackends } from './two-backends.js';

const leftOut = z.array(
  z.strictObject({ name: z.string().optional(), path: z.string().optional(), where: z.string() }),
);
const asVariables = z.strictObject({
  ok: z.literal(true),
  variables: z.record(z.string(), z.string()),
  leftOut,
});
const asFile = z.strictObject({
  ok: z.literal(true),
  config: z.record(z.string(), z.unknown()),
  leftOut,
});

/** The settings of a file that secrets are taken out of, or left in. */
async function toFile(env: NodeJS.ProcessEnv, ...flags: string[]): Promise<string> {
  const { code, stdout } = await onTerminal(['env', '--to', 'yaml', ...flags], env);
  expect(code).toBe(0);
  return temporaryFile('signalbox.yaml', stdout);
}

const others = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SIGNALBOX_')));

test('prints a file for the variables, in which secrets are references to them', async () => {
  const { code, stdout } = await signalbox(['env'], twoBackends);
  expect(code).toBe(0);
  expect(stdout).not.toContain('secret-');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the file's own reference.
  expect(stdout).toContain('api_key: ${SIGNALBOX_BACKEND_STANDARD_API_KEY}');
  expect(stdout).toContain(
    '# Left out, as it is secret: backends.byoc-acme.headers (SIGNALBOX_BACKEND_BYOC_ACME_HEADERS)',
  );
});

test('beside the variables that hold the secrets, the file resolves to the same', async () => {
  const file = await toFile(twoBackends);
  const secrets = Object.fromEntries(
    Object.entries(twoBackends).filter(
      ([name, value]) => value.includes('secret-') || name.startsWith('OTEL_'),
    ),
  );
  const config = loadConfig({ ...secrets, SIGNALBOX_CONFIG_FILE: file });
  expect(config).toEqual(loadConfig(twoBackends));
});

test('prints the variables for a file, each secret as a comment', async () => {
  const file = await toFile(twoBackends, '--show-secrets');
  const { code, stdout } = await signalbox(['env', '--config', file]);
  expect(code).toBe(0);
  expect(stdout).not.toContain('secret-');
  expect(stdout).toContain(
    `# SIGNALBOX_BACKEND_STANDARD_API_KEY=**** (${file}:5 backends.standard.api_key)`,
  );
  expect(parseEnv(stdout)).not.toHaveProperty('SIGNALBOX_BACKEND_STANDARD_API_KEY');
  expect(parseEnv(stdout)).toMatchObject({
    SIGNALBOX_BACKENDS: 'standard,byoc-acme',
    SIGNALBOX_ROUTES: twoBackends.SIGNALBOX_ROUTES,
  });
});

test('prints both forms as JSON', async () => {
  const file = await signalbox(['env', '--json'], twoBackends);
  expect(asFile.parse(JSON.parse(file.stdout)).leftOut).toEqual([
    { path: 'backends.byoc-acme.headers', where: 'SIGNALBOX_BACKEND_BYOC_ACME_HEADERS' },
  ]);
  const variables = await signalbox(['env', '--json', '--to', 'env'], twoBackends);
  const parsed = asVariables.parse(JSON.parse(variables.stdout));
  expect(parsed.variables).toHaveProperty('SIGNALBOX_DEFAULT_ROUTE', 'standard');
  expect(parsed.leftOut.map(({ name }) => name)).toContain('SIGNALBOX_PROPAGATION_SECRET');
  expect(variables.stdout + file.stdout).not.toContain('secret-');
});

test('residency classes go both ways', async () => {
  const env = {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_EXCLUSIVE_CLASSES: 'eu|us,eu|cn',
    SIGNALBOX_ROUTE_CLASSES: 'a=eu',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'https://otlp.example.com',
    SIGNALBOX_BACKEND_A_CLASS: 'eu',
  };
  const file = await toFile(env);
  expect(loadConfig({ SIGNALBOX_CONFIG_FILE: file })).toEqual(loadConfig(env));
  const { code, stdout } = await onTerminal(['env'], { SIGNALBOX_CONFIG_FILE: file });
  expect(code).toBe(0);
  expect({ ...parseEnv(stdout) }).toEqual(env);
});

test('a template goes both ways', async () => {
  const env = {
    SIGNALBOX_TEMPLATE_ENDPOINT: 'https://{route}.data.example',
    SIGNALBOX_TEMPLATE_API_KEY: 'secret-key',
    SIGNALBOX_TEMPLATE_IDLE_TIMEOUT: '1000',
  };
  const file = await toFile(env);
  const { SIGNALBOX_TEMPLATE_API_KEY } = env;
  const beside = { SIGNALBOX_TEMPLATE_API_KEY, SIGNALBOX_CONFIG_FILE: file };
  expect(loadConfig(beside)).toEqual(loadConfig(env));
  const { code, stdout } = await onTerminal(['env', '--show-secrets'], beside);
  expect(code).toBe(0);
  expect({ ...parseEnv(stdout) }).toEqual(env);
});

test('settings of monitoring go both ways', async () => {
  const env = {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'https://a.example',
    SIGNALBOX_MONITORING_ENDPOINT: 'https://monitoring.example',
    SIGNALBOX_MONITORING_TELEMETRY: 'status,logs',
    SIGNALBOX_MONITORING_API_KEY: 'secret-key',
  };
  const file = await toFile(env);
  const { SIGNALBOX_MONITORING_API_KEY } = env;
  const beside = { SIGNALBOX_MONITORING_API_KEY, SIGNALBOX_CONFIG_FILE: file };
  expect(loadConfig(beside)).toEqual(loadConfig(env));
  const { code, stdout } = await onTerminal(['env', '--show-secrets'], beside);
  expect(code).toBe(0);
  expect({ ...parseEnv(stdout) }).toEqual(env);
});

test('a file that no variables can say is a problem', async () => {
  const file = temporaryFile(
    'signalbox.yaml',
    'backends: { a-b: { endpoint: "http://x.example" }, a_b: { endpoint: "http://y.example" } }',
  );
  const { code, stdout, stderr } = await signalbox(['env', '--config', file]);
  expect(code).toBe(1);
  // It may have been led into a file.
  expect(stdout).toBe('');
  expect(stderr).toContain('SIGNALBOX_BACKEND_A_B_');
});

describe('a value that can stand in no line', () => {
  const env = {
    SIGNALBOX_BACKENDS: 'a',
    SIGNALBOX_BACKEND_A_ENDPOINT: 'http://a.example',
    SIGNALBOX_BACKEND_A_API_KEY: "secret-'`",
  };

  test('is a problem, and nothing else is printed', async () => {
    const { code, stdout, stderr } = await signalbox(['env', '--to', 'env', '--show-secrets'], env);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('SIGNALBOX_BACKEND_A_API_KEY: has a value that stands in no line');
    expect(stderr).not.toContain('secret-');
  });

  test('is a comment where it is secret, and a string in JSON', async () => {
    const { code, stdout } = await signalbox(['env', '--to', 'env'], env);
    expect(code).toBe(0);
    expect(stdout).toContain('# SIGNALBOX_BACKEND_A_API_KEY=****');
    const json = await signalbox(['env', '--to', 'env', '--show-secrets', '--json'], env);
    expect(asVariables.parse(JSON.parse(json.stdout)).variables).toEqual(env);
  });
});

test('problems are printed as JSON to stdout, for programs to read', async () => {
  const { code, stdout, stderr } = await signalbox(['env', '--json'], {});
  expect(code).toBe(1);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({ ok: false });
});

test('a file that offers no route at all is not said by leaving the routes out', async () => {
  const file = temporaryFile(
    'signalbox.yaml',
    'backends: { a: { endpoint: "http://x.example" } }\nroutes: {}\ndefault_route: a\n',
  );
  expect((await onTerminal(['env', '--config', file])).code).toBe(1);
});

describe('round trips', () => {
  const text = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
  const isWritable = (env: NodeJS.ProcessEnv) =>
    Object.entries(env).every(([name, value = '']) => formatDotenvLine(name, value) !== undefined);
  const name = fc.constantFrom('a', 'b-1', 'Tenant_7');
  const backend = fc.record(
    {
      ENDPOINT: fc.constantFrom('https://a.example', 'http://[::1]:4318/x?q=$1', 'http://a.b/$$'),
      API_KEY: text,
      HEADERS: fc
        .dictionary(fc.stringMatching(/^x-[a-z]{1,5}$/), text, { minKeys: 1, maxKeys: 3 })
        .map((headers) =>
          Object.entries(headers)
            .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
            .join(','),
        ),
      PROXY: fc.constantFrom('none', 'http://user:p%24%7Bx%7D@proxy.example:3128'),
      PROTOCOL: fc.constantFrom('http/json', 'http/protobuf'),
      AUDIT_HEADERS: fc.constantFrom('true', 'false'),
      COMPRESSION: fc.constantFrom('none', 'gzip'),
      TIMEOUT: fc.integer({ min: 1, max: 60_000 }).map(String),
      MAX_QUEUE_SIZE: fc.integer({ min: 600, max: 60_000 }).map(String),
      SCHEDULE_DELAY: fc.integer({ min: 0, max: 60_000 }).map(String),
    },
    { requiredKeys: ['ENDPOINT'] },
  );
  const environment = fc
    .record({
      backends: fc.dictionary(name, backend, { minKeys: 1 }),
      attribute: fc.option(fc.oneof(text, fc.constant('')), { nil: undefined }),
      hasRoutes: fc.boolean(),
      others: fc.record({ OTEL_BSP_SCHEDULE_DELAY: fc.constant('77') }, { requiredKeys: [] }),
    })
    .map(({ backends, attribute, hasRoutes, others }) => {
      const names = Object.keys(backends);
      return {
        ...others,
        SIGNALBOX_BACKENDS: names.join(','),
        SIGNALBOX_DEFAULT_ROUTE: names[0] ?? '',
        ...(hasRoutes && { SIGNALBOX_ROUTES: `k=${names.join('+')}` }),
        ...(attribute !== undefined && { SIGNALBOX_ROUTE_ATTRIBUTE: attribute }),
        ...Object.fromEntries(
          Object.entries(backends).flatMap(([each, settings]) =>
            Object.entries(settings).map(([key, value]) => [
              `SIGNALBOX_BACKEND_${each.toUpperCase().replaceAll('-', '_')}_${key}`,
              value,
            ]),
          ),
        ),
      };
    });

  const { parameters, timeoutMs } = runs(25);
  const property = 'variables, a file, and variables again resolve to the same';
  test(property, { timeout: timeoutMs }, async () => {
    await fc.assert(
      fc.asyncProperty(environment, async (env) => {
        const expected = loadConfig(env, () => {});
        const file = await toFile(env, '--show-secrets');
        const fromFile = { ...others(env), SIGNALBOX_CONFIG_FILE: file };
        expect(loadConfig(fromFile, () => {})).toEqual(expected);
        const back = await onTerminal(['env', '--show-secrets'], fromFile);
        // What can stand in no line is a problem, and nothing is printed.
        expect(back.code).toBe(isWritable(env) ? 0 : 1);
        expect(back.stdout === '').toBe(!isWritable(env));
        if (!isWritable(env)) return;
        const again = { ...others(env), ...parseEnv(back.stdout) };
        expect(loadConfig(again, () => {})).toEqual(expected);
      }),
      // Its examples are of another property's type than the one that is given here.
      parameters as fc.Parameters<[NodeJS.ProcessEnv]>,
    );
  });

  test('a line of an .env file is read as it was written', () => {
    const value = fc.string({ unit: fc.constantFrom(...'ab \\$#=\'"`!\n'), maxLength: 12 });
    fc.assert(
      fc.property(value, (given) => {
        const line = formatDotenvLine('NAME', given);
        if (line === undefined) return given.includes("'") && given.includes('`');
        return isDeepStrictEqual(
          { ...parseEnv(`A=1\n${line}\nB=2`) },
          { A: '1', NAME: given, B: '2' },
        );
      }),
    );
  });
});
