import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig, resolveFromEnv } from '../../src/config/env.js';
import { ConfigError } from '../../src/config/error.js';
import { resolveConfig } from '../../src/config/resolve.js';
import {
  backendSettings,
  processSettings,
  type Setting,
  type SignalboxConfig,
} from '../../src/config/schema.js';

// The same cases in every run.
fc.configureGlobal({ seed: 4318 });

const folder = mkdtempSync(join(tmpdir(), 'signalbox-properties-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** What `act` says, whether it throws or returns; anything thrown but a `ConfigError` is a bug. */
function saidBy(act: () => { readonly warnings: readonly string[] }): string {
  try {
    return act().warnings.join('\n');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message}\n${error.stack}\n${JSON.stringify(error.problems)}`;
  }
}

const variablesOf = (settings: Readonly<Record<string, Setting>>): string[] =>
  Object.values(settings).flatMap(({ variable }) => variable ?? []);
const backendVariables = variablesOf(backendSettings);
const processVariables = variablesOf(processSettings);

const marker = 'SECRETMARKER';
/** A secret in all the shapes that people get wrong. */
const secret = fc.constantFrom(
  marker,
  `${marker}\n`,
  `a,${marker}`,
  `${marker}=`,
  `=${marker}`,
  `;${marker}`,
  `%zz${marker}`,
  `x-a=1,${marker}`,
  `x-a=${marker};b`,
  `x-a=${marker}€`,
  `x-a=1,X-A=${marker}`,
  `content-type=${marker}`,
  `authorization=Bearer ${marker}`,
  `https://user:${marker}@otlp.example.com`,
  `https://${marker}@otlp.example.com/#x`,
  `http://user:${marker}@proxy.example.com/path`,
  `socks5://${marker}@proxy.example.com`,
  `http://user:${marker}@:1:1`,
);

const secretNames = ['API_KEY', 'HEADERS', 'PROXY', 'ENDPOINT', 'TRACES_ENDPOINT'];
const plainValue = fc.constantFrom(
  '',
  '0',
  '7',
  'x',
  'otlp',
  'braintrust',
  'gzip',
  'default',
  'a',
  'a=a',
  'console',
  'http://127.0.0.1',
  '/nonexistent',
);

describe('secrets', () => {
  test('in variables are in no error and no warning', () => {
    const own = secretNames.map((name) => `SIGNALBOX_BACKEND_A_${name}`);
    const others = [
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'BRAINTRUST_API_KEY',
      'BRAINTRUST_API_URL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
    ];
    const plain = backendVariables
      .filter((name) => !secretNames.includes(name))
      .map((name) => `SIGNALBOX_BACKEND_A_${name}`);
    const environment = fc
      .tuple(
        fc.dictionary(fc.constantFrom(...own, ...others), secret),
        fc.dictionary(fc.constantFrom(...plain), plainValue, { maxKeys: 3 }),
        fc.constantFrom({}, { SIGNALBOX_BACKENDS: 'a' }, { SIGNALBOX_BACKENDS: 'a,b' }),
      )
      .map((parts) => Object.assign({}, ...parts) as Record<string, string>);
    fc.assert(
      fc.property(environment, (env) => {
        expect(saidBy(() => resolveFromEnv(env))).not.toContain(marker);
      }),
      { numRuns: 500 },
    );
  });

  test('in files that settings name are in no error and no warning', () => {
    const files = [
      marker,
      `${marker}\n\n${marker}`,
      `${marker}€`,
      `-----BEGIN CERTIFICATE-----\n${marker}\n-----END CERTIFICATE-----`,
      `-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----`,
    ].map((content, index) => write(`secret-${index}`, content));
    const names = ['API_KEY_FILE', 'CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'];
    const named = fc.dictionary(
      fc.constantFrom(...names.map((name) => `SIGNALBOX_BACKEND_A_${name}`)),
      fc.constantFrom(...files),
    );
    fc.assert(
      fc.property(named, (env) => {
        const whole = {
          SIGNALBOX_BACKENDS: 'a',
          SIGNALBOX_BACKEND_A_ENDPOINT: 'https://127.0.0.1',
          ...env,
        };
        expect(saidBy(() => resolveFromEnv(whole))).not.toContain(marker);
      }),
    );
  });

  test('in the configuration file are in no error and no warning', () => {
    const places = ['api_key', 'endpoint', 'traces_endpoint', 'proxy', 'headers'];
    const forms = [
      (text: string) => JSON.stringify(text),
      (text: string) => text.replaceAll('\n', ' '),
      (text: string) => `[${JSON.stringify(text)}]`,
      (text: string) => `{ x-a: ${JSON.stringify(text)} }`,
      (text: string) => `{ host: ${JSON.stringify(text)}, x b: ${JSON.stringify(text)} }`,
      (text: string) => `"${text}`,
      (text: string) => `!tag ${text}`,
      (text: string) => `*${text}`,
      // The name of a variable may be shown.
      (text: string) => `\${:${text}}`,
      (text: string) => `\${UNSET:-${text}}`,
      (text: string) => `|\n      ${text}`,
    ];
    const line = fc
      .tuple(fc.constantFrom(...places), secret, fc.constantFrom(...forms))
      .map(([place, text, form]) => `    ${place}: ${form(text)}`);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 3 }), (lines) => {
        const path = write('secret.yaml', ['backends:', '  a:', ...lines].join('\n'));
        const env = { SIGNALBOX_CONFIG_FILE: path };
        expect(saidBy(() => resolveFromEnv(env))).not.toContain(marker);
      }),
      { numRuns: 500 },
    );
  });

  test('in code are in no error and no warning', () => {
    const options = fc.record(
      {
        apiKey: secret,
        endpoint: secret,
        tracesEndpoint: secret,
        proxy: secret,
        // A name that looks like one may be shown.
        headers: fc.oneof(
          secret,
          fc.dictionary(
            secret.filter((text) => text !== marker),
            secret,
          ),
        ),
        exporter: fc.constantFrom('otlp-http', 'console', 'signalbox'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, (backend) => {
        const config = { backends: { a: backend } } as unknown as SignalboxConfig;
        expect(saidBy(() => resolveConfig(config))).not.toContain(marker);
      }),
      { numRuns: 500 },
    );
  });
});

describe('nothing but a ConfigError is ever thrown', () => {
  const anyName = fc.oneof(
    fc.constantFrom(...processVariables, 'CONFIG_FILE').map((name) => `SIGNALBOX_${name}`),
    fc
      .tuple(fc.constantFrom('A', 'A_B', 'A_TRACES', 'OTLP'), fc.constantFrom(...backendVariables))
      .map(([part, name]) => `SIGNALBOX_BACKEND_${part}_${name}`),
    fc.constantFrom(
      'BRAINTRUST_API_KEY',
      'BRAINTRUST_API_URL',
      'BRAINTRUST_PARENT',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_EXPORTER_OTLP_CERTIFICATE',
      'OTEL_BSP_MAX_QUEUE_SIZE',
      'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
      'OTEL_CONFIG_FILE',
      'HTTP_PROXY',
      'https_proxy',
      'NO_PROXY',
    ),
    fc.string({ unit: 'binary' }).map((text) => `SIGNALBOX_${text}`),
    fc.string({ unit: 'binary' }).map((text) => `SIGNALBOX_BACKEND_${text}`),
  );
  const anyValue = fc.oneof(
    plainValue,
    fc.constantFrom('a,a-b', 'a_b,a-traces', 'a=a+b', 'x=%zz', '/', '/dev/zero', folder),
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
    fc.integer().map(String),
  );

  test('for any environment', () => {
    const environment = fc
      .array(fc.tuple(anyName, anyValue), { maxLength: 12 })
      .map((entries) => Object.fromEntries(entries));
    fc.assert(
      fc.property(environment, (env) => {
        saidBy(() => resolveFromEnv(env));
      }),
      { numRuns: 300 },
    );
  });

  test('for any file', () => {
    const keys = [...processVariables, ...backendVariables].map((name) => name.toLowerCase());
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue(),
        anyValue,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'a-b', 'x-a', '__proto__', ...keys), tie('value'), {
          maxKeys: 4,
        }),
      ),
    }));
    const settings = fc.dictionary(fc.constantFrom('a', ...keys), value);
    const text = fc.oneof(
      settings.map((root) => JSON.stringify(root)),
      fc
        .record({ backends: fc.dictionary(fc.constantFrom('a', 'b'), settings) })
        .map((root) => JSON.stringify(root)),
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            'a',
            ': ',
            '\n',
            ' ',
            '- ',
            '&x ',
            '*x',
            '[',
            ']',
            '{',
            '}',
            '"',
            '|',
            '$',
            '#',
            '!',
          ),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (content) => {
        const path = write('any.yaml', content);
        saidBy(() => resolveFromEnv({ SIGNALBOX_CONFIG_FILE: path }));
      }),
      { numRuns: 300 },
    );
  });

  test('for any object', () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true });
    const config = fc.oneof(
      anything,
      fc.dictionary(
        fc.constantFrom(...Object.keys(processSettings)),
        fc.oneof(
          anything,
          fc.dictionary(
            fc.string(),
            fc.dictionary(fc.constantFrom(...Object.keys(backendSettings)), anything),
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(config, (value) => {
        saidBy(() => resolveConfig(value as SignalboxConfig));
      }),
      { numRuns: 300 },
    );
  });
});

test('what loadConfig returns resolves to what fromEnv uses', () => {
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const environment = fc
    .record({
      SIGNALBOX_BACKEND_A_ENDPOINT: fc.constantFrom('http://a.example', 'https://a.example/x?y=z'),
      SIGNALBOX_BACKEND_B_TRACES_ENDPOINT: fc.constantFrom(
        'http://b.example',
        'https://b.example/',
      ),
      SIGNALBOX_BACKEND_A_API_KEY: maybe(fc.constant('k')),
      SIGNALBOX_BACKEND_A_HEADERS: maybe(fc.constantFrom('x-a=1', 'X-A=%20b,y=2')),
      SIGNALBOX_BACKEND_B_EXPORTER: maybe(fc.constantFrom('signalbox')),
      SIGNALBOX_BACKEND_B_PROXY: maybe(fc.constantFrom('none', 'http://p.example:3128')),
      SIGNALBOX_ROUTES: maybe(fc.constantFrom('acme=a', 'acme=a+b,globex=b')),
      SIGNALBOX_DEFAULT_ROUTE: maybe(fc.constantFrom('a', 'b')),
      SIGNALBOX_ROUTE_ATTRIBUTE: maybe(fc.constantFrom('', 'tenant')),
      OTEL_EXPORTER_OTLP_PROTOCOL: maybe(fc.constantFrom('http/json', 'grpc')),
      OTEL_EXPORTER_OTLP_TIMEOUT: maybe(fc.constantFrom('7', 'x')),
      OTEL_BSP_MAX_QUEUE_SIZE: maybe(fc.constantFrom('100')),
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: maybe(fc.constantFrom('10', '1000')),
      HTTP_PROXY: maybe(fc.constant('http://u:p@proxy.example:3128')),
      NO_PROXY: maybe(fc.constantFrom('a.example', '*')),
    })
    .map((env) => ({ SIGNALBOX_BACKENDS: 'a,b', ...env }));
  fc.assert(
    fc.property(environment, (env) => {
      const { warnings: _, ...expected } = resolveFromEnv(env);
      const { warnings: __, ...resolved } = resolveConfig(loadConfig(env, () => {}));
      expect(resolved).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});
